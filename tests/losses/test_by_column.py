import numpy as np
import pytest
import torch
from sklearn.base import clone

from skae.losses import (
    BCE,
    MSE,
    ByColumn,
    CategoricalCrossEntropy,
    CumulativeLogits,
    Huber,
    Poisson,
)
from skae.losses.column_groups import LevelGroup

# Columns: a number, 3 levels, a boolean, 4 ordered levels, a count, 2 levels, a number.
SIZES = np.array([1, 4, 1, 4, 1, 3, 1])
OF_COLUMN = np.array([0, 1, 2, 3, 4, 1, 0])
N = 500


def encoded(rng):
    """Return encoded rows, and the level of each categorical column."""
    a, b, ordered = rng.integers(0, 3, N), rng.integers(0, 2, N), rng.integers(0, 4, N)
    rows = np.column_stack(
        [
            3 + 2 * rng.normal(size=N),
            *(a == k for k in range(4)),
            rng.random(N) < 0.3,
            *(ordered > k for k in range(3)),
            np.zeros(N),
            np.log1p(rng.poisson(4, N)),
            *(b == k for k in range(3)),
            rng.normal(size=N),
        ]
    )
    return rows, a, b, ordered


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    rows, a, b, ordered = encoded(rng)
    centre, scale = rows.mean(0), np.maximum(rows.std(0), 0.1)
    losses = [MSE(), CategoricalCrossEntropy(), BCE(), CumulativeLogits(), Poisson()]
    loss = ByColumn(losses, OF_COLUMN, SIZES, centre, scale)
    scaled = torch.from_numpy((rows - centre) / scale)
    return loss.with_baseline(scaled, torch.ones(N)), scaled, (a, b, ordered), rows


def predicted(loss, scaled):
    generator = torch.Generator().manual_seed(0)
    residual = 0.3 * torch.randn(scaled.shape, generator=generator, dtype=scaled.dtype)
    return loss.output(0.5 * scaled, residual)


def in_order(loss, output):
    """Return an output, which is in an order of its own, in that of the features."""
    found = torch.empty(len(output), len(loss.centre), dtype=output.dtype)
    for group, own in loss._each(output):
        levels = isinstance(group, LevelGroup)
        block = group._in_order(group._block(own), own[:, group.n_places :]) if levels else own
        found[:, torch.from_numpy(group.features)] = block
    return found


def test_each_column_has_the_loss_of_its_sort(table):
    loss, scaled, (a, b, ordered), rows = table
    output = predicted(loss, scaled)
    plain = ByColumn(loss.losses, OF_COLUMN, SIZES, loss.centre, loss.scale)
    found = plain.log_likelihood(output, scaled, torch.zeros(7, dtype=torch.float64))
    output = in_order(plain, output)
    normal = torch.distributions.Normal(output[:, 0], 1).log_prob(scaled[:, 0])
    torch.testing.assert_close(found[:, 0], normal)
    for column, first, levels in ((1, 1, a), (5, 11, b)):
        n_levels = SIZES[column] - 1
        logits = output[:, first : first + n_levels]
        expected = torch.distributions.Categorical(logits=logits).log_prob(torch.from_numpy(levels))
        torch.testing.assert_close(found[:, column], expected)
    boolean = torch.distributions.Bernoulli(logits=output[:, 5]).log_prob(
        torch.from_numpy(rows[:, 5])
    )
    torch.testing.assert_close(found[:, 2], boolean)
    count = torch.from_numpy(rows[:, 10]).expm1().round()
    poisson = torch.distributions.Poisson(output[:, 10].exp()).log_prob(count)
    torch.testing.assert_close(found[:, 4], poisson)
    above = torch.sigmoid(torch.cummin(output[:, 6:9], 1).values)
    bounds = torch.cat([torch.ones(N, 1), above, torch.zeros(N, 1)], 1)
    rows_of = torch.arange(N)
    level = torch.from_numpy(ordered)
    expected = (bounds[rows_of, level] - bounds[rows_of, level + 1]).clamp_min(1e-6).log()
    torch.testing.assert_close(found[:, 3], expected)


def test_a_constant_prediction_explains_nothing(table):
    loss, scaled, _, rows = table
    mean = torch.from_numpy((rows.mean(0) - loss.centre) / loss.scale).expand(scaled.shape)
    explained = loss.explained(loss.output(mean, torch.zeros(())), scaled).mean(0)
    # The linear path is slightly off where it replaces negative probabilities; the logarithm of a
    # mean count is not the mean of the logarithms.
    torch.testing.assert_close(explained, torch.zeros(7, dtype=torch.float64), rtol=0, atol=0.05)
    assert explained[0].abs() < 1e-9
    assert (explained < 1e-9).all()


def test_a_perfect_prediction_explains_nearly_all(table):
    loss, scaled, *_ = table
    explained = loss.explained(loss.output(scaled, torch.zeros(())), scaled).mean(0)
    assert (explained > 0.93).all()


