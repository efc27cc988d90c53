"""Explanations of the scores of a network: baselines, every score, scores without gradients."""

import numpy as np
import pytest
import torch

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._detection.attribution import nearest
from skae._detection.ensemble import fitted_score
from skae._detection.explanation import baselines_of, contributions_of, has_gradients
from skae._runtime.memory import FittingBatches
from skae.scores import SCORES, Residual, Score

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3)) @ RNG.normal(size=(3, 5)) + 0.3 * RNG.normal(size=(120, 5))
INCOMPLETE = np.where(RNG.uniform(size=X.shape) < 0.2, np.nan, X)
ALONE = np.arange(5)


@pytest.fixture(scope="module")
def fitted():
    """A network whose codes are distributions, for every score."""
    transformer = AutoencoderTransformer(2, kind="variational", max_epochs=5, random_state=0)
    return transformer.fit(X)._fitted


@pytest.fixture(scope="module")
def incomplete():
    detector = AutoencoderOutlierDetector(max_epochs=2, early_stopping=False, random_state=0)
    return detector.fit(INCOMPLETE)._ensemble.members[0].network


def scaled(fitted, rows):
    return torch.from_numpy(fitted.scaling.apply(rows))


def explained(score, fitted, rows, baselines=None, group_of=ALONE, n=1):
    network, batches = fitted.network("cpu"), FittingBatches(torch.device("cpu"))
    return contributions_of(score, network, scaled(fitted, rows), baselines, group_of, batches, n)


class Detached(Residual):
    """The residual score, computed outside of torch."""

    def of_features(self, network, X, codes):
        return torch.from_numpy(super().of_features(network, X, codes).numpy())


class HalfDetached(Residual):
    """A score with one part that torch can differentiate and one that it cannot."""

    def of_code(self, network, X, codes):
        return codes.detach().double().square().sum(1)


class Constant(Score):
    """A score that does not look at the row."""

    def of_features(self, network, X, codes):
        return torch.ones(X.shape, dtype=torch.float64)

    def of_code(self, network, X, codes):
        return None


def test_baselines_are_scaled_training_rows(fitted):
    baselines = baselines_of(fitted, X, "cpu")
    assert baselines.shape == (64, 5)
    assert baselines.dtype == np.float32
    rows = fitted.scaling.apply(X)
    assert all((row == rows).all(axis=1).any() for row in baselines)
    assert len(np.unique(baselines, axis=0)) == 64
    np.testing.assert_array_equal(baselines_of(fitted, X, "cpu"), baselines)


def test_few_rows_are_all_baselines(fitted):
    np.testing.assert_allclose(baselines_of(fitted, X[:3], "cpu"), fitted.scaling.apply(X[:3]))


def test_baselines_are_complete(incomplete):
    baselines = baselines_of(incomplete, INCOMPLETE, "cpu")
    assert np.isfinite(baselines).all()


@pytest.mark.parametrize("name", SCORES)
def test_every_score_has_gradients_of_all_its_parts(name, fitted):
    score = fitted_score(SCORES[name](), fitted, X, "cpu")
    network = fitted.network("cpu")
    assert has_gradients(score, network, scaled(fitted, X[:2]))
    # Differences of the score itself, in float64.
    double = AutoencoderTransformer(
        2, kind="variational", precision="float64", max_epochs=2, random_state=0
    ).fit(X)._fitted  # fmt: skip
    score, network = fitted_score(SCORES[name](), double, X, "cpu"), double.network("cpu")
    rows = torch.from_numpy(double.scaling.apply(X[:6], np.float64)).requires_grad_()
    (gradient,) = torch.autograd.grad(score(network, rows).sum(), rows)
    with torch.no_grad():
        for j in range(5):
            step = 1e-5 * torch.eye(5, dtype=torch.float64)[j]
            slope = (score(network, rows + step) - score(network, rows - step)) / 2e-5
            torch.testing.assert_close(gradient[:, j], slope, rtol=1e-4, atol=1e-5)


# The distance to other training rows jumps to zero next to a baseline, which is one of them.
CONTINUOUS = sorted(set(SCORES) - {"neighbours", "residual_neighbours"})


