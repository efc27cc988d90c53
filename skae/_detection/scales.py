"""Scales of an ensemble that follow from the scores of calibration rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skae._data.blocks import dense_blocks
from skae._data.matrix import Matrix
from skae._detection.ensemble import Ensemble, Member
from skae._detection.missing_scale import MissingScale, numbers_of_missing


def with_scales(
    ensemble: Ensemble, calibration: Sequence[tuple[Sequence[int], Matrix]], device: str
) -> Ensemble:
    """Return an ensemble whose scores have units, and regard missing and far values.

    Parameters
    ----------
    ensemble : Ensemble
        Networks with their scores and ranges.

    calibration : sequence of (sequence of int, matrix)
        Calibration rows, each time with the places of the networks that were not trained on them.

    device : str
        Device of the networks.
    """
    ensemble = with_units(ensemble, calibration, device)
    takes_missing = ensemble.members[0].network.spec.takes_missing
    scores, n_missing = [], []
    for members, X in calibration:
        scores += list(ensemble.part(members).scores_of_networks(X, device))
        n_missing += [numbers_of_missing(X)] * len(members) if takes_missing else []
    found, scale = np.concatenate(scores), None
    if takes_missing:
        numbers = np.concatenate(n_missing)
        scale = MissingScale.of(found, numbers, calibration[0][1].shape[1])
        found = scale.apply(found, numbers)
    size = float(np.ptp(found)) or 1.0
    sized = [replace(m, ranges=m.ranges and replace(m.ranges, size=size)) for m in ensemble.members]
    return Ensemble(sized, scale)


def with_units(
    ensemble: Ensemble, calibration: Sequence[tuple[Sequence[int], Matrix]], device: str
) -> Ensemble:
    """Return the ensemble with the median of calibration rows as the unit of relative scores.

    Parameters
    ----------
    ensemble : Ensemble
        Networks with their scores.

    calibration : sequence of (sequence of int, matrix)
        Calibration rows, each time with the places of the networks that were not trained on them.

    device : str
        Device of the networks.
    """
    members = list(ensemble.members)
    for places, X in calibration:
        for place in places:
            if members[place].score.relative:
                members[place] = _with_unit(members[place], X, device)
    return Ensemble(members, ensemble.missing_scale)


def _with_unit(member: Member, X: Matrix, device: str) -> Member:
    """Return a member with the medians of calibration rows as the units of its score."""
    parts = member.parts(X, device)
    member = replace(member, score=member.score.balanced(np.median(parts, axis=0)))
    (scores,) = Ensemble([member]).scores_of_networks(X, device)
    unit = float(np.median(scores))
    return replace(member, unit=unit if 0 < unit < np.inf else 1.0)


def with_known_values(X: Matrix) -> np.ndarray:
    """Return a mask of the rows with any known value; of all rows, if there is none."""
    known = np.concatenate([~np.isnan(block).all(axis=1) for _, block in dense_blocks(X)])
    return known if known.any() else ~known


def warn_of_unknown_rows(X: Matrix) -> None:
    """Warn of rows without any known value, about which scores say nothing."""
    n_unknown = sum(int(np.isnan(block).all(axis=1).sum()) for _, block in dense_blocks(X))
    if n_unknown:
        warnings.warn(
            f"{n_unknown} of {X.shape[0]} rows of X have no known value, so nothing can be said of "
            f"them: they have the score of the most ordinary calibration row, the p-value 1 and "
            f"the label 1. Leave them out, or look for them with np.isnan(X).all(axis=1).",
            UserWarning,
            stacklevel=2,
        )
