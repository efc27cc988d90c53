"""Files of earlier versions: kept ones, renamed and added parameters, and upgrades."""

import inspect
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from support import file_mutations as mutations

import skae
from skae import AutoencoderTransformer
from skae._persistence import records, versions
from skae._persistence.parts import class_named
from skae._storage import FileFormatError, read_file, write_file
from skae.architectures import ARCHITECTURES, Dense, Recurrent
from skae.corruptions import Masking
from skae.kinds import Denoising

FILES = Path(__file__).parent / "files"
X = load_iris().data
HOLES = np.where(np.random.RandomState(0).rand(*X.shape) < 0.2, np.nan, X)
# What is computed of each file by name, as the script that wrote it did.
OUTPUTS = {
    "transformer": {
        "transform": lambda ae: ae.transform(X[::10]),
        "reconstruct": lambda ae: ae.reconstruct(X[::10]),
    },
    "detector": {
        "score_samples": lambda detector: detector.score_samples(X[::10]),
        "p_values": lambda detector: detector.p_values(X[::10]),
        "offset": lambda detector: detector.offset_,
    },
    "imputer": {"transform": lambda imputer: imputer.transform(HOLES[::10])},
    "classifier": {"predict_proba": lambda classifier: classifier.predict_proba(X[::10])},
    "recommender": {"predict_all": lambda recommender: recommender.predict_all()},
}
KEPT = sorted(FILES.glob("*/*.skae"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skae"


def short(kept):
    return f"{kept.parent.name}-{kept.stem}"


@pytest.mark.parametrize("kept", KEPT, ids=short)
def test_files_of_earlier_versions_compute_what_they_did(kept):
    loaded = skae.load(kept)
    expected = json.loads((kept.parent / "expected.json").read_text())[kept.stem]
    assert set(expected) == set(OUTPUTS[kept.stem])
    for name, values in expected.items():
        found = OUTPUTS[kept.stem][name](loaded)
        # Rounding, which differs between machines, decides about ties: one rank of a p-value.
        rounding = 0.014 if name == "p_values" else 1e-5
        np.testing.assert_allclose(found, np.array(values, float), rtol=1e-5, atol=rounding)


def test_rows_are_explained_without_the_baselines_of_a_file():
    """Version 0.1.0 kept no training rows; the mean row takes their place."""
    loaded = skae.load(FILES / "0.1.0" / "detector.skae")
    assert all(member.baselines is None for member in loaded._ensemble.members)
    X = np.random.default_rng(0).normal(size=(4, loaded.n_features_in_)) * 5
    X[:, 1] += 100
    reasons = loaded.feature_contributions(X)
    np.testing.assert_allclose(reasons.sum(axis=1), -loaded.score_samples(X))
    assert (reasons.to_numpy().argmax(axis=1) == 1).all()


@pytest.mark.parametrize("kept", KEPT, ids=short)
def test_files_of_earlier_versions_are_saved_as_of_today(kept, path):
    loaded = skae.load(kept)
    loaded.save(path)
    document, _ = read_file(path, content="model")
    assert document["version"] == versions.VERSION
    again = skae.load(path)
    assert repr(again) == repr(loaded)
    for output in OUTPUTS[kept.stem].values():
        np.testing.assert_array_equal(output(again), output(loaded))


@pytest.mark.parametrize("kept", KEPT, ids=short)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_crafted_files_of_earlier_versions_are_refused_or_work(kept, path):
    rng, n_refused = np.random.default_rng(0), 0
    crafted = itertools.chain(mutations.crafted(kept, rng, 5), mutations.each_scrap(kept, rng, 15))
    for sort, held, arrays in crafted:
        path.write_bytes(mutations.crafted_bytes(held, arrays))
        try:
            loaded = skae.load(path)
            for output in OUTPUTS[kept.stem].values():
                output(loaded)
        except ValueError:
            n_refused += 1
        except Exception as error:
            raise AssertionError(sort) from error
    assert n_refused > 5


def test_parts_of_version_1_are_known_today():
    for axis, name in versions._PARTS_OF_1.values():
        class_named(axis, versions.class_name(axis, name))


def test_renames_and_additions_name_what_there_is():
    """A line in a table that names no parameter of today would never be used."""
    for table in (versions.RENAMED, versions.ADDED):
        for name, lines in table.items():
            today = lines if table is versions.ADDED else lines.values()
            assert set(today) <= _names_of(name), name


def _names_of(name):
    """Return parameters, fields and attributes of a class that a file names."""
    from skae._persistence.attributes import ATTRIBUTES, OPTIONAL
    from skae._persistence.load import ESTIMATORS
    from skae._persistence.parts import AXES

    parts = {c.__name__: c for axis in AXES.values() for c in axis.classes.values()}
    cls = {**records.RECORDS, **ESTIMATORS, **parts}[name]
    return {*inspect.signature(cls).parameters, *ATTRIBUTES.get(name, ()), *OPTIONAL}


def saved(path, **parameters):
    small = {"architecture": Dense((5,)), "max_epochs": 1, "random_state": 0}
    ae = AutoencoderTransformer(2, **{**small, **parameters}).fit(X)
    ae.save(path)
    return ae


def test_a_parameter_that_was_added_later_has_its_default(path, monkeypatch):
    ae = saved(path)

    class Later(Dense):
        """Dense, as it may be in some years."""

        def __init__(
            self,
            hidden_layer_sizes="auto",
            activation="silu",
            tied_weights=False,
            dropout=0.0,
            layer_norm=False,
            residual=False,
            code_activation="identity",
            output_activation="identity",
            highway=False,
        ):
            super().__init__(
                hidden_layer_sizes,
                activation,
                tied_weights,
                dropout,
                layer_norm,
                residual,
                code_activation,
                output_activation,
            )
            self.highway = highway

    monkeypatch.setitem(ARCHITECTURES, "dense", Later)
    loaded = skae.load(path)
    assert type(loaded.architecture_) is Later
    assert loaded.architecture_.highway is False
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))
    monkeypatch.setitem(versions.ADDED, "Later", {"highway": True})
    assert skae.load(path).architecture_.highway is True


