import copy
import pickle
import pickletools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skae._data.moments import Moments
from skae._network.build import new_network
from skae._network.fitted_network import FittedNetwork, arrays_of, batch_rows
from skae._network.network_spec import NetworkSpec
from skae._runtime import threads
from skae.architectures import ARCHITECTURES, Dense
from skae.kinds import KINDS, Undercomplete
from skae.losses import BCE, LOSSES, MSE

N_FEATURES, N_COMPONENTS = 12, 3
F64 = np.dtype(np.float64)


@pytest.fixture(scope="module", name="X")
def thousand_rows():
    rng = np.random.default_rng(0)
    return rng.random((1000, N_FEATURES)) @ rng.random((N_FEATURES, N_FEATURES)) / N_FEATURES


def make(X, kind=None, architecture=None, loss=None, linear_path=True, precision="float32", seed=0):
    loss = loss or MSE()
    spec = NetworkSpec(
        kind=kind or Undercomplete(),
        architecture=architecture or Dense(hidden_layer_sizes=(40,)),
        loss=loss,
        n_features=X.shape[1],
        n_components=N_COMPONENTS,
        linear_path=linear_path,
        scaling=Moments.of(X).scaling(rescales=loss.rescales),
        precision=precision,
    )
    network = new_network(spec, torch.device("cpu"), torch.Generator().manual_seed(seed))
    with torch.no_grad():  # a residual that is not zero any more
        for parameter in network.parameters():
            generator = torch.Generator().manual_seed(seed)
            parameter += 0.1 * torch.rand(parameter.shape, generator=generator)
    return FittedNetwork(spec, arrays_of(network.state_dict())), network.eval()


def encode(fitted, X):
    return fitted.encode(X, "cpu", F64)


CASES = [
    *((kind, architecture, "mse") for kind in KINDS for architecture in ARCHITECTURES),
    *(("undercomplete", "dense", loss) for loss in LOSSES),
]


@pytest.mark.parametrize(("kind", "architecture", "loss"), CASES)
@pytest.mark.parametrize("linear_path", [True, False])
def test_inference_is_the_networks(X, kind, architecture, loss, linear_path):
    parts = {
        "kind": KINDS[kind](),
        "architecture": ARCHITECTURES[architecture](),
        "loss": LOSSES[loss](),
    }
    X = X[:300]
    fitted, network = make(X, **parts, linear_path=linear_path)
    with torch.no_grad():
        scaled = torch.from_numpy(fitted.scaling.apply(X))
        codes = network.encode(scaled).numpy()
        decoded = fitted.scaling.undo(network.decode(torch.from_numpy(codes)).numpy())
    np.testing.assert_allclose(encode(fitted, X), codes, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fitted.decode(codes, "cpu", F64), decoded, rtol=1e-4, atol=1e-5)
    together = np.empty_like(X)
    for rows, block in fitted.reconstructions(X, "cpu"):
        together[rows] = block
    np.testing.assert_allclose(together, decoded, rtol=1e-4, atol=1e-4)


# The last is so large that it is computed on several threads.
each_size = pytest.mark.parametrize(
    "architecture", [*(cls() for cls in ARCHITECTURES.values()), Dense((512, 256))], ids=str
)


@each_size
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_rows_code_does_not_depend_on_the_others(X, architecture, precision):
    fitted, _ = make(X, architecture=architecture, precision=precision)
    codes = encode(fitted, X)
    for n in (1, 10, 255, 256, 257):
        np.testing.assert_array_equal(encode(fitted, X[:n]), codes[:n])
    for i in (0, 1, 300, 999):
        np.testing.assert_array_equal(encode(fitted, X[i : i + 1]), codes[i : i + 1])
    order = np.random.default_rng(1).permutation(1000)
    np.testing.assert_array_equal(encode(fitted, X[order]), codes[order])
    np.testing.assert_array_equal(encode(fitted, sp.csr_matrix(X)), codes)
    decoded = fitted.decode(codes, "cpu", F64)
    for chosen in ([5], [7, 3, 900], order):
        np.testing.assert_array_equal(fitted.decode(codes[chosen], "cpu", F64), decoded[chosen])


@each_size
def test_eight_threads_compute_the_same(X, architecture):
    fitted, _ = make(X, architecture=architecture)
    parts = np.array_split(np.arange(1000), 40)
    expected = encode(fitted, X)
    fitted = pickle.loads(pickle.dumps(fitted))  # the threads build the network together
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda rows: encode(fitted, X[rows]), parts))
    np.testing.assert_array_equal(np.concatenate(codes), expected)
    assert len(fitted._networks) == 1


def test_network_is_built_once(X):
    fitted, _ = make(X)
    network = fitted.network("cpu")
    assert fitted.network("cpu") is network
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_trained_network_is_kept_for_inference(X):
    built, network = make(X)
    network.draw_from(torch.Generator())
    network.sample_losses(torch.zeros(2, N_FEATURES)).sum().backward()
    fitted = FittedNetwork.of(built.spec, network)
    assert fitted.network("cpu") is network
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert all(parameter.grad is None for parameter in network.parameters())
    np.testing.assert_array_equal(encode(fitted, X), encode(built, X))


def test_a_device_is_the_same_by_all_of_its_names(X):
    built, network = make(X)
    fitted = FittedNetwork.of(built.spec, network)
    assert fitted.network("cpu:0") is fitted.network(torch.device("cpu")) is network
    assert len(fitted._networks) == 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_network_that_was_trained_on_a_gpu_is_kept_there(X):
    built, network = make(X)
    network = network.to("cuda")
    fitted = FittedNetwork.of(built.spec, network)
    assert fitted.network("cuda") is fitted.network("cuda:0") is fitted.network("auto") is network


