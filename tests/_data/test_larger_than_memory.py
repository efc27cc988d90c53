"""Rows that are larger than the memory: fitted and used under a limit on it."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from support.combinations import slow_but

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
)
from skae.architectures import Dense

SCRIPT = """
import re, resource, sys
import numpy as np
from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae._data import rows

rows.EXTRA_BYTES = 2**24  # otherwise so few rows would be kept
rows.BLOCK_BYTES = 2**21
N_ROWS, N_FEATURES, BATCH = 160_000, 320, 4000  # 205 MB

def batches():
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((4, N_FEATURES), dtype=np.float32)
    for _ in range(0, N_ROWS, BATCH):
        yield rng.standard_normal((BATCH, 4), dtype=np.float32) @ directions

def autoencoder():
    parts = {"architecture": Dense(hidden_layer_sizes=(4,)), "batch_size": 1024}
    return AutoencoderTransformer(4, max_epochs=1, random_state=0, **parts)

autoencoder().fit(next(batches()))  # imports what is imported late
status = open("/proc/self/status").read()
used = int(re.search(r"VmData:\\s+(\\d+) kB", status)[1]) * 1024
limit = used + 170 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
X = batches
if sys.argv[2] == "map":
    X = np.memmap(sys.argv[1], np.float32, "w+", shape=(N_ROWS, N_FEATURES))
    for i, batch in enumerate(batches()):
        X[i * BATCH : (i + 1) * BATCH] = batch
    X = np.memmap(sys.argv[1], np.float32, "r", shape=X.shape)
if sys.argv[2] == "array":
    X = np.concatenate(list(batches()))
ae = autoencoder().fit(X)
codes, scores = ae.transform(X), ae.score_samples(X)
assert codes.shape == (N_ROWS, 4) and len(scores) == N_ROWS
assert ae.score(next(batches())) > 0.9
"""


# The C library would keep some of what is freed.
FREED_AT_ONCE = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000", "MALLOC_ARENA_MAX": "1"}


def run(form, folder):
    command = [sys.executable, "-c", SCRIPT, str(folder / "rows"), form]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, env=FREED_AT_ONCE)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("form", ["map", "function"])
def test_205_mb_with_170_mb_of_memory(form, tmp_path):
    done = run(form, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_the_limit_is_one(tmp_path):
    assert "emory" in run("array", tmp_path).stderr


ESTIMATORS = {
    "transformer": AutoencoderTransformer,
    "detector": AutoencoderOutlierDetector,
    "imputer": AutoencoderImputer,
    "classifier": AutoencoderClassifier,
}


@pytest.fixture
def on_disk(tmp_path):
    """20 MB of rows; -1 is missing, and so is all of the last column."""
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (20_000, 256))
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((4, 256), dtype=np.float32)
    for start in range(0, 20_000, 1000):
        rows = rng.standard_normal((1000, 4), dtype=np.float32) @ directions
        rows[rng.random(rows.shape) < 0.01] = -1
        rows[:, -1] = -1
        X[start : start + 1000] = rows
    X.flush()
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("name", slow_but({"transformer"}, ESTIMATORS, str))
def test_no_estimator_copies_a_memory_map(name, on_disk, monkeypatch):
    """Of numpy's arrays, those of a fit take less than the rows, by blocks of a few megabytes."""
    monkeypatch.setattr("skae._data.rows.EXTRA_BYTES", 2**20)
    monkeypatch.setattr("skae._data.rows.BLOCK_BYTES", 2**18)
    monkeypatch.setattr("skae._missing.gaussian_fit._FACTOR_NUMBERS", 2**18)
    monkeypatch.setattr("skae._detection.ensemble_fitting._MOST_ENTRIES", 2**16)
    monkeypatch.setattr("skae._detection.ensemble._MOST_FITTED", 500)
    monkeypatch.setattr("skae._imputation.imputation_fit._MEASURED_ROWS", 300)
    parameters = {"batch_size": 2048, "architecture": Dense(hidden_layer_sizes=(4,))}
    if name == "imputer":
        parameters |= {"missing_values": -1, "add_indicator": True, "n_estimators": 1}
        parameters |= {"keep_empty_features": True}
    estimator = ESTIMATORS[name](2, max_epochs=1, random_state=0, **parameters)
    y = np.arange(len(on_disk)) % 3
    estimator.fit(on_disk[:600], y[:600])  # imports what is imported late
    tracemalloc.start()
    try:
        estimator.fit(on_disk, y, sample_weight=(y > 0) + 0.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.75 * on_disk.nbytes