def test_a_default_that_changed_does_not_reinterpret_a_file(path, monkeypatch):
    ae = saved(path, kind=Denoising(Masking()))
    default = Masking().get_params()
    monkeypatch.setattr(inspect.unwrap(Masking.__init__), "__defaults__", (0.99, 7.0))
    assert Masking().get_params() != default
    loaded = skae.load(path)
    assert loaded.kind_.corruption.get_params() == default
    assert loaded.kind.corruption.get_params() == default
    assert loaded.kind_.get_params(deep=False).keys() == ae.kind_.get_params(deep=False).keys()


def spec_of(document):
    return document["attributes"]["_fitted"]["fields"]["spec"]["fields"]


def edited(path, change):
    document, arrays = read_file(path, content="model")
    change(document)
    write_file(path, "model", document, arrays)


def test_a_renamed_parameter_is_one_line(path, monkeypatch):
    """Of a part, of an estimator, and of an attribute."""
    ae = saved(path)

    def to_old_names(document):
        document["parameters"]["n_rounds"] = document["parameters"].pop("max_epochs")
        document["attributes"]["size_"] = document["attributes"].pop("n_components_")
        for part in (document["parameters"]["architecture"], spec_of(document)["architecture"]):
            part["parameters"]["layers"] = part["parameters"].pop("hidden_layer_sizes")

    edited(path, to_old_names)
    with pytest.raises(FileFormatError, match=r"unknown parameters of \w+: \['(layers|n_rounds)'"):
        skae.load(path)
    monkeypatch.setitem(versions.RENAMED, "Dense", {"layers": "hidden_layer_sizes"})
    lines = {"n_rounds": "max_epochs", "size_": "n_components_"}
    monkeypatch.setitem(versions.RENAMED, "AutoencoderTransformer", lines)
    loaded = skae.load(path)
    assert repr(loaded) == repr(ae)
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))


