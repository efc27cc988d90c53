"""The range coder: what comes back, how many bits it takes, what it refuses."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy.stats import logistic

from skae.compression.entropy_coder import EntropyCoder


def drawn(n_rows=4000, deviations=(0.2, 1.0, 10.0), seed=0):
    rng = np.random.default_rng(seed)
    return np.rint(rng.normal(scale=deviations, size=(n_rows, len(deviations)))).astype(np.int64)


def round_trip(coder, symbols):
    return coder.decode(*coder.encode(symbols), len(symbols))


def entropy(symbols):
    """Return the bits of all values by the shares of their columns: no coder takes fewer."""
    bits = 0.0
    for column in symbols.T:
        shares = np.unique(column, return_counts=True)[1] / len(column)
        bits -= len(column) * (shares * np.log2(shares)).sum()
    return bits


whole = st.integers(-(2**53), 2**53)
near = st.integers(-40, 40)
matrices = st_numpy.arrays(
    np.int64, st.tuples(st.integers(1, 20), st.just(3)), elements=near | whole
)


@settings(max_examples=150, deadline=None)
@given(matrices)
def test_everything_comes_back(symbols):
    """Also what the coder has never seen, up to the largest exact floats."""
    coder = EntropyCoder(drawn(200))
    back = round_trip(coder, symbols)
    assert back.dtype == np.int64
    assert np.array_equal(back, symbols)


def test_takes_the_entropy_of_new_rows_and_hardly_more():
    """Of the same distribution; all costs included, less than two percent."""
    coder, symbols = EntropyCoder(drawn()), drawn(seed=1)
    words, escaped = coder.encode(symbols)
    assert not len(escaped)
    bits = 32 * len(words)
    assert entropy(symbols) < bits < 1.02 * entropy(symbols)
    assert coder.bits(symbols).sum() == pytest.approx(bits, abs=64)


def test_bits_are_those_of_each_column():
    coder, symbols = EntropyCoder(drawn()), drawn(seed=1)
    for j, bits in enumerate(coder.bits(symbols)):
        alone = EntropyCoder(drawn()[:, [j]]).encode(symbols[:, [j]])[0]
        assert bits == pytest.approx(32 * len(alone), abs=64)


def test_probabilities_are_the_formula():
    symbols = np.array([[0]] * 6 + [[1]] * 2)
    coder = EntropyCoder(symbols)
    (table,) = coder.tables
    assert coder.lows.tolist() == [-1]
    assert len(table) == 5  # -1, 0, 1, 2 and an escape
    deviation = np.std(symbols)
    smooth = logistic(loc=0.25, scale=deviation * np.sqrt(3) / np.pi)
    mass = smooth.cdf(np.arange(0, 4) - 0.5) - smooth.cdf(np.arange(0, 4) - 1.5)
    expected = (np.array([0, 6, 2, 0]) + 8 * mass) / 16
    outside = 8 * (1 - mass.sum()) / 16
    expected = np.append(expected, outside)
    assert outside > 2**-12
    np.testing.assert_allclose(table, expected / expected.sum(), rtol=1e-6)


def test_an_escape_has_some_probability_in_columns_that_hardly_vary():
    coder = EntropyCoder(np.zeros((100_000, 2), dtype=np.int64))
    for table in coder.tables:
        assert table[-1] == pytest.approx(2**-12, rel=1e-3)
        assert table.sum() == pytest.approx(1, abs=1e-6)
    assert coder.least_bits() == pytest.approx(2 * np.log2(1 / coder.tables[0].max()))
    assert 2 * 2**-12 < coder.least_bits() < 4 * 2**-12


def test_no_row_takes_fewer_than_the_least_bits():
    coder, symbols = EntropyCoder(drawn()), drawn(seed=1)
    modes = (coder.lows + [table.argmax() for table in coder.tables])[None]
    least = coder.bits(modes).sum()
    assert coder.least_bits() == pytest.approx(least)
    assert all(coder.bits(row[None]).sum() >= least * (1 - 1e-12) for row in symbols[:50])


def test_values_far_away_are_escaped_and_counted():
    coder = EntropyCoder(drawn())
    symbols = drawn(10, seed=2)
    symbols[3, 1], symbols[7, 0] = 10**6, -(10**9)
    words, escaped = coder.encode(symbols)
    assert escaped.tolist() == [-(10**9), 10**6]  # column by column
    assert np.array_equal(coder.decode(words, escaped, 10), symbols)


def test_values_next_to_the_range_are_not_lost():
    coder = EntropyCoder(drawn(50))
    for low, table in zip(coder.lows, coder.tables, strict=True):
        high = low + len(table) - 2
        symbols = np.tile([[low - 1], [low], [high], [high + 1]], 3)
        back = round_trip(coder, symbols)
        assert np.array_equal(back, symbols)
    column = symbols[:, -1]
    assert coder.encode(symbols)[1][-2:].tolist() == [column[0], column[3]]


def test_long_tails_have_a_limited_table():
    symbols = drawn(5000)
    symbols[:20, 1] *= 100_000
    coder = EntropyCoder(symbols)
    assert max(len(table) for table in coder.tables) <= 4097
    assert np.array_equal(round_trip(coder, symbols), symbols)


def test_a_column_in_two_groups_far_apart():
    symbols = drawn(500, deviations=(1.0,) * 200)
    symbols[:, 0] = np.arange(500) % 2 * 10**6
    coder = EntropyCoder(symbols)
    assert np.isfinite(coder.tables[0]).all()
    assert np.array_equal(round_trip(coder, symbols), symbols)


def test_numbers_that_hardly_repeat_are_refused():
    symbols = np.random.default_rng(0).integers(-(10**6), 10**6, size=(500, 2))
    with pytest.raises(ValueError, match=r"step is too small .* \d+ of 1000 values .* larger step"):
        EntropyCoder(symbols)


def test_more_rows_than_were_written_are_refused():
    coder, symbols = EntropyCoder(drawn()), drawn(400, seed=1)
    words, escaped = coder.encode(symbols)
    with pytest.raises(ValueError, match="more than these rows"):
        coder.decode(words, escaped, 10)
    with pytest.raises(ValueError, match="0 values are escaped, but 1 escaped values follow"):
        coder.decode(words, np.array([5]), 400)


def test_words_of_no_coder_do_not_come_back_as_rows_in_silence():
    """Either the range coder stumbles, or it finds other numbers of rows or of escapes."""
    coder = EntropyCoder(drawn())
    rng = np.random.default_rng(0)
    words = coder.encode(drawn(50, seed=1))[0]
    refused = 0
    for _ in range(200):
        other = rng.integers(2**32, size=len(words), dtype=np.uint32)
        try:
            symbols = coder.decode(other, np.array([], dtype=np.int64), 50)
        except ValueError:
            refused += 1
        else:
            assert symbols.shape == (50, 3)
    assert refused > 100


def test_the_missing_library_is_named(monkeypatch):
    coder = EntropyCoder(drawn())
    monkeypatch.setitem(sys.modules, "constriction", None)
    for call in (lambda: coder.encode(drawn(3)), lambda: coder.decode(np.array([]), [], 3)):
        with pytest.raises(ImportError, match=r'pip install "skae\[compression\]"'):
            call()
