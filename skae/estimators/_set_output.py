"""The method ``set_output`` for estimators that rebuild rows without ``transform``."""

from __future__ import annotations

from typing import Self

from sklearn.base import BaseEstimator

from skae._utils.checks import check_choice


class SetOutputMixin(BaseEstimator):
    """Chooses the container of rebuilt rows, as scikit-learn's transformers do."""

    def set_output(self, *, transform: str | None = None) -> Self:
        """Set the container in which rebuilt rows are returned.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            "default" means arrays; None leaves the choice as it is. Without a call, the option
            ``transform_output`` of ``sklearn.set_config`` decides.

        Returns
        -------
        self : estimator
            This estimator.
        """
        if transform is not None:
            check_choice(transform, "transform", ("default", "pandas", "polars"))
            self._sklearn_output_config = {"transform": transform}
        return self
