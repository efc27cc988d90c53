import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._start import principal_axes as module
from skae._start.principal_axes import PrincipalAxes, principal_axes

N_COMPONENTS = 4


def spectrum(n_samples, n_features, decay=0.6, seed=0):
    """Rows with singular values that decay, away from zero."""
    rng = np.random.default_rng(seed)
    rank = min(n_samples, n_features)
    left = np.linalg.qr(rng.normal(size=(n_samples, rank)))[0]
    right = np.linalg.qr(rng.normal(size=(n_features, rank)))[0]
    return 10 * (left * decay ** np.arange(rank)) @ right.T + rng.normal(size=n_features)


def rows_of(X, dtype=torch.float64):
    return Rows(X, Scaling(np.zeros(X.shape[1]), 1.0), torch.device("cpu"), dtype)


@pytest.fixture(params=["covariance", "inner products", "subspace iteration"])
def branch(request, monkeypatch):
    """One of the three ways to the axes, and where its function is found."""
    if request.param == "subspace iteration":
        monkeypatch.setattr(module, "_EXACT_SIZE", 5)
    return request.param, {
        "covariance": (module._Weighted, "covariance"),
        "inner products": (module, "_from_inner_products"),
        "subspace iteration": (module, "_subspace_iteration"),
    }[request.param]


def data(branch):
    return spectrum(10, 60) if branch == "inner products" else spectrum(80, 30)


def of(X, n_components=N_COMPONENTS, seed=0, sample_weight=None, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return principal_axes(rows_of(X, dtype), n_components, generator, sample_weight)


def watch(monkeypatch, target):
    calls = []
    owner, name = target
    function = getattr(owner, name)

    def watched(*args):
        calls.append(name)
        return function(*args)

    monkeypatch.setattr(owner, name, watched)
    return calls


def test_is_pca(branch, monkeypatch):
    name, target = branch
    calls = watch(monkeypatch, target)
    X = data(name)
    found = of(X)
    assert calls, "the data took another branch than they were made for"
    pca = PCA(svd_solver="full").fit(X)
    # scikit-learn divides by n - 1, the network's loss by n.
    variances = pca.explained_variance_ * (len(X) - 1) / len(X)
    axes = found.axes[:N_COMPONENTS].numpy()
    np.testing.assert_allclose(axes @ axes.T, np.eye(N_COMPONENTS), atol=1e-10)
    assert subspace_angles(axes.T, pca.components_[:N_COMPONENTS].T).max() < 1e-6
    np.testing.assert_allclose(
        np.abs((axes * pca.components_[:N_COMPONENTS]).sum(axis=1)), 1, rtol=1e-8
    )
    np.testing.assert_allclose(
        found.variances[:N_COMPONENTS].numpy(), variances[:N_COMPONENTS], rtol=1e-8
    )
    np.testing.assert_allclose(found.mean.numpy(), pca.mean_, rtol=1e-12)
    np.testing.assert_allclose(found.total, variances.sum(), rtol=1e-10)


def test_float32_rows_are_near(branch):
    name, _ = branch
    X = data(name)
    found = of(X, dtype=torch.float32)
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(X)
    axes = found.axes[:N_COMPONENTS].double().numpy()
    assert subspace_angles(axes.T, pca.components_.T).max() < 1e-4


def test_weights_count_repetitions(branch):
    name, _ = branch
    X = data(name)
    counts = np.arange(len(X)) % 3 + 1
    weighted = of(X, sample_weight=torch.from_numpy(counts / counts.mean()))
    repeated = PCA(N_COMPONENTS, svd_solver="full").fit(np.repeat(X, counts, axis=0))
    n = counts.sum()
    axes = weighted.axes[:N_COMPONENTS].numpy()
    assert subspace_angles(axes.T, repeated.components_.T).max() < 1e-6
    np.testing.assert_allclose(
        weighted.variances[:N_COMPONENTS].numpy(),
        repeated.explained_variance_ * (n - 1) / n,
        rtol=1e-8,
    )
    np.testing.assert_allclose(weighted.mean.numpy(), repeated.mean_, rtol=1e-10)


def test_block_by_block_and_sparse_are_the_same(branch, monkeypatch):
    name, _ = branch
    X = data(name)
    whole = of(X)
    monkeypatch.setattr("skae._data.rows.RESIDENT_BYTES", 0)
    blocks = Rows.blocks

    def small_blocks(self):
        for rows, block in blocks(self):
            for start in range(0, len(block), 7):
                yield slice(rows.start + start, rows.start + start + 7), block[start : start + 7]

    monkeypatch.setattr(Rows, "blocks", small_blocks)
    # The last slice may end behind the last row, as slices of tensors may.
    for other in (of(X), of(sp.csr_matrix(X))):
        torch.testing.assert_close(other.axes[:N_COMPONENTS], whole.axes[:N_COMPONENTS])
        torch.testing.assert_close(other.variances[:N_COMPONENTS], whole.variances[:N_COMPONENTS])


def test_signs_are_the_same_everywhere(branch):
    name, _ = branch
    X = data(name)
    found = of(X).axes[:N_COMPONENTS]
    largest = found.gather(1, found.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()
    # Reflected data have reflected axes, and the rule decides again.
    torch.testing.assert_close(of(-X).axes[:N_COMPONENTS], found)
    torch.testing.assert_close(of(X[::-1].copy()).axes[:N_COMPONENTS], found)
    torch.testing.assert_close(of(X, seed=1).axes[:N_COMPONENTS], found)


def test_same_generator_same_axes(branch):
    name, _ = branch
    X = data(name)
    assert torch.equal(of(X, seed=3).axes, of(X, seed=3).axes)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0])
