import numpy as np
import pytest

from skae.columns import Factor, Number


@pytest.mark.parametrize(
    "dtype",
    ["int8", "uint8", "Int8", "UInt16", "int32[pyarrow]", "int64", "uint64", "Int64", "Int128"],
)
@pytest.mark.parametrize("value", [-3.2, 1e4, 1e20, -1e20, np.inf, -np.inf])
def test_integers_stay_within_their_type(dtype, value):
    (found,) = Number("n", dtype, n_rows=3, whole=True).values(np.array([value]))
    name = dtype.lower().removesuffix("[pyarrow]").replace("128", "64")
    limits = np.iinfo(name)
    assert limits.min <= int(found) <= limits.max
    expected = min(max(value, float(limits.min)), float(limits.max))
    np.testing.assert_allclose(found, np.round(expected), rtol=1e-15)


def test_numbers_are_rounded_if_they_are_integers_and_clipped_if_asked():
    column = Number("n", "float64", n_rows=3, low=0.0, high=2.0)
    np.testing.assert_array_equal(column.values(np.array([0.4, 9.6])), [0.4, 9.6])
    np.testing.assert_array_equal(column.clip(np.array([-1, 1.5, 9])), [0, 1.5, 2])
    whole = Number("n", "object", n_rows=3, whole=True).values(np.array([0.6, np.nan]))
    assert whole.tolist() == [1, None]


def test_text_is_refused_by_name():
    with pytest.raises(ValueError, match="column 'n' holds text, such as 'a', but it held numbers"):
        Number("n", "int64", n_rows=3).codes(Factor(np.array([0]), np.array(["a"], dtype=object)))


def test_units_are_deviations():
    column = Number("n", "int64", n_rows=3)
    np.testing.assert_array_equal(column.scales(np.array([7.0]), np.array([2.0])), [2])
    np.testing.assert_array_equal(column.scales(np.array([7.0]), np.array([0.0])), [1])


def test_numbers_take_the_distribution_of_the_fit():
    """Their order stays, also with ties, and a peak of the fit stays one."""
    column = Number("x", "float64", 9, quantiles=tuple(np.repeat([0.0, 5.0, 10.0], [1, 7, 1])))
    reference = np.random.default_rng(0).normal(size=1000)
    given = np.array([-9.0, 0.0, 0.1, 9.0])
    found = column.as_distributed(given, reference)
    np.testing.assert_allclose(found, [0.0, 5.0, 5.0, 10.0])
    assert (np.diff(column.as_distributed(np.linspace(-3, 3, 50), reference)) >= 0).all()
    np.testing.assert_allclose(column.as_distributed(np.zeros(2), np.zeros(10)), 5.0)
    assert Number("x", "float64", 9).as_distributed(given, reference) is given
