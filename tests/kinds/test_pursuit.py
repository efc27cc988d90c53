"""Subspace pursuit against planted sparse codes and least squares."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.kinds import Sparse
from skae.kinds.pursuit import subspace_pursuit

K = 3


def planted(n_samples=40, n_features=30, n_components=50, seed=0):
    """Return unit columns, codes of three values, and the rows they make."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(n_features, n_components))
    columns /= np.linalg.norm(columns, axis=0)
    codes = np.zeros((n_samples, n_components))
    for code in codes:
        code[rng.choice(n_components, K, replace=False)] = rng.choice([-1, 1], K) * rng.uniform(
            1, 2, K
        )
    return tuple(map(torch.from_numpy, (columns, codes, codes @ columns.T)))


def errors(codes, rows, columns):
    return (rows - codes @ columns.T).square().sum(1)


def test_planted_codes_are_found_from_a_bad_start():
    columns, codes, rows = planted()
    start = rows @ columns
    found = subspace_pursuit(start, rows, columns, K, 5)
    right = ((found != 0) == (codes != 0)).all(1)
    assert right.double().mean() > 0.9
    torch.testing.assert_close(found[right], codes[right], rtol=1e-2, atol=1e-2)


def test_without_steps_values_are_the_least_squares_fit():
    columns, codes, rows = planted()
    rows = rows + 0.1 * torch.randn(rows.shape, generator=torch.Generator().manual_seed(0))
    found = subspace_pursuit(codes, rows, columns, K, 0)
    for row, code in zip(rows, found, strict=True):
        active = torch.nonzero(code)[:, 0]
        expected = np.linalg.lstsq(columns[:, active].numpy(), row.numpy(), rcond=None)[0]
        np.testing.assert_allclose(code[active], expected, rtol=1e-2, atol=1e-3)


def test_more_steps_rebuild_better():
    columns, _, rows = planted()
    start = rows @ columns
    by_steps = [
        errors(subspace_pursuit(start, rows, columns, K, n), rows, columns).sum() for n in (0, 1, 3)
    ]
    assert by_steps[0] > by_steps[1] > by_steps[2]


def test_at_most_k_values_are_active_and_rows_are_alone():
    columns, _, rows = planted()
    start = rows @ columns
    together = subspace_pursuit(start, rows, columns, K, 2)
    assert ((together != 0).sum(1) <= K).all()
    turned = subspace_pursuit(start.flip(0), rows.flip(0), columns, K, 2)
    torch.testing.assert_close(turned.flip(0), together)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_small_and_degenerate_codes(k):
    """As many active values as there are, columns of zeros, and columns twice."""
    columns = torch.tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    rows = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    found = subspace_pursuit(rows @ columns, rows, columns, k, 2)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found @ columns.T, rows, rtol=1e-3, atol=1e-3)


DIGITS = load_digits().data


def fitted(pursuit_steps):
    kind = Sparse("topk", k=5, linear_decoder=True, pursuit_steps=pursuit_steps)
    ae = AutoencoderTransformer(
        100, kind=kind, architecture=Dense(()), max_epochs=15, random_state=0
    )
    return ae.fit(DIGITS[:1200])


def test_steps_improve_the_reconstruction_of_an_autoencoder():
    """Training does not see them: the first codes, and the weights, are the same."""
    none, two, auto = (fitted(steps) for steps in (0, 2, "auto"))
    assert none.history_["valid_loss"].equals(two.history_["valid_loss"])
    test = DIGITS[1200:]
    assert two.score(test) > none.score(test) + 0.02
    assert np.array_equal(auto.transform(test), two.transform(test))
    assert (np.count_nonzero(two.transform(test), axis=1) <= 5).all()
    one_by_one = np.concatenate([two.transform(test[i : i + 1]) for i in range(3)])
    assert np.array_equal(one_by_one, two.transform(test)[:3])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Sparse("topk", pursuit_steps=2), "pursuit_steps=2 of Sparse needs penalty='topk' and"),
        (Sparse("l1", linear_decoder=True, pursuit_steps=1), "got penalty='l1' and"),
        (Sparse("topk", linear_decoder=True, pursuit_steps=-1), "integer from 0 to 1000"),
    ],
)
def test_refused(kind, sentence):
    with pytest.raises(ValueError, match=sentence):
        AutoencoderTransformer(10, kind=kind).fit(DIGITS)
