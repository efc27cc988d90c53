"""The start at factor analysis of mixed data, against its definition."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.linalg import subspace_angles
from support.mixed_tables import mixed_table

from skae import AutoencoderTransformer
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.prepare import prepare
from skae._tables.validation import validate_rows
from skae.columns import Columns


def famd_axes(frame: pd.DataFrame, n_axes: int) -> np.ndarray:
    """Return principal axes of standardised numbers and indicators over the roots of frequencies.

    See Pagès 2004: indicators are centred and divided by the roots of their frequencies.
    """
    parts = []
    for name in frame:
        column = frame[name]
        if column.dtype.kind == "f":
            parts.append(((column - column.mean()) / column.std(ddof=0)).to_numpy()[:, None])
        else:
            indicators = pd.get_dummies(column, dtype=float).to_numpy()
            frequencies = indicators.mean(axis=0)
            parts.append((indicators - frequencies) / np.sqrt(frequencies))
    return np.linalg.svd(np.hstack(parts), full_matrices=False)[2][:n_axes]


def started(frame, n_components, **params):
    estimator = AutoencoderTransformer(n_components, **params)
    X = validate_rows(estimator, frame, reset=True)
    return prepare(X, FitPolicy.of(estimator), 0), estimator.columns_


@pytest.mark.parametrize("columns", [["pay", "job", "city", "age"], ["job", "city", "size"]])
def test_the_linear_path_starts_at_factor_analysis_of_mixed_data(columns):
    """All-categorical tables: multiple correspondence analysis."""
    frame = mixed_table(400)[columns].astype(
        {name: float if name in ("pay", "age") else "category" for name in columns}
    )
    frame = frame.assign(**{c: frame[c].astype(str) for c in frame if c not in ("pay", "age")})
    prepared, table = started(frame, 3)
    axes = prepared.network.linear_encoder.weight.detach().numpy().astype(float)
    # The indicator of levels that fit did not see is always 0.
    seen = np.array([not name.endswith("_unknown") for name in table.feature_names])
    assert np.abs(axes[:, ~seen]).max() < 1e-6
    angles = subspace_angles(axes[:, seen].T, famd_axes(frame, 3).T)
    assert np.rad2deg(angles).max() < 0.1


def test_the_start_is_worth_what_factor_analysis_predicts():
    """Its indicators, clipped and normalised to probabilities, give the same score."""
    frame = mixed_table(400)[["pay", "job"]].astype({"job": str})
    prepared, table = started(frame, 1)
    network = prepared.network.eval()
    rows = prepared.rows.take(torch.arange(400))
    probabilities = table.columns[1].level_probabilities(
        prepared.spec.scaling.undo(network.decode(network.encode(rows)).detach().numpy())[:, 1:]
    )
    indicators = pd.get_dummies(frame["job"], dtype=float).to_numpy()
    frequencies = indicators.mean(axis=0)
    pay = ((frame["pay"] - frame["pay"].mean()) / frame["pay"].std(ddof=0)).to_numpy()
    scaled = np.column_stack([pay, (indicators - frequencies) / np.sqrt(frequencies)])
    axis = famd_axes(frame, 1)
    predicted = (scaled @ axis.T @ axis)[:, 1:] * np.sqrt(frequencies) + frequencies
    predicted = np.clip(predicted, 0.01, None)
    predicted /= predicted.sum(axis=1, keepdims=True)
    of_famd = -np.log(predicted[indicators.astype(bool)]).mean()
    found = -np.log(probabilities[indicators.astype(bool)]).mean()
    assert found < of_famd + 0.02


def test_each_column_has_unit_inertia_per_degree_of_freedom():
    frame = mixed_table(400)
    prepared, table = started(frame, 2)
    rows = prepared.rows.take(torch.arange(400)).double().numpy()
    inertia = [np.square(rows[:, span]).mean(axis=0).sum() for span in table.spans]
    roles = [column.role for column in table.columns]
    assert roles == [
        *("number", "categorical", "categorical", "ordinal", "boolean", "number", "number")
    ]
    np.testing.assert_allclose(inertia, [1, 2, 1, 1, 1, 1, 1], rtol=1e-5)


def test_rows_of_no_weight_do_not_change_the_units():
    frame = mixed_table(200)
    weight = (np.arange(200) < 150).astype(float)
    both, alone = AutoencoderTransformer(2), AutoencoderTransformer(2)
    X = validate_rows(both, frame, reset=True)
    found = prepare(X, FitPolicy.of(both), 0, sample_weight=weight / weight.mean())
    Y = validate_rows(alone, frame.iloc[:150], reset=True)
    expected = prepare(Y, FitPolicy.of(alone), 0)
    np.testing.assert_allclose(found.spec.scaling.centre, expected.spec.scaling.centre)
    np.testing.assert_allclose(found.spec.loss.baseline, expected.spec.loss.baseline, rtol=1e-6)


def test_losses_of_columns_are_grouped_by_their_parameters():
    frame = mixed_table(100)
    estimator = AutoencoderTransformer(
        2, loss={"pay": "huber"}, columns=Columns(count="children"), max_epochs=1
    )
    X = validate_rows(estimator, frame, reset=True)
    loss = prepare(X, FitPolicy.of(estimator), 0).spec.loss
    names = [type(loss.losses[i]).__name__ for i in loss.loss_of_column]
    assert names == [
        "Huber",
        *("CategoricalCrossEntropy", "CategoricalCrossEntropy", "CumulativeLogits", "BCE"),
        *("Poisson", "MSE"),
    ]
    assert len(loss.losses) == 6
