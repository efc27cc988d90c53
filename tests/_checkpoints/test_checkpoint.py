"""A fit that is killed goes on from its checkpoint, and ends as if it had not been."""

import copy
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback
from support.combinations import slow_but
from support.matrix import QUICKEST, X, Y, build, matrix, outcome

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    FileFormatError,
    load,
)
from skae._checkpoints import checkpoint, fingerprint
from skae._checkpoints.checkpoint import Checkpoint
from skae._checkpoints.trainings import Trainings
from skae._data import rows
from skae.architectures import Custom, Dense
from skae.kinds import Sparse

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:n_components=\d+ is not larger than the:UserWarning"),
    pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning"),
]


class Killed(BaseException):
    """Nothing in a fit expects this."""


@pytest.fixture(autouse=True)
def one_after_the_other(monkeypatch):
    """Train as with a checkpoint, so that all numbers are the same; in one pass, some differ."""
    monkeypatch.setattr(Trainings, "joins", False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.skae"


@pytest.fixture
def always_due(monkeypatch):
    """Write after each batch, and do not wait for the disk."""
    monkeypatch.setattr(checkpoint, "_SHORTEST", 0.0)
    monkeypatch.setattr(checkpoint, "_REST", 0.0)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def dying(always_due, monkeypatch):
    """Return a function that fits, is killed with each n-th write, and fits again."""
    write, written, every = Checkpoint._write, [], []

    def write_and_die(self, state):
        write(self, state)
        written.append(state)
        if len(written) % every[-1] == 0:
            raise Killed

    monkeypatch.setattr(Checkpoint, "_write", write_and_die)

    def fit(make, *data, kill_every):
        """Return what is fitted in the end, the number of kills, and the first state written."""
        written.clear()
        every.append(kill_every)
        for n_kills in itertools.count():
            estimator = make()
            try:
                return estimator.fit(*data), n_kills, written[0]
            except Killed:
                continue

    return fit


def networks(estimator):
    if hasattr(estimator, "_fitted"):
        return [estimator._fitted]
    if hasattr(estimator, "_ensemble"):
        return [member.network for member in estimator._ensemble.members]
    return estimator._imputation.networks


def assert_same(fitted, other, rows):
    assert len(networks(fitted)) == len(networks(other))
    for network, expected in zip(networks(fitted), networks(other), strict=True):
        assert network.weights.keys() == expected.weights.keys()
        for of_layer, weights in expected.weights.items():
            assert np.array_equal(network.weights[of_layer], weights, equal_nan=True), of_layer
    history, expected = (e.history_.drop(columns="seconds") for e in (fitted, other))
    assert history.equals(expected)
    assert (history.dtypes == expected.dtypes).all()
    assert np.array_equal(outcome(fitted, rows), outcome(other, rows))


@pytest.mark.parametrize("combination", matrix(quick=QUICKEST))
def test_a_killed_fit_ends_as_one_that_was_not(combination, path, dying):
    """Weights, history and scores, however often it is killed."""
    estimator = build(*combination, random_state=0, checkpoint=path)
    every = 12 if combination[0] is AutoencoderClassifier else 4  # which has more epochs
    resumed, n_kills, _ = dying(lambda: clone(estimator), X, Y, kill_every=every)
    assert n_kills >= 2
    assert_same(resumed, build(*combination, random_state=0).fit(X, Y), X)
    assert not path.exists()


def modules(sample_shape, n):
    return torch.nn.Sequential(torch.nn.Linear(*sample_shape, n), torch.nn.Dropout(0.3))


def modules_back(sample_shape, n):
    return torch.nn.Sequential(torch.nn.Linear(n, *sample_shape), torch.nn.Dropout(0.3))


MANY = np.random.RandomState(1).randn(700, 6) @ np.random.RandomState(2).randn(6, 6)
OTHERS = {
    # What is drawn from torch's own generators, what an optimizer keeps, what is counted.
    "custom": AutoencoderTransformer(2, architecture=Custom(modules, modules_back)),
    "dropout": AutoencoderTransformer(2, architecture=Dense((8,), dropout=0.3)),
    "dead units": AutoencoderTransformer(40, kind=Sparse("batch_topk", k=1)),
    "nadam": AutoencoderTransformer(2, optimizer=torch.optim.NAdam),
    "sgd": AutoencoderTransformer(2, optimizer="sgd"),
    "float64": AutoencoderTransformer(2, precision="float64", early_stopping=False),
    "half precision": AutoencoderTransformer(2, precision="bfloat16"),
    "patience": AutoencoderTransformer(2, patience=4, max_epochs=20),
    "repelled": AutoencoderOutlierDetector(n_estimators=2),
    "robust core": AutoencoderOutlierDetector(n_estimators=2, standardize="robust"),
    "held out": AutoencoderImputer(n_estimators=3, sample_posterior=True),
    "labels for all": AutoencoderClassifier(2),
    "labels for some": AutoencoderClassifier(2, unlabelled=-1, pseudo_labels=False),
}
LABELS = {
    "repelled": np.where(np.arange(700) % 50, 0, -1),
    "labels for all": np.arange(700) % 3,
    "labels for some": np.where(np.arange(700) % 3, np.arange(700) % 2 * 5, -1),
}


@pytest.mark.parametrize("what", OTHERS)
def test_nothing_else_is_forgotten(what, path, dying):
    estimator = clone(OTHERS[what]).set_params(batch_size=200, random_state=0)
    if estimator.max_epochs == "auto":
        estimator.set_params(max_epochs=3)
    whole = clone(estimator).fit(MANY, LABELS.get(what))
    estimator.set_params(checkpoint=str(path))
    fitted, n_kills, _ = dying(lambda: clone(estimator), MANY, LABELS.get(what), kill_every=4)
    assert n_kills >= 2
    assert_same(fitted, whole, MANY[:50])


def test_rows_that_are_scaled_again_in_each_pass(path, dying, monkeypatch):
    monkeypatch.setattr(rows, "EXTRA_BYTES", 0)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 2**11)
    monkeypatch.setattr(rows, "GATHERED_BYTES", 2**10)
    data = np.random.RandomState(0).randint(0, 255, (600, 6)).astype(np.uint8)
    estimator = AutoencoderTransformer(2, max_epochs=2, batch_size=20, random_state=0)
    whole = clone(estimator).fit(data)
    estimator.set_params(checkpoint=path)
    fitted, n_kills, _ = dying(lambda: clone(estimator), data, kill_every=11)
    assert n_kills >= 3
    assert_same(fitted, whole, data)


