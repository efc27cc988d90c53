"""Records: fields by annotations, and relations between them."""

import numpy as np
import pytest

from skae import AutoencoderOutlierDetector
from skae._data.scaling import Scaling
from skae._detection.calibration import Calibration, HeldOut
from skae._detection.ensemble import Member
from skae._generation.code_density import CodeDensity
from skae._network.head import HeadPlan
from skae._persistence.records import RECORDS, built, fields_of
from skae.scores.scatter import Scatter

GOOD = {
    Scaling: {"centre": np.zeros(3), "scale": np.ones(3), "limit": np.inf},
    Scatter: {
        **{"mean": np.zeros(3), "axes": np.ones((3, 2)), "eigenvalues": np.ones(2), "rest": 1.0}
    },
    CodeDensity: {"codes": np.ones((4, 2), np.float32)},
    HeldOut: {
        **{"members": (0, 1), "scores": np.array([1.0, 1.0, 2.0]), "weights": np.ones(3)},
    },
    HeadPlan: {"n_classes": 2, "hidden_layer_sizes": (), "weight": 0.5},
    Calibration: {"groups": [HeldOut((0,), np.ones(2))]},
}
BAD = [
    *((Scaling, "centre", bad) for bad in (np.zeros((1, 3)), np.full(3, np.nan), np.zeros(2))),
    *((Scaling, "scale", bad) for bad in (0.0, -1.0, np.inf, np.zeros(3), np.ones(2), "1")),
    *((Scaling, "limit", bad) for bad in (0.0, -1.0, None)),
    *((Scatter, "mean", bad) for bad in (np.zeros(2), np.zeros(3, np.float32), np.full(3, np.inf))),
    *((Scatter, "axes", bad) for bad in (np.ones((2, 2)), np.ones(6), np.full((3, 2), np.nan))),
    *((Scatter, "eigenvalues", bad) for bad in (np.zeros(2), np.ones(3), -np.ones(2))),
    *((Scatter, "rest", bad) for bad in (0.0, np.inf, np.ones(1))),
    *((CodeDensity, "codes", bad) for bad in (np.ones(4), np.full((4, 2), np.nan), [[1.0]])),
    *((HeldOut, "members", bad) for bad in ((), (-1,), [0])),
    *((HeldOut, "scores", bad) for bad in (np.array([2.0, 1.0]), np.ones(0), np.ones((1, 1)))),
    *((HeldOut, "weights", bad) for bad in (np.ones(2), np.array([1.0, 0.0, 1.0]), 1.0)),
    *((HeadPlan, "n_classes", bad) for bad in (-1, 2.0)),
    *((Calibration, "groups", bad) for bad in ([], [1], ())),
]


@pytest.mark.parametrize("cls", GOOD)
def test_good_fields_make_a_record(cls):
    record = built(cls, GOOD[cls])
    assert type(record) is cls is RECORDS[cls.__name__]
    assert all(getattr(record, name) is value for name, value in GOOD[cls].items())


@pytest.mark.parametrize(("cls", "field", "value"), BAD)
def test_other_fields_are_refused(cls, field, value):
    with pytest.raises(ValueError, match=r"must be|at least one array"):
        built(cls, {**GOOD[cls], field: value})


@pytest.mark.parametrize(
    "bad",
    [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 4)), np.full((2, 3), np.nan), [[1.0, 2.0, 3.0]]],
)
def test_baselines_are_rows_of_the_network(bad):
    X = np.random.default_rng(0).normal(size=(20, 3))
    detector = AutoencoderOutlierDetector(2, max_epochs=1, n_estimators=1, random_state=0).fit(X)
    fields = vars(detector._ensemble.members[0])
    assert built(Member, fields).baselines is fields["baselines"]
    assert built(Member, {**fields, "baselines": None}).baselines is None
    with pytest.raises(ValueError, match="baselines of Member must be"):
        built(Member, {**fields, "baselines": bad})


@pytest.mark.parametrize("cls", RECORDS.values())
def test_every_field_has_a_type(cls):
    assert fields_of(cls)
    with pytest.raises(ValueError, match=f"{cls.__name__} has missing values"):
        built(cls, {})
