import numpy as np
import pytest
import torch
from support.scores import drawn, fitted

from skae import AutoencoderOutlierDetector
from skae.kinds import Undercomplete
from skae.scores import Neighbours, Residual, ResidualNeighbours


@pytest.mark.parametrize("n_neighbors", [1, 5])
def test_score_is_the_squared_mean_of_both_distances(n_neighbors, network):
    X, medians = drawn(20, seed=1), np.array([0.5, 3.0])
    score = fitted(ResidualNeighbours(n_neighbors), network)
    both = torch.stack(
        [fitted(of, network)(network, X) for of in (Residual(), Neighbours(n_neighbors))], dim=1
    )
    torch.testing.assert_close(score.parts(network, X), both)
    torch.testing.assert_close(score(network, X), both.sqrt().mean(1).square())
    balanced = score.balanced(medians)(network, X)
    torch.testing.assert_close(balanced, (both / torch.from_numpy(medians)).sqrt().mean(1).square())


def test_medians_of_zero_do_not_divide(network):
    assert fitted(ResidualNeighbours(), network).balanced(np.zeros(2)).medians_ == (1.0, 1.0)


def test_a_number_below_one_is_refused():
    with pytest.raises(ValueError, match="n_neighbors of ResidualNeighbours"):
        ResidualNeighbours(0).check(Undercomplete())


def test_both_parts_count_alike_among_calibration_rows():
    X = np.random.default_rng(0).normal(size=(600, 4))
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=5, random_state=0).fit(X)
    (member,) = detector._ensemble.members
    assert min(member.score.medians_) > 0
    assert member.score.medians_ != (1.0, 1.0)
    assert isinstance(detector.scoring_, ResidualNeighbours)
    assert detector.scoring_.n_neighbors == 1
    assert AutoencoderOutlierDetector(max_epochs=1).fit(X).scoring_.n_neighbors == 5


@pytest.mark.parametrize("scoring", ["residual", "joint", "latent", "neighbours", "auto"])
@pytest.mark.parametrize("novelty", [True, False])
def test_the_median_calibration_row_has_score_one(novelty, scoring):
    X = np.random.default_rng(0).standard_t(3, size=(600, 4))
    detector = AutoencoderOutlierDetector(
        scoring=scoring, novelty=novelty, max_epochs=2, random_state=0
    ).fit(X)
    assert np.median(-detector.calibration_scores_) == pytest.approx(1, rel=0.05)