RANDOM = [
    AutoencoderImputer(n_estimators=3, init="random", sample_posterior=True, max_epochs=2),
    AutoencoderOutlierDetector(n_estimators=2, max_epochs=2),
]


@pytest.mark.parametrize("estimator", slow_but(RANDOM[:1], RANDOM, lambda e: type(e).__name__))
@pytest.mark.parametrize("given", [False, True], ids=["None", "RandomState"])
def test_random_numbers_are_those_of_the_first_attempt(estimator, given, path, dying):
    """Each attempt comes with other entropy, or with a generator in another state."""
    data = np.where(np.random.RandomState(0).rand(*X.shape) < 0.1, np.nan, X)
    seeds = itertools.count()

    def make():
        random = np.random.RandomState(next(seeds)) if given else None
        return clone(estimator).set_params(random_state=random, checkpoint=path)

    fitted, n_kills, first = dying(make, data, kill_every=3)
    assert n_kills >= 2
    random = np.random.RandomState()
    random.set_state(first["random"])
    whole = clone(estimator).set_params(random_state=random).fit(data)
    assert_same(fitted, whole, data)
    if given:
        later, expected = fitted.random_state, np.random.RandomState(0)
        other = clone(estimator)
        other.random_state = expected  # not a copy
        other.fit(data)
        assert later.randint(2**31 - 1) == expected.randint(2**31 - 1)


def save_once(estimator, path, *data):
    """Leave the checkpoint of a fit that was killed after its first batch."""
    write = Checkpoint._write

    def write_and_die(self, state):
        write(self, state)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "_SHORTEST", 0.0)
        patch.setattr(Checkpoint, "_write", write_and_die)
        with pytest.raises(Killed):
            clone(estimator).set_params(checkpoint=path).fit(*data)


AE = AutoencoderTransformer(2, max_epochs=2, random_state=0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_components": 3}, "n_components was 2 and is 3"),
        ({"learning_rate": 0.1}, "learning_rate was 'auto' and is 0.1"),
        ({"kind": Sparse(k=2)}, r"kind was 'undercomplete' and is Sparse\(.*k=2.*\)"),
        ({"kind": "sparse"}, "kind was 'undercomplete' and is 'sparse'"),
        ({"optimizer": torch.optim.SGD}, "optimizer was 'adamw' and is torch.optim.sgd.SGD"),
        ({"random_state": 1}, "random_state was 0 and is 1"),
        ({"random_state": None}, "random_state was 0 and is None"),
    ],
    ids=["number", "auto", "part", "name", "class", "seed", "no seed"],
)
def test_a_checkpoint_of_other_parameters_is_refused(change, said, path):
    save_once(AE, path, X)
    other = clone(AE).set_params(checkpoint=path, **change)
    message = f"belongs to another fit: {said}. Use the .* delete the file"
    with pytest.raises(ValueError, match=message):
        other.fit(X)
    assert path.exists()
    with pytest.raises(NotFittedError):
        other.transform(X)


