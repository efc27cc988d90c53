"""Strict JSON: values come back as they were written, and any other JSON is refused."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from skae._storage.error import FileFormatError

# Largest depth of nested lists and dictionaries.
MOST_DEPTH = 32
# Range of integers: that of 64 bits, signed and unsigned.
_LEAST_INT, _MOST_INT = -(2**63), 2**64 - 1
_MOST_DIGITS = 20
# JSON has no infinities: they are written as {"$float": "inf"}.
_FLOAT = "$float"
_FLOATS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
# Upper bounds of the bytes of memory that a character and a value take when they are read.
_PER_CHARACTER, _PER_VALUE = 5, 80
_STRUCTURE = (b",", b":", b"[", b"{")


def dumps(document: Any) -> bytes:
    """Return a document as JSON of ASCII characters, the same bytes for the same document.

    Parameters
    ----------
    document : dict, list, str, bool, int, float or None
        Keys are strings that do not begin with ``$``. Tuples become lists.

    Raises
    ------
    TypeError
        If it holds another type.
    ValueError
        If an integer is too large, a string is no Unicode, or nesting is too deep.
    """
    plain = _writable(document, 0)
    return json.dumps(plain, sort_keys=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def loads(data: bytes, most_memory: int) -> Any:
    """Return the document that :func:`dumps` was given.

    Parameters
    ----------
    data : bytes
        JSON.

    most_memory : int
        Bytes of memory that the values may take; JSON that may need more is not parsed.

    Raises
    ------
    FileFormatError
        If it is not JSON that :func:`dumps` writes.
    """
    n_values = sum(data.count(sign) for sign in _STRUCTURE)
    if _PER_CHARACTER * len(data) + _PER_VALUE * n_values > most_memory:
        raise FileFormatError(
            f"The file's JSON holds about {n_values} values in {len(data)} bytes, more than a "
            f"file of its size may."
        )
    try:
        document = json.loads(
            data.decode("ascii"),
            object_pairs_hook=_dictionary,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_no_constant,
        )
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            f"The file's JSON cannot be read: {type(error).__name__}: {error}"
        ) from error
    _check_depth(document)
    return document


def _writable(value: Any, depth: int) -> Any:
    """Return a value of types that JSON has."""
    if depth > MOST_DEPTH:
        raise ValueError(f"Values must not be nested more than {MOST_DEPTH} deep.")
    if value is None or type(value) is bool:
        return value
    if type(value) is str:
        return _text(value)
    if type(value) is int:
        if not _LEAST_INT <= value <= _MOST_INT:
            raise ValueError(
                f"An integer must have at most 64 bits, got {value.bit_length()} bits."
            )
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {_FLOAT: repr(value)}
    if type(value) in (list, tuple):
        return [_writable(item, depth + 1) for item in value]
    if type(value) is dict:
        return {_key(key): _writable(item, depth + 1) for key, item in value.items()}
    raise TypeError(f"A file cannot hold {type(value).__name__}, got {value!r}.")


def _key(key: object) -> str:
    if type(key) is not str or key.startswith("$"):
        raise TypeError(f"Keys must be strings that do not begin with '$', got {key!r}.")
    return _text(key)


def _text(value: str) -> str:
    """Return a string, if it is Unicode: lone surrogates would come back as other characters."""
    value.encode("utf-8")
    return value


def _dictionary(pairs: list) -> dict[str, Any] | float:
    """Return a dictionary, or the float that it encodes."""
    if len(pairs) == 1 and pairs[0][0] == _FLOAT:
        name = pairs[0][1]
        if not isinstance(name, str) or name not in _FLOATS:
            raise FileFormatError("The file's JSON holds an unknown name of a float.")
        return _FLOATS[name]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FileFormatError("The file's JSON holds a key twice.")
    if any(key.startswith("$") for key in found):
        raise FileFormatError("The file's JSON holds a key that begins with '$'.")
    return found


def _integer(digits: str) -> int:
    # The time that int takes grows with the square of the number of digits.
    if len(digits) > _MOST_DIGITS or not _LEAST_INT <= int(digits) <= _MOST_INT:
        raise FileFormatError("The file's JSON holds an integer of more than 64 bits.")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise FileFormatError("The file's JSON holds a float that is out of range.")
    return number


def _no_constant(name: str) -> NoReturn:
    raise FileFormatError(f"The file's JSON holds {name}, which JSON does not have.")


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(MOST_DEPTH + 2):
        held = [value for value in level if isinstance(value, list | dict)]
        if not held:
            return
        level = [
            item
            for value in held
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    raise FileFormatError(f"The file's JSON is nested more than {MOST_DEPTH} deep.")