def test_a_parameter_under_both_of_its_names_is_refused(path, monkeypatch):
    saved(path)
    edited(path, lambda document: document["parameters"].update(n_rounds=3))
    lines = {"n_rounds": "max_epochs"}
    monkeypatch.setitem(versions.RENAMED, "AutoencoderTransformer", lines)
    with pytest.raises(FileFormatError, match="AutoencoderTransformer under two names"):
        skae.load(path)


def test_renamed_classes_and_weights_are_one_line(path, monkeypatch):
    ae = saved(path)

    def to_old_names(document):
        network = document["attributes"]["_fitted"]
        network["record"] = "Network"
        network["fields"]["spec"]["fields"]["architecture"]["architecture"] = "layers"
        pairs = network["fields"]["weights"]["dict"]
        pairs[0][0] = f"old.{pairs[0][0]}"

    edited(path, to_old_names)
    with pytest.raises(FileFormatError, match="record 'Network', which is not known"):
        skae.load(path)
    monkeypatch.setitem(versions.RENAMED_CLASSES, "record", {"Network": "FittedNetwork"})
    with pytest.raises(FileFormatError, match="'layers' is not known"):
        skae.load(path)
    monkeypatch.setitem(versions.RENAMED_CLASSES, "architecture", {"layers": "dense"})
    with pytest.raises(FileFormatError, match="weights are not those"):
        skae.load(path)
    first = next(iter(ae._fitted.weights))
    monkeypatch.setitem(versions.RENAMED_WEIGHTS, f"old.{first}", first)
    np.testing.assert_array_equal(skae.load(path).transform(X), ae.transform(X))


def test_unknown_and_missing_parameters_are_named(path):
    saved(path)
    edited(path, lambda document: document["parameters"].update(momentum=0.9))
    message = r"unknown parameters of AutoencoderTransformer: \['momentum'\]"
    with pytest.raises(FileFormatError, match=message):
        skae.load(path)
    saved(path)
    edited(path, lambda document: spec_of(document).pop("n_features"))
    with pytest.raises(FileFormatError, match=r"lacks parameters of \w+: \['n_features'\]"):
        skae.load(path)


def test_an_attribute_is_never_filled_in(path):
    saved(path)
    edited(path, lambda document: document["attributes"].pop("mean_"))
    with pytest.raises(FileFormatError, match=r"missing values \['mean_'\]"):
        skae.load(path)


@pytest.mark.parametrize("version", [versions.VERSION + 1, 0, -1, True, "2", None, 1.0])
def test_only_versions_up_to_that_of_today_are_read(path, version):
    saved(path)
    edited(path, lambda document: document.update(version=version))
    later = type(version) is int and version > versions.VERSION
    message = "later version of skae.*Update" if later else "which version it has"
    with pytest.raises(FileFormatError, match=message):
        skae.load(path)


def test_an_upgrade_is_one_function(path, monkeypatch):
    """Fields that moved from one record into another, as the next version of a class may do."""
    ae = saved(path)

    def to_older(document):
        document["version"] = 1
        document["attributes"]["_fitted"] = {
            "record": "FlatNetwork",
            **document["attributes"].pop("_fitted")["fields"],
        }

    def from_older(node):
        if node.get("record") != "FlatNetwork":
            return versions._from_1(node)
        fields = {name: value for name, value in node.items() if name != "record"}
        return {"record": "FittedNetwork", "fields": fields}

    edited(path, to_older)
    with pytest.raises(FileFormatError):
        skae.load(path)
    monkeypatch.setitem(versions.UPGRADES, 1, from_older)
    np.testing.assert_array_equal(skae.load(path).transform(X), ae.transform(X))


def test_recurrent_layers_of_earlier_versions_read_single_steps():
    found = {name: value for name, value in vars(Recurrent()).items() if name != "patch_size"}
    assert versions.arguments_of(Recurrent, found)["patch_size"] == 1
