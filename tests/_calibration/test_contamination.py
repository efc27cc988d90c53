"""Numbers of outliers among the training rows, with and without equal scores."""

import numpy as np
import pytest

from skae import AutoencoderOutlierDetector
from skae._calibration.contamination import auto_offset, offset_of_fraction


def n_outliers(scores, fraction):
    return int((scores < offset_of_fraction(scores, fraction)).sum())


@pytest.mark.parametrize("n_rows", [10, 37, 100, 1001])
@pytest.mark.parametrize("fraction", [0.003, 0.02, 0.1, 0.145, 1 / 3, 0.5])
def test_without_equal_scores_the_number_is_exact(n_rows, fraction):
    scores = np.random.default_rng(0).normal(size=n_rows)
    assert n_outliers(scores, fraction) == max(1, round(fraction * n_rows))
    assert n_outliers(1e300 * np.clip(scores, -1, 1), 0.4) > 0


def test_between_neighbouring_floats():
    low = 1 - 2**-53
    assert n_outliers(np.array([low] + [1.0] * 4), 0.2) == 1
    assert n_outliers(np.array([-5e-324] + [0.0] * 4), 0.2) == 1


@pytest.mark.parametrize(
    ("counts", "fraction", "found"),
    [
        ([13, 37], 0.2, 13),  # by quantiles, none
        ([13, 37], 0.26, 13),
        ([8, 4, 38], 0.2, 8),  # 8 and 12 are equally near
        ([8, 3, 39], 0.2, 11),
        ([1, 49], 0.02, 1),
        ([1, 1, 1, 47], 0.04, 2),
    ],
)
def test_rows_with_equal_scores_are_outliers_together(counts, fraction, found):
    scores = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    assert n_outliers(scores.astype(float), fraction) == found


@pytest.mark.parametrize(
    ("counts", "fraction", "found"), [([25, 25], 0.1, 25), ([1, 49], 0.2, 1), ([50], 0.2, 0)]
)
def test_a_number_far_from_the_one_asked_for_is_told(counts, fraction, found):
    scores = np.repeat(np.arange(float(len(counts))), counts)
    asked = round(50 * fraction)
    with pytest.warns(UserWarning, match=rf"asks for {asked} of 50 .* so that {found} are\."):
        assert n_outliers(scores, fraction) == found


def test_two_values_by_the_detector():
    X = np.repeat([1.0, -1.0], [37, 13])[:, None]
    detector = AutoencoderOutlierDetector(contamination=0.2, max_epochs=3, random_state=0)
    np.testing.assert_array_equal(detector.fit_predict(X) == -1, X[:, 0] == -1)
    with pytest.warns(UserWarning, match=r"contamination=0.02 asks for 1 of 50"):
        detector.set_threshold(contamination=0.02)
    assert (detector.predict(X) == -1).sum() == 13


# "auto"


@pytest.mark.parametrize("n_rows", [5, 50, 149, 1000])
def test_auto_has_at_least_a_hundredth(n_rows):
    scores = np.random.default_rng(0).normal(size=n_rows)
    assert (scores < auto_offset(scores, 100.0, False)).sum() == max(1, round(n_rows / 100))
    threshold = -np.sort(scores)[n_rows // 20]
    if n_rows > 100:
        assert auto_offset(scores, threshold, False) == -threshold


def test_auto_calls_no_large_number_of_equal_rows_outliers_for_the_hundredth():
    scores = np.repeat([-1.0, 0.0], [13, 37])
    assert auto_offset(scores, 2.0, False) == -2
    assert auto_offset(np.zeros(50), 2.0, False) == -2


@pytest.mark.parametrize("novelty", [True, False])
def test_auto_tells_of_many_outliers(novelty):
    scores = np.arange(-200.0, 0)
    assert (scores < auto_offset(scores, 180.0, novelty)).sum() == 20
    with pytest.warns(UserWarning, match=r"calls 21 of 200 training rows outliers \(1") as caught:
        auto_offset(scores, 179.0, novelty)
    assert ("novelty=True" in str(caught[0].message)) != novelty
    assert "set_threshold(false_positive_rate=0.01)" in str(caught[0].message)


def test_the_detector_tells_of_many_outliers():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[:20] += 30 * np.random.default_rng(1).choice([-1, 1], size=(20, 3))
    with pytest.warns(UserWarning, match="of 100 training rows outliers"):
        detector = AutoencoderOutlierDetector(max_epochs=3, random_state=0).fit(X)
    assert (detector.predict(X)[:20] == -1).all()
