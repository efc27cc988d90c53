"""Teachers as plain data, beside scikit-learn's classifiers and a plain search of neighbours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import pairwise_distances

from skae._classification.teachers import LEAST, N_NEIGHBOURS, Blend, Teachers

random = np.random.RandomState(0)
ROWS = random.randn(30, 5).astype(np.float32)
LOGITS = random.randn(30, 3).astype(np.float32)


def floats(*values):
    return np.array(values, dtype=np.float32)


TEACHERS = Teachers(
    coefficients=random.randn(5, 3).astype(np.float32),
    intercept=random.randn(3).astype(np.float32),
    axes=np.linalg.qr(random.randn(5, 4))[0].astype(np.float32),
    origin=random.randn(4).astype(np.float32),
    references=random.randn(40, 4).astype(np.float32),
    sizes=(2, 4),
    spread=random.dirichlet(np.ones(3), size=(2, 40)).astype(np.float32),
    weights=floats(0.5, 0.2, 0.3),
    class_weight=floats(1, 1, 1),
    network_weight=0.25,
)


def blend(teachers=TEACHERS):
    return Blend(teachers, torch.from_numpy(ROWS))


def by_hand(teachers=TEACHERS):
    """Return the probabilities of each teacher, in float64, with all distances at once."""
    found = [softmax(ROWS @ teachers.coefficients + teachers.intercept, axis=1)]
    codes = ROWS.astype(float) @ teachers.axes - teachers.origin
    for size, table in zip(teachers.sizes, teachers.spread, strict=True):
        distances = pairwise_distances(codes[:, :size], teachers.references[:, :size].astype(float))
        index = np.argsort(distances, axis=1)[:, :N_NEIGHBOURS]
        near = np.take_along_axis(distances, index, axis=1)
        weights = np.exp(-((near / near[:, -1:]) ** 2))
        found.append(np.einsum("ij,ijk->ik", weights, table[index]) / weights.sum(1)[:, None])
    return np.stack(found)


def test_each_teacher():
    found = torch.stack(blend().each(torch.from_numpy(ROWS))).numpy()
    np.testing.assert_allclose(found, by_hand(), atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-5)


@pytest.mark.parametrize("network_weight", [0.0, 0.25, 1.0])
def test_the_blend_is_the_weighted_geometric_mean(network_weight):
    weighing = replace(TEACHERS, network_weight=network_weight, class_weight=floats(1, 2, 0.5))
    found = blend(weighing)(torch.from_numpy(ROWS), torch.from_numpy(LOGITS)).numpy()
    logs = np.log(by_hand() + LEAST)
    taught = np.einsum("i,ijk->jk", weighing.weights, logs) + np.log([1, 2, 0.5])
    expected = network_weight * log_softmax(LOGITS, axis=1) + (1 - network_weight) * taught
    np.testing.assert_allclose(softmax(found, axis=1), softmax(expected, axis=1), atol=1e-5)


def test_neighbours_far_from_the_origin():
    """Products of large components round: distances of the neighbours are computed from them."""
    far = replace(TEACHERS, origin=TEACHERS.origin - 100, references=TEACHERS.references + 100)
    near = torch.stack(blend().each(torch.from_numpy(ROWS)))
    found = torch.stack(blend(far).each(torch.from_numpy(ROWS)))
    torch.testing.assert_close(found, near, atol=0.01, rtol=0.01)


def test_fewer_references_than_neighbours():
    few = replace(TEACHERS, references=TEACHERS.references[:2], spread=TEACHERS.spread[:, :2])
    found = torch.stack(blend(few).each(torch.from_numpy(ROWS)))
    torch.testing.assert_close(found.sum(2), torch.ones(3, 30))


def test_rows_that_are_references():
    """All distances are zero."""
    same = replace(
        TEACHERS,
        references=np.zeros((40, 4), np.float32),
        axes=np.zeros((5, 4), np.float32),
        origin=np.zeros(4, np.float32),
    )
    assert torch.stack(blend(same).each(torch.from_numpy(ROWS))).isfinite().all()


def test_rows_of_any_size_have_finite_logits():
    rows = torch.tensor([1e9, 1e30, torch.inf, -torch.inf])[:, None].expand(4, 5)
    assert blend()(rows, torch.from_numpy(LOGITS[:4])).isfinite().all()


def test_a_class_of_weight_zero_stays_finite():
    without = replace(TEACHERS, class_weight=floats(1, 0, 1), network_weight=0.0)
    found = blend(without)(torch.from_numpy(ROWS), torch.from_numpy(LOGITS))
    assert found.isfinite().all()
    assert not (found.argmax(1) == 1).any()