def moved(X, row):
    X = X.copy()
    X[row] += 1
    return X


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((X[:-1],), r"X was \(50, 6\) .* and is \(49, 6\)"),
        ((X.astype(np.float32),), "X was .* float64 .* and is .* float32"),
        ((moved(X, 31),), "X was"),
        ((sp.csr_matrix(X),), "X was"),
        ((X.reshape(50, 2, 3),), r"shape of a sample was \(6,\) and is \(2, 3\)"),
        ((X, None, np.arange(1, 51)), "sample_weight was None and is"),
    ],
    ids=["fewer rows", "dtype", "another row", "sparse", "shape", "weights"],
)
def test_a_checkpoint_of_other_data_is_refused(data, said, path):
    save_once(AE, path, X)
    with pytest.raises(ValueError, match=f"belongs to another fit: {said}"):
        clone(AE).set_params(checkpoint=path).fit(*data)
    assert path.exists()


def test_a_checkpoint_of_other_labels_is_refused(path):
    classifier = AutoencoderClassifier(2, unlabelled=-1, max_epochs=2, random_state=0)
    save_once(classifier, path, X, Y)
    with pytest.raises(ValueError, match="belongs to another fit: y was"):
        classifier.set_params(checkpoint=path).fit(X, np.roll(Y, 1))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"groups": np.arange(50) % 6}, "groups was"),
        ({}, r"groups was \(50,\) .* and is None"),
        (
            {"groups": np.arange(50) % 5, "validation_set": X},
            "validation_set was False and is True",
        ),
    ],
)
def test_a_checkpoint_of_other_groups_is_refused(path, other, said):
    detector = AutoencoderOutlierDetector(max_epochs=2, random_state=0)
    save_once(detector, path, X, None, None, np.arange(50) % 5)
    with pytest.raises(ValueError, match=f"belongs to another fit: {said}"):
        detector.set_params(checkpoint=path).fit(X, **other)


def test_a_checkpoint_of_another_estimator_or_version_is_refused(path, monkeypatch):
    save_once(AE, path, X)
    with pytest.raises(ValueError, match=r"estimator was skae.estimators.transformer.Auto"):
        AutoencoderImputer(2, max_epochs=2, random_state=0, checkpoint=path).fit(X)
    monkeypatch.setattr(torch, "__version__", "99.1")
    with pytest.raises(ValueError, match=r"torch was [\w.+]+ and is 99.1. Use"):
        clone(AE).set_params(checkpoint=path).fit(X)


def test_rows_that_the_fingerprint_does_not_look_at_are_compared_by_their_moments(
    path, monkeypatch
):
    monkeypatch.setattr(fingerprint, "_MOST_ROWS", 5)
    save_once(AE, path, X)
    other = np.vstack([X[:1], 3 * X[1:49], X[49:]])
    other[[0, 12, 24, 36, 49]] = X[[0, 12, 24, 36, 49]]
    with pytest.raises(ValueError, match="belongs to a fit of other rows: their means"):
        clone(AE).set_params(checkpoint=path).fit(other)
    assert_same(clone(AE).set_params(checkpoint=path).fit(X), clone(AE).fit(X), X)


@pytest.mark.parametrize(
    "without_effect", [{"verbose": 1}, {"callbacks": [Callback()]}], ids=["verbose", "callbacks"]
)
def test_what_does_not_change_the_weights_may_change(without_effect, path, capsys):
    save_once(AE, path, X)
    fitted = clone(AE).set_params(checkpoint=path, **without_effect).fit(X)
    assert ("resuming from checkpoint" in capsys.readouterr().out) == ("verbose" in without_effect)
    assert_same(fitted, clone(AE).fit(X), X)


def test_a_warm_start_goes_on_from_the_same_weights_only(path):
    warm = clone(AE).set_params(warm_start=True)
    first, other = clone(warm).fit(X), clone(warm).set_params(random_state=5).fit(X)
    whole = copy.deepcopy(first).fit(X)
    killed = copy.deepcopy(first).set_params(checkpoint=path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "_SHORTEST", 0.0)
        patch.setattr(Checkpoint, "remove", lambda self: None)
        killed.fit(X)
    other.set_params(checkpoint=path, random_state=0)
    with pytest.raises(ValueError, match=r"weights to continue from was .* and is"):
        other.fit(X)
    assert_same(copy.deepcopy(first).set_params(checkpoint=path).fit(X), whole, X)


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign", "empty"])
def test_a_damaged_file_is_refused(damage, path):
    save_once(AE, path, X)
    content = path.read_bytes()
    middle = len(content) // 2
    damaged = {
        "cut": content[:middle],
        "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "foreign": b"These are notes.",
        "empty": b"",
    }[damage]
    path.write_bytes(damaged)
    with pytest.raises(FileFormatError, match=r"no fit can resume from it\. Delete it to start"):
        clone(AE).set_params(checkpoint=path).fit(X)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("where", ["missing folder", "a folder", "read-only"])
