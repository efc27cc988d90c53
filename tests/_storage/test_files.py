"""Files that are safe to open: values that come back, and files that are refused."""

import hashlib
import io
import json
import math
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load as safetensors_load

from skae._storage import FileFormatError, archive, read_file, tensors, write_file
from skae._storage.files import _meta

DOCUMENT = {
    "name": "ä model \U0001f600",
    "numbers": [1, -2.5, 1e-300, 2**63, -0.0, math.inf, -math.inf],
    "nested": {"none": None, "yes": True, "empty": [], "dict": {}},
}
ARRAYS = {
    "w": np.arange(12, dtype=np.float32).reshape(3, 4),
    "codes": np.array([math.nan, math.inf, -0.0]),
    "flags": np.array([True, False]),
    "scalar": np.array(3, dtype=np.int64),
    "none": np.empty((0, 5), dtype=np.uint8),
    "half": np.ones(3, dtype=np.float16),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.skae"
    write_file(path, "model", DOCUMENT, ARRAYS)
    return path


def refused(path, words, **parameters):
    with pytest.raises(FileFormatError, match=words):
        read_file(path, **{"content": "model", **parameters})


def with_document(path, held, arrays_bytes=None, **fields):
    """Write a file whose checksums are right, whatever it holds."""
    if arrays_bytes is None:
        arrays_bytes = b"".join(tensors.as_bytes(chunk) for chunk in tensors.chunks({}))
    meta = held if isinstance(held, bytes) else _meta("model", held, digest(arrays_bytes))
    if fields:
        found = {**json.loads(meta), **fields}
        found.pop("sha256")
        body = json.dumps(found).encode()[:-1]
        meta = body + b',"sha256":"' + digest(body).encode() + b'"}'
    members = [(b"meta.json", meta), (b"tensors.safetensors", arrays_bytes)]
    path.write_bytes(packed(members))


def packed(members):
    import zlib

    known = [archive.Entry(name, zlib.crc32(data), len(data)) for name, data in members]
    parts = [member.header + data for member, (_, data) in zip(known, members, strict=True)]
    return b"".join(parts) + archive.ending(known)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_all_comes_back(path):
    document, arrays = read_file(path, content="model")
    assert document == DOCUMENT
    assert math.copysign(1, document["numbers"][4]) == -1
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].flags.aligned
        assert arrays[name].flags.writeable


def test_other_tools_read_it(path):
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == ["meta.json", "tensors.safetensors"]
        assert file.testzip() is None
        assert json.loads(file.read("meta.json"))["format"] == "skae"
        loaded = safetensors_load(file.read("tensors.safetensors"))
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_the_same_makes_the_same_bytes(path, tmp_path):
    other = tmp_path / "other"
    backwards = dict(reversed(list(DOCUMENT.items())))
    write_file(other, "model", backwards, dict(reversed(list(ARRAYS.items()))))
    assert other.read_bytes() == path.read_bytes()


def test_arrays_of_any_layout(tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    write_file(tmp_path / "a", "model", {}, {"t": array.T, "big": array.astype(">f8")[::2]})
    _, arrays = read_file(tmp_path / "a", content="model")
    np.testing.assert_array_equal(arrays["t"], array.T)
    np.testing.assert_array_equal(arrays["big"], array[::2])


@pytest.mark.parametrize(
    "document", [{"a": object()}, {"a": np.float64(1)}, {1: 2}, {"$float": "inf"}, {"a": {1}}]
)
def test_types_that_a_file_cannot_hold(tmp_path, document):
    with pytest.raises(TypeError, match=r"file cannot hold|Keys must be strings"):
        write_file(tmp_path / "a", "model", document, {})
    with pytest.raises(TypeError, match="cannot hold arrays of dtype object"):
        write_file(tmp_path / "a", "model", {}, {"a": np.array([None])})
    with pytest.raises(UnicodeEncodeError):
        write_file(tmp_path / "a", "model", {"a": "\ud800"}, {})
    with pytest.raises(ValueError, match="at most 64 bits, got 400"):
        write_file(tmp_path / "a", "model", {"a": 2**399}, {})
    assert not list(tmp_path.iterdir())


def test_each_flipped_bit_is_noticed(path):
    data = path.read_bytes()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        refused(path, None)


def test_each_truncation_is_noticed(path):
    data = path.read_bytes()
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        refused(path, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not a zip, but begins with b''"),
        (b"\x80\x04\x95 a pickle", "is not a zip"),
        (b"PK\x03\x04" + bytes(100), "not a zip as skae writes it"),
    ],
)
def test_other_files(path, data, words):
    path.write_bytes(data)
    refused(path, words)


