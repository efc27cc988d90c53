"""Damaged and crafted files, by the hundred: for test_load.py and the fuzzing script.

Each sort is a generator of (name, bytes of a file) made from an honest file. Those of
``crafted`` have right checksums: someone who knows the format made them.
"""

import copy
import io
import itertools
import json
import zipfile
import zlib

import numpy as np

from skae._storage import archive, tensors
from skae._storage.files import _meta, read_file

NAMES = (b"meta.json", b"tensors.safetensors")
# Values that replace another one.
SCRAPS = [
    *(None, True, False, 0, 1, -1, 7, 10**12, 2**63, -(2**63), 0.5, -0.0, 1e308, 1e-308),
    *(float("nan"), float("inf"), "", "x", "dense", "../../etc/passwd", "os.system", "ä" * 300),
    *([], {}, [[]], [0], [10**9], [[0, 1]], {"x": 1}, {"tuple": []}, {"tuple": [10**9]}),
    *({"tuple": [1] * 400}, {"dict": []}, {"dict": [[1, 2]]}, {"array": "none"}, {"scalar": []}),
    *({"given": ["loss", "f"]}, {"given": ["x.y", "f"]}, {"strings": ["a"] * 7}),
    *({"device": "cuda:99"}, {"device": "x"}, {"optimizer": "AdamW"}, {"optimizer": "eval"}),
    *({"part": "Dense", "parameters": {}}, {"part": "eval", "parameters": {}}),
    *({"architecture": "dense", "parameters": {}}, {"kind": "eval", "parameters": {}}),
    *({"architecture": "Dense", "parameters": {}}, {"loss": "FunctionLoss", "parameters": {}}),
    *({"kind": "denoising", "parameters": {}, "fitted": {"corrupt_": 1}}, {"score": "joint"}),
    *({"record": "Ensemble", "fields": {"members": []}}, {"record": "posix", "fields": {}}),
    {"part": "Sparse", "parameters": {"k": 10**12}},
    {"kind": "sparse", "parameters": {"k": 10**12}},
    {"frame": [["epoch", 1]]},
    {"frame": []},
    {"csr": {"shape": [10**9, 10**9], "data": 1, "indices": 1, "indptr": 1}},
    {"random_state": {}},
    {"indicator": [10**12, [1]]},
    {"own": ["kind", "Kind"], "parameters": {}},
    {"own_optimizer": ["optimizer", "SGD"]},
    {"text": "history_.epoch"},
    {"transposed": "history_.epoch"},
]


