import pytest
from sklearn.base import clone

from skae.columns import Columns


def test_parameters_are_those_of_an_estimator():
    columns = Columns(categorical=["a"], max_categories=5)
    assert clone(columns).get_params() == columns.get_params()
    assert repr(columns) == "Columns(categorical=['a'], max_categories=5)"
    assert columns.set_params(unknown="error").unknown == "error"
    with pytest.raises(TypeError, match="Columns got an unexpected keyword argument 'nominal'"):
        Columns(nominal="a")


@pytest.mark.parametrize("role", ["categorical", "ordinal", "boolean", "count", "numeric"])
def test_a_role_is_named_or_not(role):
    assert not Columns(max_categories=3, unknown="error").names_roles
    assert Columns(**{role: "a"}).names_roles


@pytest.mark.parametrize(
    "wrong",
    [
        *({"max_categories": value} for value in (0, -1, True, 2.0, "3")),
        *({"min_frequency": value} for value in (0, 1.0, 0.0, True, -0.1, "3", float("nan"))),
        *({"unknown": value} for value in ("ignore", None, 3)),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} of Columns must be"):
        Columns(**wrong).check()


@pytest.mark.parametrize(
    "right", [{"max_categories": 1}, {"min_frequency": 1}, {"unknown": "error"}]
)
def test_parameters_within_their_range_are_taken(right):
    Columns(**right, **({} if "min_frequency" in right else {"min_frequency": 0.5})).check()
