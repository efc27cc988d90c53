"""Alerts: outliers with their leading features, the values of these, and what was expected."""

import numpy as np
import pandas as pd

from skae import AutoencoderOutlierDetector
from skae._detection import alerts
from skae._detection.alerts import Leading, alert_frame, expected_values, leading_features


def test_leading_features():
    contributions = np.array([[1.0, -5.0, 3.0], [2.0, 2.0, 0.0]])
    np.testing.assert_array_equal(leading_features(contributions, 2), [[2, 0], [0, 1]])
    assert leading_features(contributions, 9).shape == (2, 3)


def test_expected_values_are_those_of_a_gaussian(monkeypatch):
    """A linear reconstruction that shrinks towards the conditional mean has it as fixed point."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(2, 4))
    covariance = factor.T @ factor + 0.05 * np.eye(4)
    noise = 0.3 * np.eye(4)
    removes_noise = np.linalg.solve(covariance + noise, covariance)
    rows = rng.normal(size=(7, 4)) * [10, 1, 1, 1]
    features = np.tile([0, 3], (7, 1))
    monkeypatch.setattr(alerts, "_N_STEPS", 500)
    monkeypatch.setattr(alerts, "_MOST_ENTRIES", 24)  # several blocks
    found = expected_values(lambda X: X @ removes_noise, rows, features, np.zeros(4))
    for place, j in enumerate((0, 3)):
        others = [k for k in range(4) if k != j]
        # Where r_j = x_j: the value at rest of the linear map.
        at_rest = rows[:, others] @ removes_noise[others, j] / (1 - removes_noise[j, j])
        np.testing.assert_allclose(found[:, place], at_rest, rtol=1e-6)


def test_expected_values_are_close_to_the_conditional_mean():
    """Of rows with one value eight standard deviations off; their reconstructions are not."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(3, 8))

    def table(n):
        return rng.normal(size=(n, 3)) @ factor + 0.3 * rng.normal(size=(n, 8))

    X, faulty = table(1000), table(40)
    column, spread = rng.integers(0, 8, 40), X.std(axis=0)
    faulty[np.arange(40), column] += 8 * spread[column]
    covariance, exact = np.cov(X.T), np.empty(40)
    for i, j in enumerate(column):
        others = np.arange(8) != j
        weights = np.linalg.solve(covariance[np.ix_(others, others)], covariance[j, others])
        exact[i] = faulty[i, others] @ weights
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=20, random_state=0).fit(X)

    def error(values):
        return np.sqrt(np.mean(np.square((values - exact) / spread[column])))

    expected = expected_values(detector.reconstruct, faulty, column[:, None], X.mean(axis=0))
    assert error(expected[:, 0]) < 0.3
    assert error(detector.reconstruct(faulty)[np.arange(40), column]) > 3


def test_frame():
    features = np.array([[1, 0], [0, 1]])
    frame = alert_frame(
        np.array([2.0, 5.0]),
        np.array([0.5, 0.1]),
        Leading(features, np.array([[7.0, 8.0], [9.0, 10.0]]), np.array([[0.7, 0.8], [0.9, 1.0]])),
        ["a", ("b", 1)],
        pd.Index(["first", "second"]),
    )
    names = ["feature", "value", "expected"]
    columns = [f"{name}_{place}" for place in (1, 2) for name in names]
    assert list(frame.columns) == ["anomaly_score", "p_value", *columns]
    assert list(frame.index) == ["second", "first"]
    assert list(frame.loc["second"]) == [5.0, 0.1, "a", 9.0, 0.9, ("b", 1), 10.0, 1.0]
    assert isinstance(frame, pd.DataFrame)
