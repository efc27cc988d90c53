"""There is always a whole file."""

import os
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

import skae
from skae._storage import read_file
from skae._storage.atomic import atomic_file

posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")


def test_an_error_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail():
        with atomic_file(path) as file:
            file.write(b"new")
            assert next(tmp_path.glob(".skae-*.tmp"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "none" / "a"):
        pass


@posix
def test_permissions_are_those_of_open(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "new") as file:
            file.write(b"1")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    with atomic_file(tmp_path / "new") as file:
        file.write(b"2")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


@posix
def test_a_link_is_followed(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with atomic_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


# Without torch, which takes seconds to import.
WRITER = """
import itertools, sys, types
import numpy as np
sys.modules["skae"] = package = types.ModuleType("skae")
package.__path__ = [sys.argv[2]]
from skae._storage import write_file
for i in itertools.count():
    write_file(sys.argv[1], "model", {"i": i}, {"a": np.full(200_000, i)})
    if not i:
        print("written", flush=True)
"""


def kill_a_writer(path, seconds):
    """Kill a process that writes again and again, so long after its first file."""
    command = [sys.executable, "-c", WRITER, str(path), os.path.dirname(skae.__file__)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "written\n"
    time.sleep(seconds)
    process.kill()
    process.communicate()


@posix
def test_a_kill_leaves_a_whole_file(tmp_path):
    path, rng = tmp_path / "a", np.random.default_rng(0)
    n_interrupted = n_kills = 0
    while n_interrupted < 3:
        n_kills += 1
        assert n_kills < 30, "no write was ever interrupted"
        kill_a_writer(path, rng.uniform(0, 0.1))
        left = [p for p in tmp_path.iterdir() if p != path]
        assert all(p.match(".skae-*.tmp") for p in left)
        n_interrupted += bool(left)
        for leftover in left:
            leftover.unlink()
        document, arrays = read_file(path, content="model")
        assert (arrays["a"] == document["i"]).all()


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    missing = pytest.raises(FileNotFoundError, match="folder does not exist")
    with missing as e, atomic_file(tmp_path / "no" / "where" / "a"):
        pass
    assert str(e.value).endswith(f"{str(tmp_path / 'no' / 'where')!r}")
    (tmp_path / "file").write_text("")
    no_folder = pytest.raises(NotADirectoryError, match="is a file, not a folder")
    with no_folder as e, atomic_file(tmp_path / "file" / "a"):
        pass
    assert str(e.value).endswith(f"{str(tmp_path / 'file')!r}")


def test_errors_name_the_file_and_not_the_hidden_one(tmp_path):
    path = tmp_path / ("a" * 300)  # longer than names of files may be
    with pytest.raises(OSError, match="aaa") as e, atomic_file(path):
        pass
    assert ".skae-" not in str(e.value)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(args[0]))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("builtins.open", refuse)
        with pytest.raises(PermissionError) as e, atomic_file(tmp_path / "b"):
            pass
    assert e.value.filename == str(tmp_path / "b")
