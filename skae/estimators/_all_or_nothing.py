"""A decorator for fits that leave the estimator unchanged if they fail."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

Fit = TypeVar("Fit", bound=Callable[..., Any])


def all_or_nothing(fit: Fit) -> Fit:
    """Restore an estimator if its fit fails or is interrupted.

    Otherwise the network of an earlier fit would be combined with the number of features, their
    names and the sample shape of the rows of the failed fit.
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