def test_constant_data(branch, value):
    name, _ = branch
    X = np.full_like(data(name), value)
    found = of(X)
    assert torch.isfinite(found.axes).all()
    np.testing.assert_allclose(found.variances.numpy(), 0, atol=1e-25)
    assert 0 <= found.total < 1e-25
    np.testing.assert_allclose(found.mean.numpy(), value, rtol=1e-12)


def test_data_of_low_rank(branch):
    name, _ = branch
    X = data(name)
    X = np.outer(X[:, 0], np.ones(X.shape[1])) + np.arange(X.shape[1])
    found = of(X)
    assert torch.isfinite(found.axes).all()
    assert (found.variances >= 0).all()
    np.testing.assert_allclose(float(found.variances[0]), found.total, rtol=1e-10)
    assert found.n_needed(0.999) == 1


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.8, 0.95, 0.999])
@pytest.mark.parametrize("shape", [(80, 30), (10, 60)])
def test_number_needed_is_pcas(share, shape):
    X = spectrum(*shape, decay=0.9)
    found = of(X)
    held = np.cumsum(PCA(svd_solver="full").fit(X).explained_variance_ratio_)
    assert found.n_needed(share) == int((held < share).sum()) + 1
    assert found.n_needed(share) == PCA(share, svd_solver="full").fit(X).n_components_


def axes_with(variances, total=None):
    variances = torch.tensor(variances, dtype=torch.float64)
    n = len(variances)
    total = float(variances.sum()) if total is None else total
    return PrincipalAxes(torch.eye(n).double(), variances, torch.zeros(n).double(), total)


def test_number_needed_where_the_share_is_met_exactly():
    found = axes_with([0.3] * 10)  # their sums are not exact in binary
    assert [found.n_needed(k / 10) for k in range(1, 11)] == list(range(1, 11))


def test_number_needed_is_at_most_what_was_found():
    assert axes_with([4.0, 2.0], total=100.0).n_needed(0.9) == 2


def test_number_needed_without_variance():
    assert axes_with([0.0, 0.0]).n_needed(0.9) == 1
