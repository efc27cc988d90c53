"""p-values, thresholds and selections, against counting and by simulation."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from skae._calibration.calibration import Calibration, HeldOut, discoveries

RATES = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0])


def of_one_group(scores):
    return Calibration([HeldOut((0,), np.sort(scores))])


def counted(groups, scores):
    """Return p-values by comparing every row with every other one."""
    n = sum(len(group.scores) for group in groups)
    p_values = []
    for row in scores.T:
        at_least = 0
        for group in groups:
            of_row = np.mean([row[member] for member in group.members])
            at_least += sum(held_out >= of_row for held_out in group.scores)
        p_values.append((1 + at_least) / (n + 1))
    return np.array(p_values)


# p-values


def test_p_values_by_hand():
    calibration = of_one_group([1.0, 2.0, 2.0, 3.0])
    p_values = calibration.p_values(np.array([[0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 3.1]]))
    assert p_values.dtype == np.float64
    np.testing.assert_allclose(p_values, np.array([5, 5, 4, 4, 2, 2, 1]) / 5)


GROUPS = {
    "one network": [((0,), 40)],
    "one group of three networks": [((0, 1, 2), 40)],
    "a group for each network": [((0,), 13), ((1,), 12), ((2,), 12)],
    "groups of several networks": [((0, 2), 5), ((1,), 20)],
    "one row": [((1,), 1)],
}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", GROUPS)
def test_p_values_are_counts(name, ties):
    rng = np.random.default_rng(0)

    def draw(*shape):
        # Halves, whose means are exact.
        return rng.integers(0, 8, shape) / 2 if ties else rng.normal(size=shape)

    groups = [HeldOut(members, np.sort(draw(size))) for members, size in GROUPS[name]]
    scores = draw(3, 200)
    p_values = Calibration(groups).p_values(scores)
    np.testing.assert_allclose(p_values, counted(groups, scores), rtol=1e-12)
    assert (p_values > 0).all()
    assert (p_values <= 1).all()


def test_p_values_of_extreme_scores():
    calibration = of_one_group([1.0, 2.0, 3.0])
    p_values = calibration.p_values(np.array([[-np.inf, -1e300, 0.0, 1e300, np.inf]]))
    np.testing.assert_allclose(p_values, [1, 1, 1, 0.25, 0.25])


def test_higher_scores_have_smaller_p_values():
    rng = np.random.default_rng(0)
    scores = np.sort(rng.normal(size=(1, 300)))
    p_values = of_one_group(rng.normal(size=50)).p_values(scores)
    assert (np.diff(p_values) <= 0).all()
    assert len(np.unique(p_values)) > 40


def test_no_rows_have_no_p_values():
    assert of_one_group([1.0, 2.0]).p_values(np.empty((1, 0))).shape == (0,)


def test_all_scores_are_kept_in_order():
    calibration = Calibration(
        [HeldOut((0,), np.array([1.0, 5])), HeldOut((1,), np.array([0.0, 3]))]
    )
    np.testing.assert_array_equal(calibration.scores, [0, 1, 3, 5])


def simulated(n_runs, n_rows, draw, n_groups=1, n_new=20, seed=0):
    """Return p-values of new normal rows, (n_runs, n_new), each run with held-out rows of its own.

    All networks find the same in a row, so that groups make no difference.
    """
    rng = np.random.default_rng(seed)
    p_values = np.empty((n_runs, n_new))
    for run in range(n_runs):
        folds = np.array_split(draw(rng, n_rows), n_groups)
        groups = [HeldOut((i,), np.sort(fold)) for i, fold in enumerate(folds)]
        p_values[run] = Calibration(groups).p_values(np.tile(draw(rng, n_new), (n_groups, 1)))
    return p_values


@pytest.mark.parametrize("n_groups", [1, 4])
@pytest.mark.parametrize("n_rows", [5, 19, 99])
def test_p_values_of_normal_rows_are_uniform(n_rows, n_groups):
    p_values = simulated(2000, n_rows, lambda rng, n: rng.normal(size=n), n_groups)
    for rate in RATES:
        of_runs = (p_values <= rate + 1e-12).mean(axis=1)
        error = 4 * of_runs.std() / np.sqrt(len(of_runs)) + 1e-12
        exact = np.floor(rate * (n_rows + 1) + 1e-9) / (n_rows + 1)
        assert abs(of_runs.mean() - exact) <= error
        assert of_runs.mean() <= rate + error


def test_p_values_of_normal_rows_with_ties_are_conservative():
    p_values = simulated(2000, 19, lambda rng, n: rng.integers(0, 4, n).astype(float))
    for rate in RATES:
        of_runs = (p_values <= rate + 1e-12).mean(axis=1)
        assert of_runs.mean() <= rate + 4 * of_runs.std() / np.sqrt(len(of_runs)) + 1e-12


def test_p_values_by_networks_that_take_turns():
    """Each network knows all rows but those of its fold, to which it so gives higher scores."""
    rng = np.random.default_rng(0)
    n_rows, n_folds, n_runs = 20, 5, 1500
    p_values = np.empty((n_runs, 10))
    for run in range(n_runs):
        rows, new = rng.normal(size=n_rows), rng.normal(size=10)
        groups, found = [], []
        for fold in range(n_folds):
            held_out = np.arange(n_rows) % n_folds == fold
            centre = rows[~held_out].mean()
            groups.append(HeldOut((fold,), np.sort(np.abs(rows[held_out] - centre))))
            found.append(np.abs(new - centre))
        p_values[run] = Calibration(groups).p_values(np.array(found))
    for rate in RATES:
        of_runs = (p_values <= rate + 1e-12).mean(axis=1)
        error = 4 * of_runs.std() / np.sqrt(n_runs) + 1e-12
        assert of_runs.mean() <= 2 * rate + error  # what is proven
        assert of_runs.mean() <= 1.1 * rate + error  # what is found


# Thresholds


@pytest.mark.parametrize(
    ("n_rows", "rate"),
    [(1, 0.5), (4, 0.25), (4, 0.5), (9, 0.1), (19, 0.05), (19, 0.25), (50, 0.1), (199, 0.05)],
)
def test_false_alarms_are_as_many_as_were_asked_for(n_rows, rate):
    rng = np.random.default_rng(0)
    alarms = np.empty(2000)
    for run in range(2000):
        threshold = of_one_group(rng.normal(size=n_rows)).threshold(rate)
        alarms[run] = (rng.normal(size=20) > threshold).mean()
    error = 4 * alarms.std() / np.sqrt(len(alarms))
    assert alarms.mean() <= rate + error
    assert alarms.mean() >= rate - 1 / (n_rows + 1) - error
    exact = np.floor(rate * (n_rows + 1)) / (n_rows + 1)
    assert alarms.mean() == pytest.approx(exact, abs=error)


def test_threshold_by_hand():
    calibration = of_one_group(np.arange(1.0, 10))
    assert calibration.threshold(0.1) == 9
    assert calibration.threshold(0.19) == 9
    assert calibration.threshold(0.2) == 8
    assert calibration.threshold(0.5) == 5
    assert isinstance(calibration.threshold(0.1), float)


@pytest.mark.parametrize(("n_rows", "rate", "least"), [(9, 0.09, "0.1"), (1, 0.4, "0.5")])
def test_rates_that_can_not_be_told_are_refused(n_rows, rate, least):
    calibration = of_one_group(np.arange(float(n_rows)))
    match = f"false_positive_rate={rate} .* from {n_rows} calibration rows: .* at least {least}, or"
    with pytest.raises(ValueError, match=match):
        calibration.threshold(rate)
    assert calibration.threshold(float(least)) == n_rows - 1


def test_threshold_counts_the_rows_of_all_groups():
    groups = [HeldOut((0,), np.array([1.0, 4, 7])), HeldOut((1,), np.array([2.0, 3, 5, 6, 8, 9]))]
    assert Calibration(groups).threshold(0.2) == 8


@pytest.mark.parametrize("rate", [0.053, 0.11, 0.31, 0.5])
@pytest.mark.parametrize("n_rows", [20, 77])
def test_rows_beyond_the_threshold_are_those_of_small_p_values(n_rows, rate):
    rng = np.random.default_rng(0)
    calibration = of_one_group(rng.integers(0, 30, n_rows).astype(float))
    scores = rng.integers(0, 40, 300).astype(float)
    beyond = scores > calibration.threshold(rate)
    np.testing.assert_array_equal(beyond, calibration.p_values(scores[None]) <= rate)


def test_rates_of_whole_rows_are_not_rounded_down():
    calibration = of_one_group(np.arange(99.0))
    for n_above in range(1, 51):
        assert calibration.threshold(n_above / 100) == 99 - n_above


@pytest.mark.parametrize("rate", [1e-4, 5e-324, 0.009])
def test_refused_rates_say_how_many_rows_they_need(rate):
    with pytest.raises(ValueError, match="cannot be estimated from 99 calibration rows") as caught:
        of_one_group(np.arange(99.0)).threshold(rate)
    n_needed = int(str(caught.value).split("give ")[1].split()[0].replace(",", ""))
    if n_needed < 1e9:
        assert of_one_group(np.arange(float(n_needed))).threshold(rate) == n_needed - 1
        with pytest.raises(ValueError, match="cannot be estimated"):
            of_one_group(np.arange(n_needed - 1.0)).threshold(rate)


# Outliers among the calibration rows


def test_left_out_outliers_by_hand():
    calibration = of_one_group(np.arange(1.0, 21))
    assert calibration.threshold(0.1, 0.0) == 19
    assert calibration.threshold(0.1, 0.05) == 18  # the second of the 19 that are left
    assert calibration.threshold(0.2, 0.1) == 16
    with pytest.raises(
        ValueError, match=r"from 15 calibration rows: use at least 0.063, or .* 26 n"
    ):
        calibration.threshold(0.05, 0.25)
    assert of_one_group(np.arange(26.0)).threshold(0.05, 0.25) == 19


@pytest.mark.parametrize("shift", [0.0, 2.0, 30.0])
@pytest.mark.parametrize("n_outliers", [0, 5, 10])
def test_false_alarms_despite_outliers(shift, n_outliers):
    """At most a twentieth are outliers: the bound holds, and the rate is met if they are far."""
    rng = np.random.default_rng(0)
    n_rows, rate, fraction, n_runs = 200, 0.05, 0.05, 2000
    alarms, plain = np.empty(n_runs), np.empty(n_runs)
    for run in range(n_runs):
        scores = rng.normal(size=n_rows) + np.where(np.arange(n_rows) < n_outliers, shift, 0)
        calibration, new = of_one_group(scores), rng.normal(size=50)
        alarms[run] = (new > calibration.threshold(rate, fraction)).mean()
        plain[run] = (new > calibration.threshold(rate)).mean()
    error = 4 * alarms.std() / np.sqrt(n_runs)
    assert alarms.mean() <= rate + fraction / (1 - fraction) + error
    assert alarms.mean() >= rate - 1 / (n_rows + 1) - error
    assert plain.mean() <= rate + error
    if shift == 30 and n_outliers == 10:
        assert alarms.mean() == pytest.approx(rate, abs=1 / n_rows + error)
        assert plain.mean() < 0.2 * rate


# Groups


def of_groups(scores, n_folds=1):
    """Return the calibration by groups, which are the rows of an array, in folds of groups."""
    groups = np.repeat(np.arange(len(scores)), scores.shape[1]).reshape(scores.shape)
    return Calibration(
        [
            HeldOut.of([fold], scores[fold::n_folds].ravel(), groups[fold::n_folds].ravel())
            for fold in range(n_folds)
        ]
    )


def test_weights_by_hand():
    held_out = HeldOut.of([1], np.array([5.0, 1.0, 3.0]), np.array(["b", "a", "b"]))
    np.testing.assert_array_equal(held_out.scores, [1, 3, 5])
    np.testing.assert_array_equal(held_out.weights, [1, 0.5, 0.5])
    calibration = Calibration([held_out])
    assert (calibration.size, calibration.unit) == (2, "groups")
    scores = np.array([[9.0, 9.0, 9.0, 9.0], [0.0, 2.0, 4.0, 6.0]])
    np.testing.assert_allclose(calibration.p_values(scores), np.array([3, 2, 1.5, 1]) / 3)
    assert HeldOut.of([1], np.array([5.0, 1.0])).weights is None


@pytest.mark.parametrize("n_folds", [1, 3])
def test_groups_of_one_row_are_rows(n_folds):
    rng = np.random.default_rng(0)
    scores, new = rng.normal(size=(60, 1)), rng.normal(size=(n_folds, 200))
    groups = of_groups(scores, n_folds)
    rows = Calibration([HeldOut((g.members), g.scores) for g in groups.groups])
    np.testing.assert_allclose(groups.p_values(new), rows.p_values(new), rtol=1e-12)
    for rate in (0.05, 0.1, 0.31):
        assert groups.threshold(rate) == rows.threshold(rate)


@pytest.mark.parametrize("likeness", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("n_folds", [1, 4])
def test_rows_of_new_groups_have_valid_p_values(likeness, n_folds):
    """However much the rows of a group resemble each other, up to copies of one row."""
    rng = np.random.default_rng(0)
    n_groups, n_runs = 20, 1500

    def draw(n):
        offsets, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 6))
        return np.sqrt(likeness) * offsets + np.sqrt(1 - likeness) * own

    p_values, alarms = np.empty((n_runs, 5, 6)), np.empty((n_runs, 2))
    for run in range(n_runs):
        calibration, new = of_groups(draw(n_groups), n_folds), draw(5)
        p_values[run] = calibration.p_values(np.tile(new.ravel(), (n_folds, 1))).reshape(5, 6)
        for column, rate in enumerate((0.1, 0.3)):
            alarms[run, column] = (new > calibration.threshold(rate)).mean()
    for rate in RATES:
        of_runs = (p_values <= rate + 1e-12).mean(axis=(1, 2))
        error = 4 * of_runs.std() / np.sqrt(n_runs) + 1e-12
        assert of_runs.mean() <= rate + error
        assert of_runs.mean() >= rate - 1 / (n_groups + 1) - error
    for column, rate in enumerate((0.1, 0.3)):
        error = 4 * alarms[:, column].std() / np.sqrt(n_runs)
        assert alarms[:, column].mean() <= rate + 1 / (n_groups + 1) + error
        assert alarms[:, column].mean() == pytest.approx(rate, abs=0.6 / (n_groups + 1) + error)


def test_rows_that_resemble_each_other_are_not_counted_as_many():
    """Counted as rows, the p-values of a new group are far too often small."""
    rng = np.random.default_rng(0)
    n_runs, small = 1000, np.empty((1000, 2))
    for run in range(n_runs):
        scores, new = np.repeat(rng.normal(size=(9, 1)), 40, axis=1), rng.normal(size=(1, 20))
        small[run] = [
            (calibration.p_values(new) <= 0.05).mean()
            for calibration in (of_groups(scores), of_one_group(scores.ravel()))
        ]
    assert small[:, 0].mean() == 0  # nine groups tell no rates below a tenth
    assert small[:, 1].mean() > 0.08


def test_few_groups_tell_no_small_rates():
    calibration = of_groups(np.random.default_rng(0).normal(size=(9, 40)))
    with pytest.warns(
        UserWarning, match=r"rate=0.02 is a smaller rate than 9 groups .* up to 0.12"
    ):
        calibration.threshold(0.02)
    calibration.threshold(0.1)
    with pytest.raises(
        ValueError, match=r"from 360 calibration rows: .* fit rows of at least 999 g"
    ):
        calibration.threshold(0.001)


def normal_scores(n_rows=20_000, n_features=10, seed=0):
    return np.random.default_rng(seed).chisquare(n_features, size=n_rows) / n_features


def with_outliers(scores, size):
    """Return scores of which the first fifth is that of outliers."""
    n_outliers = len(scores) // 5
    outliers = size * normal_scores(n_outliers, seed=1)
    return np.concatenate([np.minimum(outliers, 1e300), scores[n_outliers:]])


@pytest.mark.parametrize("n_features", [1, 3, 10, 100])
def test_of_normal_rows_hardly_any_is_beyond_the_automatic_threshold(n_features):
    scores = normal_scores(n_features=n_features)
    threshold = of_one_group(scores).auto_threshold()
    assert isinstance(threshold, float)
    # 0.00135 of a normal distribution; cube roots of few squares are a little skewed.
    assert (scores > threshold).mean() == pytest.approx(0.0015, abs=1.2e-3)
    fresh = normal_scores(n_features=n_features, seed=1)
    assert (fresh > threshold).mean() == pytest.approx(0.0015, abs=1.2e-3)


def test_automatic_threshold_is_three_deviations_of_the_cube_root():
    rng = np.random.default_rng(0)
    scores = (2 + 0.3 * rng.normal(size=20_000)) ** 3
    threshold = of_one_group(scores).auto_threshold()
    assert np.cbrt(threshold) == pytest.approx(2 + 3 * 0.3, abs=0.03)
    scores = with_outliers(scores, 1e4)
    _, middle, upper = np.quantile(np.cbrt(scores), [0.25, 0.5, 0.75])
    # The quartiles of a normal distribution are 0.6745 deviations away from the middle.
    threshold = of_one_group(scores).auto_threshold()
    assert threshold == pytest.approx((middle + 3 * (upper - middle) / 0.67449) ** 3, rel=1e-4)
    # A fifth of outliers moves it from 3 deviations to 5.6.
    assert np.cbrt(threshold) == pytest.approx(2 + 5.6 * 0.3, abs=0.06)


def test_many_outliers_do_not_hide_themselves():
    rng = np.random.default_rng(0)
    scores = (2 + 0.3 * rng.normal(size=20_000)) ** 3
    scores[:6000] *= 1e4
    lower, middle = np.quantile(np.cbrt(scores), [0.25, 0.5])
    threshold = of_one_group(scores).auto_threshold()
    assert threshold == pytest.approx((middle + 9 * (middle - lower) / 0.67449) ** 3, rel=1e-4)
    assert (scores[:6000] > threshold).all()


def test_heavy_tails_raise_the_automatic_threshold():
    scores = np.exp(np.random.default_rng(0).normal(size=20_000))
    roots = np.cbrt(scores)
    lower, middle, upper = np.quantile(roots, [0.25, 0.5, 0.75])
    assert upper - middle > 1.1 * (middle - lower)
    threshold = of_one_group(scores).auto_threshold()
    assert threshold == pytest.approx((middle + 3 * (upper - middle) / 0.67449) ** 3, rel=1e-6)


@pytest.mark.parametrize(("n_scores", "n_above"), [(2000, 20), (99, 1), (30, 1)])
def test_normal_rows_have_a_threshold_that_a_hundredth_exceed(n_scores, n_above):
    scores = np.arange(1.0, n_scores + 1)
    threshold = of_one_group(scores).auto_threshold(normal=True)
    assert threshold == n_scores + 1 - n_above


@pytest.mark.parametrize("unit", [1e-100, 1e-3, 7.0, 1e50])
@pytest.mark.parametrize("size", [1, 1e4])
def test_automatic_threshold_has_the_unit_of_the_scores(unit, size):
    scores = with_outliers(normal_scores(500), size)
    threshold = of_one_group(scores).auto_threshold()
    assert of_one_group(unit * scores).auto_threshold() == pytest.approx(unit * threshold, rel=1e-9)


@pytest.mark.parametrize("n_features", [3, 10, 100])
@pytest.mark.parametrize("size", [30, 1e4, 1e300])
def test_outliers_move_the_automatic_threshold_little(size, n_features):
    scores = normal_scores(n_features=n_features)
    clean = of_one_group(scores).auto_threshold()
    scores = with_outliers(scores, size)
    threshold = of_one_group(scores).auto_threshold()
    deviation = np.sqrt(2 / (9 * n_features))  # of the cube root, by Wilson and Hilferty
    assert 0 < np.cbrt(threshold) - np.cbrt(clean) < 5 * deviation
    n_outliers = len(scores) // 5
    assert (scores[:n_outliers] > threshold).mean() > 0.85
    assert (scores[n_outliers:] > threshold).mean() < 0.002


def test_size_of_outliers_does_not_move_the_automatic_threshold():
    thresholds = [
        of_one_group(with_outliers(normal_scores(), size)).auto_threshold()
        for size in (100, 1e6, 1e300)
    ]
    np.testing.assert_allclose(thresholds, thresholds[0], rtol=1e-12)


@pytest.mark.parametrize(("unit", "origin"), [(1, -100), (30, -500), (1e-3, -7), (1, -10)])
def test_scores_below_zero_count_as_they_are(unit, origin):
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=800), 50 + rng.normal(size=200)])
    lower, middle, upper = np.quantile(scores, [0.25, 0.5, 0.75])
    assert upper - middle < 3 * (middle - lower)
    expected = unit * (middle + 3 * (upper - middle) / 0.67449) + origin
    threshold = of_one_group(unit * scores + origin).auto_threshold()
    assert threshold == pytest.approx(expected, abs=1e-4 * unit)


EXTREMES = {
    "zeros": [0.0] * 10,
    "mostly zeros": [0.0] * 9 + [5.0],
    "a third of zeros": [0.0] * 4 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "huge": [1e300] * 10,
    "up to huge": [1.0, 2.0, 3.0, 1e300, 1e300],
    "from zero to huge": [0.0, 0.0, 1e300, 1e300],
    "from below zero to huge": [-1e300, -1.0, 1e300, 1e300],
    "tiny": [5e-324, 1e-320, 1e-310],
    "all equal": [3.0] * 10,
    "one": [3.0],
    "below zero": [-5.0, -4.0, 3.0, 4.0, 5.0],
}


@pytest.mark.parametrize("name", EXTREMES)
def test_automatic_threshold_is_finite(name):
    scores = np.array(EXTREMES[name])
    threshold = of_one_group(scores).auto_threshold()
    assert np.isfinite(threshold)
    assert threshold >= np.median(scores)


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0])
def test_automatic_threshold_of_equal_scores_is_that_score(value):
    assert of_one_group([value] * 10).auto_threshold() == pytest.approx(value, rel=1e-12)


def test_of_equal_scores_none_is_beyond():
    for value in np.arange(1, 50) / 7:
        scores = [value] * 80 + [100.0] * 20
        assert of_one_group(scores).auto_threshold() >= value


# Selections


def rejected(p_values, fdr):
    """Return the rejections by trying every k."""
    m, ordered = len(p_values), sorted(p_values)
    passed = [k for k in range(1, m + 1) if ordered[k - 1] <= k * fdr / m]
    bound = ordered[max(passed) - 1] if passed else -1
    return np.array([p <= bound for p in p_values])


@pytest.mark.parametrize("fdr", [0.01, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(10))
def test_selection_against_scipy_and_by_trying(seed, fdr):
    rng = np.random.default_rng(seed)
    p_values = np.concatenate([rng.random(40), rng.random(15) * 0.02])
    rng.shuffle(p_values)
    selected = discoveries(p_values, fdr)
    assert selected.dtype == bool
    np.testing.assert_array_equal(selected, false_discovery_control(p_values, method="bh") <= fdr)
    np.testing.assert_array_equal(selected, rejected(p_values, fdr))


@pytest.mark.parametrize("seed", range(5))
def test_selection_of_conformal_p_values(seed):
    """With ties: either all of the rows with one p-value or none of them."""
    rng = np.random.default_rng(seed)
    calibration = of_one_group(rng.normal(size=50))
    p_values = calibration.p_values(np.r_[rng.normal(size=60), rng.normal(3, 1, size=20)][None])
    selected = discoveries(p_values, 0.23)
    np.testing.assert_array_equal(selected, rejected(p_values, 0.23))
    for value in np.unique(p_values):
        assert len(np.unique(selected[p_values == value])) == 1
    assert 0 < selected.sum() < 40


def test_bounds_are_not_rounded_down():
    for n in range(1, 101):
        for fdr in (0.05, 0.1, 0.2, 0.25):
            assert discoveries(np.full(n, fdr), fdr).all()


def test_selection_by_hand():
    p_values = np.array([0.9, 0.03, 0.02, 0.5, 0.031])
    # 0.02 is above 0.06 / 5 and 0.03 above 0.12 / 5, but 0.031 is below 0.18 / 5.
    np.testing.assert_array_equal(discoveries(p_values, 0.06), [0, 1, 1, 0, 1])
    assert not discoveries(p_values, 0.05).any()


@pytest.mark.parametrize(
    ("p_values", "selected"),
    [
        ([], []),
        ([0.04], [True]),
        ([0.06], [False]),
        ([1.0, 1.0], [False] * 2),
        ([0.05] * 3, [1] * 3),
    ],
)
def test_selection_of_few(p_values, selected):
    found = discoveries(np.array(p_values, dtype=float), 0.05)
    assert found.tolist() == [bool(value) for value in selected]


def test_selection_leaves_the_p_values_alone():
    p_values = np.random.default_rng(0).random(20)
    before = p_values.copy()
    discoveries(p_values, 0.2)
    np.testing.assert_array_equal(p_values, before)


@pytest.mark.parametrize("n_outliers", [0, 5, 20])
@pytest.mark.parametrize("fdr", [0.1, 0.3])
def test_false_discoveries_of_rows_that_share_their_calibration(n_outliers, fdr):
    rng = np.random.default_rng(0)
    n_new, n_runs = 50, 1500
    shares, found = np.empty(n_runs), np.empty(n_runs)
    outlier = np.arange(n_new) < n_outliers
    for run in range(n_runs):
        scores = rng.normal(size=n_new) + np.where(outlier, 4, 0)
        p_values = of_one_group(rng.normal(size=999)).p_values(scores[None])
        selected = discoveries(p_values, fdr)
        shares[run] = selected[~outlier].sum() / max(1, selected.sum())
        found[run] = selected[outlier].mean() if n_outliers else 1.0
    # The rate is that of the normal rows among all.
    expected = fdr * (n_new - n_outliers) / n_new
    error = 4 * shares.std() / np.sqrt(n_runs)
    assert shares.mean() <= expected + error
    assert shares.mean() >= 0.5 * expected - error
    assert found.mean() > 0.5