def places(data):
    """Yield where the structure of a file begins and ends."""
    yield 0
    for member in zipfile.ZipFile(io.BytesIO(data)).infolist():
        start = member.header_offset + archive.header_length(member.filename.encode())
        yield from (member.header_offset + 4, member.header_offset + 30, start)
        yield from (start + 8, start + member.file_size // 2, start + member.file_size)
    for sign in (b"PK\x01\x02", b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06"):
        yield from (data.rindex(sign), data.rindex(sign) + 4)
    yield len(data) - 1


def truncated(data, rng, n):
    for place in sorted({*places(data), *map(int, rng.integers(len(data), size=n))}):
        if place < len(data):
            yield f"first {place} bytes", data[:place]


def flipped(data, rng, n):
    for _ in range(n):
        changed = bytearray(data)
        for place in rng.integers(len(data), size=rng.choice([1, 1, 2, 8])):
            changed[place] ^= 1 << int(rng.integers(8))
        if changed != data:
            yield "flipped bits", bytes(changed)
    for place in places(data):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        yield f"flipped byte {place}", bytes(changed)


def extended(data, rng, n):
    for _ in range(n):
        more = rng.bytes(int(rng.integers(1, 2000)))
        yield "appended", data + more
        yield "prepended", more + data
        place = int(rng.integers(len(data)))
        yield "inserted", data[:place] + more + data[place:]
        yield "a part twice", data[:place] + data[: int(rng.integers(len(data)))]
    yield "twice", data + data


def foreign(data, rng, n):
    for _ in range(n):
        yield "random bytes", rng.bytes(int(rng.integers(0, 5000)))
        yield "random bytes behind a signature", b"PK\x03\x04" + rng.bytes(500)
    yield "pickle", b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93."
    yield "npy", b"\x93NUMPY" + rng.bytes(100)
    meta, arrays = _members(data)
    for names in (
        ("meta.json",),
        ("../meta.json", "../tensors.safetensors"),
        ("/meta.json", "/tmp/tensors.safetensors"),
        ("meta.json", "meta.json"),
        ("meta.json", "tensors.safetensors", "../../evil.py"),
        ("C:\\meta.json", "tensors.safetensors"),
        ("meta.json", "tensors.safetensors"),
    ):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
            yield f"zip of {names}", _zipped(dict.fromkeys(names), method, [meta, arrays, b""])
    bomb = b"0" * 20_000_000
    yield "bomb", _zipped({"meta.json": 0, "tensors.safetensors": 0}, 8, [meta, bomb])
    yield "bomb of JSON", _zipped({"meta.json": 0, "tensors.safetensors": 0}, 8, [bomb, arrays])


def headers(data, rng, n):
    """Yield zips with wrong headers."""
    meta, arrays = _members(data)
    honest = [(NAMES[0], meta), (NAMES[1], arrays)]
    for size in (0, 1, len(meta) - 1, len(meta) + 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1):
        for which in (0, 1):
            yield f"size {size} of member {which}", packed(honest, sizes={which: size})
    for pair in ((0, 0), (1, 1), (1, 0)):
        yield f"members {pair}", packed([honest[i] for i in pair])
    for name in (b"../a.json", b"/etc/pass", b"meta.jso\0", b"META.JSON"):
        yield f"name {name}", packed([(name, meta), honest[1]])
    yield "three members", packed([*honest, (b"a.py", b"evil")])
    yield "overlapping", packed(honest)[: -len(archive.ending([]))] + packed(honest)
    for offset in range(4, 30, 2):
        changed = bytearray(data)
        changed[offset : offset + 2] = b"\xff\xff"
        if bytes(changed) != data:
            yield f"local header at {offset}", bytes(changed)


def tensor_headers(data, rng, n):
    """Yield files with an invalid header of their arrays; checksums are right."""
    meta, arrays = _members(data)
    length = int.from_bytes(arrays[:8], "little")
    header, rest = json.loads(arrays[8 : 8 + length]), arrays[8 + length :]
    held = json.dumps(json.loads(meta)["document"]).encode()
    names = sorted(header)

    def made(text):
        text = text if isinstance(text, bytes) else json.dumps(text).encode()
        return remade(held, len(text).to_bytes(8, "little") + text + rest)

    for _ in range(n):
        name = names[int(rng.integers(len(names)))]
        for key in ("dtype", "shape", "data_offsets"):
            scrap = SCRAPS[int(rng.integers(len(SCRAPS)))]
            yield f"{key} is a scrap", made({**header, name: {**header[name], key: scrap}})
        begin, end = header[name]["data_offsets"]
        wrong = ([begin - 8, end], [begin, end + 8], [end, begin], [-begin, end], [0, 2**62])
        for offsets in wrong:
            changed = {**header[name], "data_offsets": offsets}
            yield f"data_offsets {offsets}", made({**header, name: changed})
        for shape in ([2**62, 4], [0, 2**62], [-1], [end - begin], [1] * 40):
            yield f"shape {shape}", made({**header, name: {**header[name], "shape": shape}})
    for text in (b"", b"{", b"[]", b"null", b"{}" * 9, b'{"a":' * 5000, b"\xff", rng.bytes(64)):
        yield "header is a scrap", made(text)
    for size in (0, 7, 2**31, 2**62, 2**64 - 1):
        yield f"header of {size}", remade(held, size.to_bytes(8, "little") + arrays[8:])


def raw_documents(data, rng, n):
    """Yield documents that are no JSON, or too much of it; checksums are right."""
    arrays = _members(data)[1]
    for text in (
        *(b"", b"null", b"[]", b"{}", b"[" * 10**5, b'{"a":' * 10**5, b"9" * 10**5, b"NaN"),
        *(b'{"a":1,"a":2}', b'{"a":1e999}', b'"\\ud800"', b'{"$float":"x"}', b"[0" + b",0" * 10**6),
        *(b'"' + b"a" * 10**7 + b'"', b"[" + b"[]," * 10**6 + b"0]", b'{"a":Infinity}', b"\xff"),
        b'{"estimator":"AutoencoderTransformer","parameters":{},"attributes":{}}',
    ):
        yield f"document {text[:20]}", remade(text, arrays)


def crafted(path, rng, n):
    """Yield files with right checksums whose document or arrays are changed in one place."""
    held, arrays = read_file(path, content="model")
    nodes = list(_nodes(held))
    for _ in range(n):
        way = nodes[int(rng.integers(len(nodes)))]
        changed = copy.deepcopy(held)
        operation = ["remove", "scrap", "scrap", "other", "key"][int(rng.integers(5))]
        changed = _changed(changed, way, operation, rng, nodes)
        yield f"{operation} {'.'.join(map(str, way))}", changed, arrays
        name = sorted(arrays)[int(rng.integers(len(arrays)))]
        yield f"array {name}", held, {**arrays, name: _changed_array(arrays[name], rng)}


def each_scrap(path, rng, n):
    """Yield about `n` of all files in which one value is replaced by a scrap, or removed."""
    held, arrays = read_file(path, content="model")
    everything = list(itertools.product(_nodes(held), ("remove", *SCRAPS)))
    step = max(1, len(everything) // n)
    for way, scrap in everything[int(rng.integers(step)) :: step]:
        changed = copy.deepcopy(held)
        owner = _owner(changed, way)
        if scrap == "remove":
            del owner[way[-1]]
        else:
            owner[way[-1]] = scrap
        yield f"{str(scrap)[:30]} at {'.'.join(map(str, way))}", changed, arrays


def crafted_bytes(held, arrays):
    """Return the file of a document and arrays."""
    data = b"".join(bytes(tensors.as_bytes(chunk)) for chunk in tensors.chunks(arrays))
    return remade(held, data)


def remade(held, arrays):
    """Return a file whose checksums are right; `held` is a document, or bytes of JSON."""
    import hashlib

    digest = hashlib.sha256(arrays).hexdigest()
    if isinstance(held, bytes):
        body = b'{"format":"skae","version":1,"content":"model","tensors":"%s","document":%s'
        body %= (digest.encode(), held)
        meta = body + b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'
    else:
        meta = _meta("model", held, digest)
    return packed([(NAMES[0], meta), (NAMES[1], arrays)])


def packed(members, sizes=None):
    """Return a zip as skae writes it, but for sizes that may not be those of its members."""
    sizes = sizes or {}
    known = [
        archive.Entry(name, zlib.crc32(data), sizes.get(i, len(data)))
        for i, (name, data) in enumerate(members)
    ]
    parts = [member.header + data for member, (_, data) in zip(known, members, strict=True)]
    total = sum(map(len, parts))
    ending = b"" if total + max(sizes.values(), default=0) >= 2**64 else archive.ending(known)
    return b"".join(parts) + ending


def _members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [file.read(name.decode()) for name in NAMES]


def _zipped(names, method, contents):
    import warnings

    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as file:
        warnings.simplefilter("ignore")
        for name, content in zip(names, contents, strict=False):
            file.writestr(name, content)
    return buffer.getvalue()


def _nodes(node, way=()):
    if way:
        yield way
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from _nodes(node[key], (*way, key))


def _owner(held, way):
    for key in way[:-1]:
        held = held[key]
    return held


def _changed(held, way, operation, rng, nodes):
    owner, key = _owner(held, way), way[-1]
    if operation == "remove":
        del owner[key]
    elif operation == "scrap":
        owner[key] = SCRAPS[int(rng.integers(len(SCRAPS)))]
    elif operation == "other":
        other = nodes[int(rng.integers(len(nodes)))]
        owner[key] = copy.deepcopy(_owner(held, other)[other[-1]])
    elif isinstance(owner, dict):
        owner[f"{key}_"] = owner.pop(key)
    else:
        owner.append(owner[key])
    return held


def _changed_array(array, rng):
    flat = array.reshape(-1)
    changes = [
        lambda: flat,
        lambda: flat[:0],
        lambda: flat[: len(flat) // 2],
        lambda: array[None],
        lambda: np.zeros_like(array),
        lambda: array.astype(np.int8),
        lambda: array.astype(np.float16),
        lambda: np.resize(array, (3, 5)),
        lambda: -array if array.dtype.kind == "f" else array[..., None],
        lambda: array * np.nan if array.dtype.kind == "f" else array[..., None],
        lambda: array.astype(np.float64) * 1e300,
        lambda: np.full_like(array, 1) * -1 if array.dtype.kind in "fi" else flat[:1],
        lambda: (
            np.frombuffer(rng.bytes(array.nbytes), array.dtype.newbyteorder("="))
            if array.dtype.kind != "b"
            else ~array
        ),
    ]
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(changes[int(rng.integers(len(changes)))]())