def test_a_path_that_can_not_be_written_is_refused_at_once(where, tmp_path, monkeypatch):
    path = tmp_path if where == "a folder" else tmp_path / "there" / "fit.skae"
    if where == "read-only":
        path.parent.mkdir()

        def refuse(*args, **kwargs):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(checkpoint.tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr("skae.estimators.transformer.fit_network", None)  # never called
    with pytest.raises(
        ValueError, match=r"checkpoint=.* cannot be written to the folder .* Give a path in an"
    ):
        clone(AE).set_params(checkpoint=path).fit(X)


def test_a_full_disk_does_not_end_the_fit(path, always_due, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_file", full)
    with pytest.warns(RuntimeWarning, match="fit continues without it: .*No space left"):
        fitted = clone(AE).set_params(checkpoint=path).fit(X)
    assert_same(fitted, clone(AE).fit(X), X)


def test_two_fits_at_one_path_are_refused(path, always_due):
    class Intruder(Callback):
        def on_epoch_end(self, net, **kwargs):
            path.write_bytes(b"of another fit")

    ae = clone(AE).set_params(checkpoint=path, callbacks=[Intruder()], validation_fraction=0.2)
    with pytest.raises(ValueError, match="Another fit also writes to checkpoint="):
        ae.fit(X)
    assert path.read_bytes() == b"of another fit"


@pytest.mark.parametrize("path_type", [str, os.fspath, lambda path: path])
def test_it_is_written_and_removed(path_type, path, always_due, monkeypatch):
    written = []
    write = Checkpoint._write
    monkeypatch.setattr(
        Checkpoint,
        "_write",
        lambda self, state: (write(self, state), written.append(path.exists())),
    )
    clone(AE).set_params(checkpoint=path_type(path)).fit(X)
    assert written
    assert all(written)
    assert not list(path.parent.iterdir())


def test_partial_fit_writes_none(path, always_due):
    clone(AE).set_params(checkpoint=path.parent / "missing" / "fit.skae").partial_fit(X)


def test_a_saved_model_knows_no_checkpoint(path):
    clone(AE).set_params(checkpoint=path).fit(X).save(path)
    assert load(path).checkpoint is None


def test_how_often(path, monkeypatch):
    """At the earliest a second after the last time, and thirty times as long as that took."""
    now, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: now[0])

    def write(*args):
        written.append(round(now[0], 1))
        now[0] += 0.25

    monkeypatch.setattr(checkpoint, "write_file", write)
    saved = Checkpoint(path, {})
    for tenth in range(200):
        now[0] = max(now[0], tenth / 10)
        saved.offer(dict)
    assert written == [1.0, 8.8, 16.6]


SCRIPT = """
import os, signal, time
from multiprocessing import get_context

import numpy as np
import torch
from skorch.callbacks import Callback
from skae import AutoencoderImputer, AutoencoderTransformer
from skae._checkpoints import checkpoint

torch.set_num_threads(1)
checkpoint._SHORTEST, checkpoint._REST = 0.02, 0.0
X = np.random.RandomState(0).randn(150, 6) @ np.random.RandomState(1).randn(6, 6)

class Slow(Callback):
    def on_batch_end(self, net, **kwargs):
        time.sleep(0.003)

def fit(estimator, path, result):
    fitted = estimator.set_params(callbacks=[Slow()], checkpoint=path).fit(X)
    networks = [fitted._fitted] if hasattr(fitted, "_fitted") else fitted._imputation.networks
    every = enumerate(networks)
    np.savez(result, **{f"{i}.{n}": w for i, f in every for n, w in f.weights.items()})

def start(*arguments):
    process = get_context("fork").Process(target=fit, args=arguments)
    process.start()
    return process

moments, path = np.random.RandomState(0), "fit.skae"
for estimator in (
    AutoencoderTransformer(2, max_epochs=15, random_state=0),
    AutoencoderImputer(n_estimators=3, max_epochs=15, patience=None, random_state=0),
):
    before = None
    for _ in range(4):
        process = start(estimator, path, "resumed.npz")
        while process.is_alive() and (
            not os.path.exists(path) or os.stat(path).st_mtime_ns == before
        ):
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was done before it could be killed"
        before = os.stat(path).st_mtime_ns
    start(estimator, path, "resumed.npz").join()
    assert not os.path.exists(path)
    start(estimator, None, "whole.npz").join()
    expected, found = np.load("whole.npz"), np.load("resumed.npz")
    assert expected.files == found.files
    assert all(np.array_equal(expected[n], found[n], equal_nan=True) for n in expected.files)
    print("same weights")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_killed_processes(tmp_path):
    """Real ones, by SIGKILL at random moments; benchmarks/kill_resume.py does it more often."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.stdout.split("\n")[:2] == ["same weights"] * 2, done.stderr
