"""Pipelines in displays: their last step, and rows as it receives them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline


class LastStep:
    """The last step of a pipeline, and the steps before it; or an estimator that is no pipeline.

    Parameters
    ----------
    estimator : object
        Argument of the user.

    whole : bool, default=False
        Whether to treat a pipeline as an estimator that is none.

    Attributes
    ----------
    estimator : object
        The last step, or the argument itself.
    """

    def __init__(self, estimator: Any, whole: bool = False):
        self._before: list[Pipeline] = []
        while isinstance(estimator, Pipeline) and not whole:
            if len(estimator) > 1:
                self._before.append(estimator[:-1])
            estimator = estimator[-1]
        self.estimator = estimator

    def rows(self, X: Any) -> Any:
        """Return rows transformed by the steps before the last one."""
        for steps in self._before:
            X = steps.transform(X)
        return X

    def named(self, of_features: pd.Series) -> pd.Series:
        """Return one number for each feature, with the names of the features if steps know them.

        A step that does not return data frames hides the names from the steps behind it.
        """
        names = self._names()
        if names is None or len(names) != len(of_features):
            return of_features
        return of_features.set_axis(names)

    def _names(self) -> Any:
        if not self._before or hasattr(self.estimator, "feature_names_in_"):
            return None
        names = None
        try:
            for steps in self._before:
                names = steps.get_feature_names_out(names)
        except (AttributeError, ValueError):  # a step has no names to give
            return None
        return names


def rebuilding_step(estimator: Any) -> LastStep:
    """Return the part of a pipeline that can reconstruct rows.

    It is the whole pipeline if all of its steps can be inverted, so that rows keep their units, and
    its last step otherwise.
    """
    inverts = hasattr(estimator, "transform") and hasattr(estimator, "inverse_transform")
    return LastStep(estimator, whole=inverts)