def test_bytes_before_and_after(path):
    data = path.read_bytes()
    path.write_bytes(data + b"\0")
    refused(path, "continues after its end")
    path.write_bytes(b"\0" + data)
    refused(path, "is not a zip")


@pytest.mark.parametrize("which", [0, 1])
def test_checksums_of_the_zip(path, which):
    """Wrong everywhere in the zip, so that nothing in it is at odds."""
    with zipfile.ZipFile(path) as file:
        data = [file.read(name) for name in file.namelist()]
        crcs = [info.CRC ^ (i == which) for i, info in enumerate(file.infolist())]
    names = (b"meta.json", b"tensors.safetensors")
    members = [archive.Entry(*m) for m in zip(names, crcs, map(len, data), strict=True)]
    parts = b"".join(m.header + d for m, d in zip(members, data, strict=True))
    path.write_bytes(parts + archive.ending(members))
    refused(path, f"the checksum of '{names[which].decode()}' differs")


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["meta.json", "tensors.safetensors"], {}),  # stored, but not in the form of skae
        (["meta.json", "tensors.safetensors"], {"compression": zipfile.ZIP_DEFLATED}),
        (["meta.json"], {}),
        (["meta.json", "tensors.safetensors", "more"], {}),
        (["../meta.json", "/tensors.safetensors"], {}),
        (["meta.json", "meta.json"], {}),
        (["tensors.safetensors", "meta.json"], {}),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_foreign_zips(path, names, options):
    with zipfile.ZipFile(path, "w", **options) as file:
        for name in names:
            file.writestr(name, b"0" * 1000)
    refused(path, "not a zip as skae writes it")


def test_members_of_other_names(path):
    for names in ([b"meta.json"] * 2, [b"meta.jso\\", b"tensors.safetensors"]):
        path.write_bytes(packed([(name, b"{}") for name in names]))
        refused(path, None)
    with_document(path, {"a": 1})
    data = path.read_bytes()
    assert read_file(path, content="model")[0] == {"a": 1}
    path.write_bytes(data[: data.rindex(b"PK\x01\x02")] + data[data.rindex(b"PK\x06\x06") :])
    refused(path, "not followed by the end of a zip")


