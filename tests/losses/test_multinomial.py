"""The multinomial cross-entropy of rows of counts."""

import numpy as np
import pytest
import torch
from torch import distributions

from skae import AutoencoderTransformer
from skae.losses import Multinomial


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def counts(n_samples=20, n_features=5):
    return torch.randint(0, 4, (n_samples, n_features), generator=seeded(1)).double() + 0.0


def test_the_sum_of_the_log_likelihood_is_torchs():
    target, output = counts(), torch.randn(20, 5, generator=seeded(), dtype=torch.float64)
    found = Multinomial().log_likelihood(output, target, None).sum(1)
    for row, logits, n in zip(target, output, found, strict=True):
        expected = distributions.Multinomial(int(row.sum()), logits=logits).log_prob(row)
        torch.testing.assert_close(n, expected)


def test_reconstructions_are_probabilities():
    output = torch.randn(20, 5, generator=seeded(), dtype=torch.float64)
    found = Multinomial().reconstruction(output)
    torch.testing.assert_close(found.sum(1), torch.ones(20, dtype=torch.float64))
    torch.testing.assert_close(found, output.softmax(1))


def test_the_linear_path_keeps_the_order_and_is_a_logarithm_above_the_margin():
    linear = torch.linspace(-1, 1, 201, dtype=torch.float64)[None]
    output = Multinomial().output(linear, torch.zeros_like(linear))[0]
    assert (output.diff() > 0).all()
    large = linear[0] > 0.3
    ratio = output[large] - linear[0][large].log()
    assert ratio.std() < 0.005


def test_what_is_shown_takes_no_probability_from_what_is_hidden():
    target, output = torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[5.0, 1.0, 0.0]])
    hidden = torch.tensor([[False, True, False]])
    found = Multinomial().of_hidden(output, target, hidden)
    expected = -torch.log_softmax(output[:, 1:], dim=1)[0, 0]
    torch.testing.assert_close(found[0, 1], expected)
    assert found[0, [0, 2]].tolist() == [0, 0]


def test_negative_data_are_refused():
    with pytest.raises(ValueError, match="loss='multinomial' needs counts or shares, none"):
        AutoencoderTransformer(2, loss="multinomial").fit(np.eye(20) - 0.5)


def test_shares_are_reconstructed():
    random = np.random.RandomState(0)
    X = random.dirichlet([0.3] * 8, size=300)
    ae = AutoencoderTransformer(3, loss="multinomial", max_epochs=20, random_state=0).fit(X)
    np.testing.assert_allclose(ae.reconstruct(X).sum(axis=1), 1, rtol=1e-5)
    assert ae.score(X) > 0.5
