"""The specification of a network."""

import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

from skae._data.scaling import Scaling
from skae._network.head import HeadPlan
from skae._network.network_spec import NetworkSpec
from skae.architectures import Dense
from skae.kinds import Undercomplete
from skae.losses import MSE


@pytest.fixture
def spec():
    scaling = Scaling(np.zeros(6), 2.0)
    return NetworkSpec(Undercomplete(), Dense((4,)), MSE(), 6, 2, True, scaling)


def test_a_specification_cannot_be_changed(spec):
    for field in fields(spec):
        with pytest.raises(FrozenInstanceError):
            setattr(spec, field.name, None)


@pytest.mark.parametrize(("rank", "expected"), [(None, False), (1, True), (6, True)])
def test_values_may_be_missing_if_there_is_a_distribution_to_fill_them(spec, rank, expected):
    assert replace(spec, filling_rank=rank).takes_missing is expected


def test_defaults_are_a_network_of_complete_rows_without_a_head(spec):
    assert not spec.takes_missing
    assert spec.head is None
    assert spec.precision == "auto"


def test_it_survives_pickle(spec):
    spec = replace(spec, head=HeadPlan(3, (4,), 0.5), filling_rank=2, precision="bfloat16")
    other = pickle.loads(pickle.dumps(spec))
    for name in ("n_features", "n_components", "linear_path", "precision", "filling_rank", "head"):
        assert getattr(other, name) == getattr(spec, name)
    assert other.architecture.get_params() == spec.architecture.get_params()
    assert other.scaling.scale == 2
