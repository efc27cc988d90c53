"""The first example with a table of the user's, in each format that it reads."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "plot_autoencoder_beside_pca.py"


def run(tmp_path, *arguments):
    command = [sys.executable, str(EXAMPLE), *map(str, arguments), "--output", "picture.png"]
    return subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.fixture
def table():
    random = np.random.RandomState(0)
    columns = {name: random.randn(40) for name in "abc"}
    return pd.DataFrame({**columns, "text": "x", "class": np.where(columns["a"] > 0, "p", "n")})


def test_csv_with_a_target(tmp_path, table):
    table.to_csv(tmp_path / "table.csv", index=False)
    done = run(tmp_path, "table.csv", "--target", "class")
    assert done.returncode == 0, done.stderr
    assert "1-NN accuracy" in done.stdout
    assert (tmp_path / "picture.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "npy", "npz"])
def test_other_formats_without_a_target(tmp_path, table, suffix):
    path = tmp_path / f"table.{suffix}"
    numbers = table[list("abc")].to_numpy()
    if suffix == "parquet":
        table.to_parquet(path)
    elif suffix == "npy":
        np.save(path, numbers.reshape(40, 3, 1))
    else:
        np.savez(path, X=numbers)
    done = run(tmp_path, path)
    assert done.returncode == 0, done.stderr
    assert "explained variance" in done.stdout
    assert "1-NN accuracy" not in done.stdout
    assert (tmp_path / "picture.png").exists()


@pytest.mark.slow
def test_unknown_format(tmp_path):
    (tmp_path / "table.txt").write_text("1 2")
    done = run(tmp_path, "table.txt")
    assert done.returncode != 0
    assert "expected a csv, parquet, npy or npz file" in done.stderr