def test_checksum_of_the_document(path):
    """JSON that was changed by someone who thought of the zip alone."""
    with zipfile.ZipFile(path) as file:
        meta, arrays = (file.read(name) for name in file.namelist())
    changed = meta.replace(b'"yes":true', b'"yes":null')
    path.write_bytes(packed([(b"meta.json", changed), (b"tensors.safetensors", arrays)]))
    refused(path, "checksum of its JSON differs")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"version": 2}, "written by a later version of skae: it has format 2"),
        ({"version": 0}, "which version of the format"),
        ({"version": True}, "which version of the format"),
        ({"format": "other"}, "not from skae"),
        ({"content": "checkpoint"}, "must hold a model, got 'checkpoint'"),
        ({"document": []}, "holds no document"),
        ({"more": 1}, "other fields"),
        ({"tensors": "0" * 64}, "checksum of its arrays"),
    ],
)
def test_crafted_fields(path, fields, words):
    with_document(path, {"a": 1}, **fields)
    refused(path, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a":NaN}', "holds NaN"),
        (b'{"a":-Infinity}', "holds -Infinity"),
        (b'{"a":1,"a":2}', "a key twice"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":%s}' % (b"9" * 5000), "more than 64 bits"),
        (b'{"a":%s}' % str(2**64).encode(), "more than 64 bits"),
        (b'{"a":%s1%s}' % (b"[" * 40, b"]" * 40), "more than 32 deep"),
        (b'{"a":%s1%s}' % (b"[" * 9**5, b"]" * 9**5), "RecursionError"),
        (b'{"a":"\xc3\xa4"}', "UnicodeDecodeError"),
        (b'{"a":{"$float":"big"}}', "unknown name of a float"),
        (b'{"a":{"$float":[]}}', "unknown name of a float"),
        (b'{"a":{"$x":1,"$y":2}}', "begins with '\\$'"),
        (b'{"a":[%s0]}' % (b"0," * 10**6), "more than a file of its size may"),
        (b'{"a":}', "JSONDecodeError"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_crafted_json(path, text, words):
    body = b'{"format":"skae","version":1,"content":"model","document":' + text
    body += b',"tensors":""'
    with_document(path, body + b',"sha256":"' + digest(body).encode() + b'"}')
    refused(path, words)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"a": ENTRY, "b": ENTRY}, "overlap"),
        ({"a": {**ENTRY, "data_offsets": [4, 12]}}, "leave gaps"),
        ({"a": {**ENTRY, "shape": [1], "data_offsets": [0, 4]}}, "leave gaps"),
        ({"a": {**ENTRY, "data_offsets": [-8, 0]}}, "invalid places"),
        ({"a": {**ENTRY, "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}, "beyond"),
        ({"a": {**ENTRY, "shape": [10**12]}}, "fit its shape"),
        ({"a": {**ENTRY, "shape": [2.0]}}, "an invalid shape"),
        ({"a": {**ENTRY, "shape": [True, 2]}}, "an invalid shape"),
        ({"a": {**ENTRY, "shape": [1] * 33}}, "an invalid shape"),
        ({"a": {**ENTRY, "shape": [0, 2**40, 2**40], "data_offsets": [0, 0]}}, "an invalid shape"),
        ({"a": {**ENTRY, "dtype": "O"}}, "an unknown dtype"),
        ({"a": {**ENTRY, "dtype": ["F32"]}}, "an unknown dtype"),
        ({"a": {**ENTRY, "dtype": "BOOL", "shape": [8]}}, "booleans"),
        ({"a": {**ENTRY, "more": 1}}, "does not describe"),
        ({"a": []}, "does not describe"),
        ([], "not a dictionary"),
        (b"\xff", "cannot be read"),
        ({}, "leave gaps"),
    ],
)
def test_crafted_tensors(path, header, words):
    with_document(path, {}, safetensors(header, b"\2" * 8))
    refused(path, words)


def test_a_header_that_says_it_is_long(path):
    with_document(path, {}, (2**62).to_bytes(8, "little"))
    refused(path, "claims 4611686018427387904 of 8 bytes")
    with_document(path, {}, b"1234")
    refused(path, "cut off before their header")


def test_sizes_are_limited(path):
    refused(path, "give most_bytes=", most_bytes=100)
    read_file(path, content="model", most_bytes=path.stat().st_size)


def test_memory_is_that_of_the_file(tmp_path):
    path = tmp_path / "a"
    write_file(path, "model", {}, {"a": np.ones(10**7), "b": np.ones(10**6)})
    tracemalloc.start()
    read_file(path, content="model")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.1 * path.stat().st_size


def test_what_is_no_file(tmp_path):
    for path, error in ((tmp_path / "none", FileNotFoundError), (tmp_path, OSError)):
        with pytest.raises(error):
            read_file(path, content="model")
    with pytest.raises(OSError, match="is not a regular file"):
        write_file(tmp_path, "model", {}, {})
    if os.path.exists("/dev/null"):
        refused("/dev/null", "not a regular file")
        with pytest.raises(OSError, match="is not a regular file"):
            write_file("/dev/null", "model", {}, {})


def test_a_zip_of_other_arrays_is_noticed(path, tmp_path):
    """The arrays of one file under the JSON of another, with a zip that is right."""
    other = tmp_path / "other"
    write_file(other, "model", DOCUMENT, {**ARRAYS, "half": np.zeros(3, dtype=np.float16)})

    def members(path):
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as file:
            return [(name.encode(), file.read(name)) for name in file.namelist()]

    other.write_bytes(packed([members(path)[0], members(other)[1]]))
    refused(other, "checksum of its arrays")