def test_baselines_are_the_entropies(table):
    loss, _, (a, _, ordered), rows = table
    for column, levels in ((1, a), (3, ordered)):
        p = np.bincount(levels) / N
        np.testing.assert_allclose(loss.baseline[column], -(p * np.log(p)).sum())
    p = rows[:, 5].mean()
    np.testing.assert_allclose(loss.baseline[2], -p * np.log(p) - (1 - p) * np.log(1 - p))
    np.testing.assert_allclose(loss.baseline[0], rows[:, 0].var() / loss.scale[0] ** 2)


def test_a_decoder_alone_gives_logits(table):
    """Without a linear path, its output is that of a network whose linear path has no influence."""
    loss = table[0]
    residual = torch.randn(N, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alone = loss.output_alone(residual)
    torch.testing.assert_close(in_order(loss, alone), residual)
    found = loss.reconstruction(alone).numpy() * loss.scale + loss.centre
    np.testing.assert_allclose(found[:, 1:4], torch.softmax(residual[:, 1:4], 1), rtol=1e-6)
    np.testing.assert_allclose(found[:, 5], torch.sigmoid(residual[:, 5]), rtol=1e-6)


def test_losses_are_in_nats(table):
    """They differ from minus the log-likelihoods by what does not depend on the output."""
    loss, scaled, *_ = table
    output, other = predicted(loss, scaled), loss.output(0.7 * scaled, torch.ones(()))
    ones = torch.zeros(7, dtype=torch.float64)
    expected = loss.log_likelihood(other, scaled, ones) - loss.log_likelihood(output, scaled, ones)
    found = loss.elementwise(output, scaled) - loss.elementwise(other, scaled)
    torch.testing.assert_close(found, expected)
    assert found.shape == (N, 7)


def test_missing_values_do_not_change_baselines():
    rng = np.random.default_rng(0)
    rows, *_ = encoded(rng)
    missing = np.repeat(rng.random((N, 7)) < 0.3, SIZES, axis=1)
    losses = [MSE(), CategoricalCrossEntropy(), BCE(), CumulativeLogits(), Poisson()]
    loss = ByColumn(losses, OF_COLUMN, SIZES, np.zeros(15), np.ones(15))
    found = loss.with_baseline(torch.from_numpy(np.where(missing, np.nan, rows)), torch.ones(N))
    for column in range(7):
        known = ~missing[:, np.cumsum(SIZES)[column] - 1]
        alone = loss.with_baseline(torch.from_numpy(rows[known]), torch.ones(int(known.sum())))
        np.testing.assert_allclose(found.baseline[column], alone.baseline[column])


def test_reconstructions_are_probabilities(table):
    loss, scaled, *_ = table
    found = loss.reconstruction(predicted(loss, scaled)).numpy() * loss.scale + loss.centre
    np.testing.assert_allclose(found[:, 1:4].sum(1), 1)
    np.testing.assert_allclose(found[:, 11:13].sum(1), 1)
    assert (np.diff(found[:, 6:9], axis=1) <= 1e-12).all()
    assert (found[:, 10] >= 0).all()


def test_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(0)
    rows, *_ = encoded(rng)
    rows = rows[:5]
    losses = [Huber(), CategoricalCrossEntropy(), BCE(), CumulativeLogits(), Poisson()]
    loss = ByColumn(losses, OF_COLUMN, SIZES, np.full(15, 0.2), np.full(15, 0.7))
    scaled = torch.from_numpy((rows - 0.2) / 0.7)

    def total(linear, residual):
        return loss.elementwise(loss.output(linear, residual), scaled).sum()

    linear = (0.3 * scaled + 0.1).requires_grad_()
    residual = torch.from_numpy(rng.normal(size=scaled.shape)).requires_grad_()
    assert torch.autograd.gradcheck(total, (linear, residual))


def test_a_mask_of_features_becomes_one_of_columns(table):
    loss = table[0]
    mask = torch.zeros(2, 15, dtype=torch.bool)
    mask[0, 3] = mask[1, 14] = True
    assert loss.of_entries(mask).nonzero().tolist() == [[0, 1], [1, 6]]


def test_it_is_cloned_and_pickled(table):
    import pickle

    loss, scaled, *_ = table
    output = predicted(loss, scaled)
    for copy in (clone(loss), pickle.loads(pickle.dumps(loss))):
        torch.testing.assert_close(
            copy.elementwise(output, scaled), loss.elementwise(output, scaled)
        )


def test_a_level_that_fit_did_not_see_has_no_loss(table):
    loss, scaled, _, rows = table
    unseen = rows.copy()
    unseen[:, 1:5] = [0, 0, 0, 1]
    target = torch.from_numpy((unseen - loss.centre) / loss.scale)
    assert loss.elementwise(predicted(loss, scaled), target)[:, 1].abs().max() < 1e-12
