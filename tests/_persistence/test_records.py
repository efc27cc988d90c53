"""Records: fields by annotations, and relations between them."""

import numpy as np
import pytest

from skae import AutoencoderOutlierDetector
from skae._calibration.calibration import Calibration, HeldOut
from skae._classification.teachers import Teachers
from skae._data.scaling import Scaling
from skae._detection.ensemble import Member
from skae._detection.missing_scale import MissingScale
from skae._detection.ranges import Ranges
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
    MissingScale: {
        **{"location": np.zeros(3), "above": np.ones(3), "below": np.ones(3)},
        **{"root": True, "lowest": -1.0},
    },
    Ranges: {"low": np.array([-np.inf, 0.0]), "high": np.array([np.inf, 0.0]), "size": 2.0},
    Teachers: {
        "coefficients": np.ones((5, 3), np.float32),
        "intercept": np.ones(3, np.float32),
        "axes": np.ones((5, 2), np.float32),
        "origin": np.ones(2, np.float32),
        "references": np.ones((7, 2), np.float32),
        "sizes": (1, 2),
        "spread": np.ones((2, 7, 3), np.float32),
        "weights": np.ones(3, np.float32),
        "class_weight": np.ones(3, np.float32),
        "network_weight": 0.5,
    },
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
    *((Teachers, "coefficients", bad) for bad in (np.ones(5), np.ones((5, 2), np.float32))),
    *((Teachers, "axes", bad) for bad in (np.ones((4, 2), np.float32), np.ones((5, 2)))),
    *((Teachers, "origin", bad) for bad in (np.ones(3, np.float32), np.float32([np.nan, 0]))),
    *((Teachers, "references", np.ones(shape, np.float32)) for shape in ((0, 2), (7, 3), 7)),
    *((Teachers, "sizes", bad) for bad in ((2, 1), (1, 3), (0, 2), (1,), (1, 1), [1, 2])),
    *((Teachers, "spread", np.float32(sign) * np.ones((n, 7, 3))) for sign, n in ((-1, 2), (1, 1))),
    *((Teachers, "weights", bad) for bad in (np.ones(2, np.float32), -np.ones(3, np.float32))),
    *((Teachers, "class_weight", bad) for bad in (np.ones(2, np.float32), -np.ones(3, np.float32))),
    *((Teachers, "network_weight", bad) for bad in (-0.1, 1.1, "0.5")),
    *((Calibration, "groups", bad) for bad in ([], [1], ())),
    *(
        (MissingScale, "location", bad)
        for bad in (np.zeros(2), np.full(3, np.nan), np.zeros((3, 1)))
    ),
    *((MissingScale, "location", bad) for bad in (np.zeros(3, np.float32), None)),
    *((MissingScale, "above", bad) for bad in (np.zeros(3), np.ones(2), np.full(3, np.inf))),
    *((MissingScale, "below", bad) for bad in (-np.ones(3), np.ones(3, np.float32))),
    *((MissingScale, "lowest", bad) for bad in (np.inf, None)),
    *((Ranges, "low", bad) for bad in (np.ones(2), np.zeros(3), np.zeros((2, 1)))),
    *((Ranges, "high", bad) for bad in (-np.ones(2), np.zeros(2, np.float32), np.full(2, np.nan))),
    *((Ranges, "size", bad) for bad in (0.0, -1.0, np.inf)),
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