def test_weights_are_copies(X):
    built, network = make(X)
    fitted = FittedNetwork.of(built.spec, network)
    codes = encode(fitted, X)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.zero_()
    fitted._forget_networks()
    np.testing.assert_array_equal(encode(fitted, X), codes)


@pytest.mark.parametrize("copied", ["pickle", "copy", "deepcopy"])
def test_copies_drop_the_network_and_compute_the_same(X, copied):
    fitted, _ = make(X)
    codes = encode(fitted, X)
    other = {
        "pickle": lambda fitted: pickle.loads(pickle.dumps(fitted)),
        "copy": copy.copy,
        "deepcopy": copy.deepcopy,
    }[copied](fitted)
    assert not other._networks
    np.testing.assert_array_equal(encode(other, X), codes)
    assert other.network("cpu") is not fitted.network("cpu")


@pytest.mark.parametrize(("kind", "architecture", "loss"), CASES)
def test_pickle_holds_arrays_and_parameters_only(X, kind, architecture, loss):
    fitted, _ = make(
        X, kind=KINDS[kind](), architecture=ARCHITECTURES[architecture](), loss=LOSSES[loss]()
    )
    encode(fitted, X)
    state = pickle.dumps(fitted)
    names = [arg for _, arg, _ in pickletools.genops(state) if isinstance(arg, str)]
    assert any(name.startswith("skae.") for name in names), "the names were not found"
    for name in names:
        assert not name.startswith(("torch", "skorch")), name
    n_bytes = sum(weights.nbytes for weights in fitted.weights.values())
    assert len(state) < n_bytes + 10_000


def test_pickle_does_not_grow_with_use(X):
    fitted, _ = make(X)
    before = pickle.dumps(fitted)
    encode(fitted, X)
    assert pickle.dumps(fitted) == before


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("bfloat16", torch.float32), ("float64", torch.float64)],
)
def test_dtype_of_weights_is_that_of_the_precision(X, precision, dtype):
    fitted, _ = make(X, precision=precision)
    assert {parameter.dtype for parameter in fitted.network("cpu").parameters()} == {dtype}
    assert {torch.from_numpy(weights).dtype for weights in fitted.weights.values()} == {dtype}


def test_float64_has_its_digits(X):
    errors = {}
    for precision in ("float32", "float64"):
        fitted, network = make(X, precision=precision)
        with torch.no_grad():
            exact = network.double().encode(torch.from_numpy(fitted.scaling.apply(X, F64)))
        errors[precision] = np.abs(encode(fitted, X) - exact.numpy()).max()
    assert errors["float64"] < 1e-12 < errors["float32"] < 1e-4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_asked_for(X, dtype):
    fitted, _ = make(X)
    codes = fitted.encode(X, "cpu", np.dtype(dtype))
    assert codes.dtype == dtype
    assert fitted.decode(codes, "cpu", np.dtype(dtype)).dtype == dtype
    for _, block in fitted.reconstructions(X, "cpu"):
        assert block.dtype == np.float64


def test_a_missing_device_is_replaced_by_the_cpu(X):
    fitted, _ = make(X)
    np.testing.assert_array_equal(fitted.encode(X, "cuda:99", F64), encode(fitted, X))


def test_probabilities_are_not_scaled(X):
    fitted, _ = make(X, loss=BCE())
    assert fitted.scaling.scale == 1
    decoded = fitted.decode(encode(fitted, X), "cpu", F64)
    assert decoded.min() >= 0
    assert decoded.max() <= 1


def test_no_rows(X):
    fitted, _ = make(X)
    assert encode(fitted, X[:0]).shape == (0, N_COMPONENTS)
    assert fitted.decode(np.empty((0, N_COMPONENTS)), "cpu", F64).shape == (0, N_FEATURES)


def test_an_error_in_the_middle_leaves_torch_as_it_was(X):
    """The loop runs in inference mode, on one thread; a caller that fails must not stay there."""
    fitted, _ = make(X)

    def fails_after_the_first_block():
        for _ in fitted.reconstructions(X, "cpu"):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fails_after_the_first_block()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("n_features", "n_multiplications", "expected"),
    [
        (1, 10**6, 256),
        (2**14, 10**6, 256),
        (2**14 + 1, 10**6, 255),
        (2**22, 10**9, 1),
        (2**23, 10**9, 1),
        (64, 99_999, 512),
        (2**14, 99_999, 256),
    ],
)
def test_large_samples_come_in_small_batches(n_features, n_multiplications, expected):
    assert batch_rows(n_features, n_multiplications) == expected


@pytest.mark.parametrize(("n_rows", "n_looks"), [(1, 0), (1024, 0), (1025, 1)])
def test_few_rows_are_not_worth_a_look_at_threads(X, monkeypatch, n_rows, n_looks):
    looks = []
    monkeypatch.setattr(threads, "_pays", lambda n_threads: looks.append(n_threads) or False)
    monkeypatch.setattr(threads, "_looked", -float("inf"))
    monkeypatch.setattr(threads, "_PARALLEL_WORK", 1.0)
    fitted, _ = make(X, architecture=Dense((300, 300)))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        rows = np.resize(X, (n_rows, X.shape[1]))
        looks.clear()
        encode(fitted, rows)
    finally:
        torch.set_num_threads(before)
    assert len(looks) == n_looks
