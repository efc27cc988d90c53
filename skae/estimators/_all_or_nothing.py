"""Fits that fail leave no trace."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

Fit = TypeVar("Fit", bound=Callable[..., Any])


def all_or_nothing(fit: Fit) -> Fit:
    """Leave an estimator as it was before a fit that fails, or is interrupted.

    Otherwise an earlier fit would be joined with the number of features, their names and the
    shape of the samples of the rows that could not be fitted.
    """

    @functools.wraps(fit)
    def fit_or_leave(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = vars(self).copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            for name in vars(self).keys() - before.keys():
                del vars(self)[name]
            vars(self).update(before)
            raise

    return cast(Fit, fit_or_leave)