@pytest.mark.parametrize("name", CONTINUOUS)
def test_contributions_add_up_to_what_sets_a_row_apart(name, fitted):
    score, baselines = (
        fitted_score(SCORES[name](), fitted, X, "cpu"),
        baselines_of(fitted, X, "cpu"),
    )
    rows = X[:8] * 3
    found = explained(score, fitted, rows, baselines)
    network = fitted.network("cpu")
    with torch.no_grad():
        apart = score(network, scaled(fitted, rows))
        of_baselines = nearest(scaled(fitted, rows), torch.from_numpy(baselines), 4)
        apart = apart - torch.stack([score(network, own).mean() for own in of_baselines])
    torch.testing.assert_close(found.sum(1), apart, rtol=0.02, atol=0.05)


def test_several_networks_share_the_comparisons(fitted):
    """Each of four or more networks takes the nearest baseline alone."""
    score, baselines = fitted_score(Residual(), fitted, X, "cpu"), baselines_of(fitted, X, "cpu")
    rows = X[:4] * 3
    closest = nearest(scaled(fitted, rows), torch.from_numpy(baselines), 1).numpy()
    for row, own in zip(rows, closest, strict=True):
        alone = explained(score, fitted, row[None], own)
        torch.testing.assert_close(explained(score, fitted, row[None], baselines, n=5), alone)


def test_without_baselines_the_mean_row_is_one(fitted):
    score = fitted_score(Residual(), fitted, X, "cpu")
    mean = fitted.network("cpu").features.mean.numpy()[None]
    torch.testing.assert_close(explained(score, fitted, X), explained(score, fitted, X, mean))


def test_groups_are_sums(fitted):
    score, baselines = fitted_score(Residual(), fitted, X, "cpu"), baselines_of(fitted, X, "cpu")
    alone = explained(score, fitted, X[:4], baselines)
    found = explained(score, fitted, X[:4], baselines, np.array([0, 1, 0, 2, 1]))
    expected = torch.stack(
        [alone[:, 0] + alone[:, 2], alone[:, 1] + alone[:, 4], alone[:, 3]], dim=1
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("score", [Detached(), HalfDetached(), Constant()], ids=repr)
def test_scores_without_gradients_are_explained_by_replacements(score, fitted):
    fitted_score(score, fitted, X, "cpu")
    assert not has_gradients(score, fitted.network("cpu"), scaled(fitted, X[:2]))
    baselines, rows = baselines_of(fitted, X, "cpu"), X[:5].copy()
    rows[:, 3] += 8 * X[:, 3].std()
    found = explained(score, fitted, rows, baselines)
    assert found.shape == (5, 5)
    if isinstance(score, Residual):
        assert (found.argmax(1) == 3).all()
        assert explained(score, fitted, rows, baselines, ALONE // 3).shape == (5, 2)
    else:
        assert (found == 0).all()


def test_errors_of_a_score_are_seen(fitted):
    class Broken(Residual):
        def of_features(self, network, X, codes):
            raise RuntimeError("a bug of mine")

    with pytest.raises(RuntimeError, match="a bug of mine"):
        explained(Broken(), fitted, X[:2])


def test_missing_values_contribute_nothing(incomplete):
    score = fitted_score(SCORES["joint"](), incomplete, INCOMPLETE, "cpu")
    baselines = baselines_of(incomplete, INCOMPLETE, "cpu")
    found = explained(score, incomplete, INCOMPLETE, baselines).numpy()
    assert np.isfinite(found).all()
    assert (found[np.isnan(INCOMPLETE)] == 0).all()
    assert (found[~np.isnan(INCOMPLETE)] != 0).all()


def test_nothing_is_left_on_the_network(fitted):
    score = fitted_score(Residual(), fitted, X, "cpu")
    with torch.inference_mode():
        explained(score, fitted, X[:3])
    network = fitted.network("cpu")
    assert all(weights.grad is None for weights in network.parameters())
    assert not any(weights.requires_grad for weights in network.parameters())
