"""Where memory ends, batches of inference get smaller, and training says what to change."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from support.combinations import slow_but

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.memory import (
    DeviceMemoryError,
    FittingBatches,
    is_out_of_memory,
    memory_of_training,
)

CPU = torch.device("cpu")
CUDA_SAYS = (
    "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.15 GiB of "
    "which 3.00 MiB is free."
)
OTHERS_SAY = [
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000000 bytes. Error code 12 (Cannot allocate memory)",
    "[enforce fail at alloc_cpu.cpp:75] data. DefaultCPUAllocator: not enough memory: you tried to "
    "allocate 400 bytes.",
    "MPS backend out of memory (MPS allocated: 5.56 GB, other allocations: 1.10 GB, max allowed: "
    "6.80 GB). Tried to allocate 768.00 MB on private pool.",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
]


@pytest.mark.parametrize("message", OTHERS_SAY)
def test_what_is_known_as_out_of_memory(message):
    assert is_out_of_memory(RuntimeError(message))
    assert not is_out_of_memory(ValueError(message))


@pytest.mark.parametrize("allocate", [torch.empty, np.empty], ids=["torch", "numpy"])
def test_real_errors_are_known(allocate):
    with pytest.raises((RuntimeError, MemoryError)) as raised:
        allocate(10**15)
    assert is_out_of_memory(raised.value)


def test_other_errors_are_not():
    assert is_out_of_memory(torch.OutOfMemoryError(CUDA_SAYS))
    for error in (RuntimeError("mat1 and mat2 shapes"), KeyboardInterrupt(), ValueError("memory")):
        assert not is_out_of_memory(error)
    with pytest.raises(RuntimeError, match="mat1"):
        FittingBatches(CPU).call(lambda X: X @ torch.ones(9, 2), torch.ones(4, 3))
    with pytest.raises(RuntimeError, match="mat1"), memory_of_training(8, CPU):
        torch.ones(2, 3) @ torch.ones(2, 3)


def limited(most, sizes):
    """Return a function that doubles up to so many rows."""

    def double(X, *more):
        sizes.append(len(X))
        if len(X) > most:
            raise torch.OutOfMemoryError(CUDA_SAYS)
        return (2 * X, *(2 * other for other in more)) if more else 2 * X

    return double


@pytest.mark.filterwarnings("ignore:A batch takes more memory:RuntimeWarning")
@pytest.mark.parametrize("n_rows", [1, 3, 16, 17])
@pytest.mark.parametrize("n_tensors", [1, 2])
def test_batches_halve_until_they_fit(n_rows, n_tensors):
    sizes, fitting = [], FittingBatches(CPU)
    batch = [torch.arange(n_rows * (i + 1.0)).reshape(n_rows, -1) for i in range(n_tensors)]
    for _ in range(2):
        results = fitting.call(limited(3, sizes), *batch)
        for found, given in zip([results] if n_tensors == 1 else results, batch, strict=True):
            assert torch.equal(found, 2 * given)
    if n_rows == 17:  # 17 fails, 8 and 4 as well; the second time 2 is known to fit
        assert sizes == [17, 8, 4, *[2] * 8, 1, *[2] * 8, 1]


def test_the_warning_says_how_many_rows_and_what_to_do():
    said = (
        r"A batch takes more memory than cpu has \(requested: 20.00 MiB at once\): the computation "
        r"continues with 8 rows at a time, .* device='cpu'"
    )
    with pytest.warns(RuntimeWarning, match=said) as warned:
        FittingBatches(CPU).call(limited(8, []), torch.ones(16, 1))
    assert len(warned) == 1


@pytest.mark.filterwarnings("ignore:A batch takes more memory:RuntimeWarning")
def test_a_single_row_that_does_not_fit_is_an_error():
    with pytest.raises(DeviceMemoryError, match="Even a single row takes more memory than cpu"):
        FittingBatches(CPU).call(limited(0, []), torch.ones(5, 1))
    assert issubclass(DeviceMemoryError, MemoryError)


@pytest.fixture
def little_memory(monkeypatch):
    """Let networks run out of memory above some rows, in training or in inference."""

    def limit(most, training):
        for name in ("encoder_output", "decoder_output", "filled"):
            method = getattr(AutoencoderNetwork, name)

            def limited(self, X, method=method):
                if self.training == training and len(X) > most:
                    raise torch.OutOfMemoryError(CUDA_SAYS)
                return method(self, X)

            monkeypatch.setattr(AutoencoderNetwork, name, limited)

    return limit


RNG = np.random.RandomState(0)
X = RNG.randn(80, 6) @ RNG.randn(6, 6)
WITH_GAPS = np.where(RNG.rand(*X.shape) < 0.2, np.nan, X)
Y = np.where(np.arange(80) % 3, np.arange(80) % 2, -1)
VARIATIONAL = AutoencoderTransformer(2, kind="variational")
CASES = {
    "transform": (AutoencoderTransformer(2), lambda e: e.transform(X)),
    "inverse_transform": (AutoencoderTransformer(2), lambda e: e.inverse_transform(X[:, :2])),
    "reconstruct": (AutoencoderTransformer(2), lambda e: e.reconstruct(X)),
    "score_samples": (AutoencoderTransformer(2), lambda e: e.score_samples(X)),
    "posterior": (VARIATIONAL, lambda e: np.hstack(e.posterior(X))),
    "elbo": (VARIATIONAL, lambda e: e.elbo(X, random_state=0)),
    "log_likelihood": (VARIATIONAL, lambda e: e.log_likelihood(X, random_state=0)),
    "detector": (AutoencoderOutlierDetector(), lambda e: e.score_samples(X)),
    "contributions": (AutoencoderOutlierDetector(), lambda e: e.feature_contributions(X)),
    "imputer": (AutoencoderImputer(n_estimators=1), lambda e: e.transform(WITH_GAPS)),
    "recommender": (AutoencoderRecommender(), lambda e: e.predict_all(WITH_GAPS)),
    "classifier": (AutoencoderClassifier(2, unlabelled=-1), lambda e: e.decision_function(X)),
}


@pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")
@pytest.mark.parametrize("what", slow_but({*CASES} - {"contributions"}, CASES, str))
def test_inference_goes_on_with_fewer_rows(what, little_memory):
    estimator, infer = CASES[what]
    gaps = isinstance(estimator, AutoencoderImputer | AutoencoderRecommender)
    estimator.set_params(max_epochs=2, random_state=0, early_stopping=False)
    estimator.fit(WITH_GAPS if gaps else X, Y if what == "classifier" else None)
    whole = np.asarray(infer(estimator))
    little_memory(7, training=False)
    with pytest.warns(RuntimeWarning, match="continues with 4 rows at a time"):
        found = np.asarray(infer(estimator))
    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(2, batch_size=10),
        AutoencoderOutlierDetector(batch_size=10),
        AutoencoderClassifier(2, unlabelled=-1, batch_size=10),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_fit_looks_at_rows_that_it_does_not_train_on_in_parts_as_well(estimator, little_memory):
    """Those held out, those whose ranges are noted, and those that scores are fitted to."""
    estimator.set_params(max_epochs=2, random_state=0, validation_fraction=0.3)
    data = np.vstack([X] * 8)
    estimator.fit(data, np.arange(640) % 2)
    expected = estimator.history_.drop(columns="seconds")
    little_memory(12, training=False)
    with pytest.warns(RuntimeWarning, match="rows at a time"):
        estimator.fit(data, np.arange(640) % 2)
    found = estimator.history_.drop(columns="seconds")
    # Of noise on held-out rows, parts draw other numbers than the whole.
    np.testing.assert_allclose(found, expected, rtol=0.2)


def test_training_says_what_to_change(little_memory, tmp_path, monkeypatch):
    little_memory(20, training=True)
    ae = AutoencoderTransformer(2, batch_size=25, random_state=0)
    with pytest.raises(DeviceMemoryError) as raised:
        ae.fit(X)
    said = str(raised.value)
    for part in ("batch_size=2", "20.00 MiB", "smaller batch_size", "hidden layers", "device="):
        assert part in said
    assert isinstance(raised.value.__cause__, torch.OutOfMemoryError)
    # Four folds are trained in one pass.
    assert ae.set_params(batch_size=5).fit(X).transform(X).shape == (80, 2)


def test_a_checkpoint_stays_where_training_runs_out_of_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("skae._checkpoints.checkpoint._SHORTEST", 0.0)
    monkeypatch.setattr("skae._checkpoints.checkpoint._REST", 0.0)
    path = tmp_path / "fit.skae"
    ae = AutoencoderTransformer(2, max_epochs=3, random_state=0)
    whole = ae.fit(X).transform(X)
    output, calls = AutoencoderNetwork.encoder_output, []

    def fails_once(self, X):
        calls.append(self.training)
        if sum(calls) == 12:
            raise torch.OutOfMemoryError(CUDA_SAYS)
        return output(self, X)

    monkeypatch.setattr(AutoencoderNetwork, "encoder_output", fails_once)
    ae.set_params(checkpoint=path)
    with pytest.raises(DeviceMemoryError):
        ae.fit(X)
    assert path.exists()
    assert np.array_equal(ae.fit(X).transform(X), whole)


LIMITED = """
import re, resource, warnings
import numpy as np, torch
from torch import nn
from skae import AutoencoderTransformer
from skae.architectures import Custom

class Greedy(nn.Linear):
    greedy = False
    def forward(self, X):
        if Greedy.greedy:
            torch.ones(len(X), 2**20)  # 4 MiB for each row
        return super().forward(X)

def make(shape, n):
    return Greedy(*shape, n)

def back(shape, n):
    return nn.Linear(n, *shape)

X = np.random.RandomState(0).randn(600, 5)
ae = AutoencoderTransformer(2, architecture=Custom(make, back), max_epochs=1, random_state=0).fit(X)
whole = ae.transform(X)
Greedy.greedy = True
used = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20, resource.RLIM_INFINITY))
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    found = ae.transform(X)
np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)
print(warned[-1].message)
try:
    ae.set_params(batch_size=500, early_stopping=False).fit(X)
except MemoryError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space")
def test_memory_that_really_ends():
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    inference, training = done.stdout.splitlines()
    assert re.search("continues with (16|32|64) rows at a time", inference)
    assert re.search(r"with batch_size=500 \(requested: \d+ bytes at once\)", training)
