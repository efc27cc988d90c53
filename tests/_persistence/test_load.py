"""Safety of files, code that is given again, and damaged or crafted files."""

import hashlib
import itertools
import json
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import NotFittedError
from support import file_mutations as mutations
from torch import nn

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._persistence import parts
from skae._storage import FileFormatError, read_file, write_file
from skae.architectures import ARCHITECTURES, Architecture, Custom, Dense, Recurrent
from skae.columns import COLUMN_RULES, Columns
from skae.corruptions import CORRUPTIONS, Corruption, FunctionCorruption, Masking
from skae.kinds import KINDS, Denoising, Kind, Undercomplete
from skae.losses import COLUMN_LOSSES, LOSSES, MSE, ByColumn, ColumnLoss, FunctionLoss, Loss
from skae.scores import SCORES, Reconstruction, Score

X = np.random.RandomState(0).randn(40, 6)
HOLES = np.where(np.abs(X) > 1, np.nan, X)
SMALL = {"architecture": Dense((5,)), "max_epochs": 1, "random_state": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skae"


def fitted(**parameters):
    return AutoencoderTransformer(2, **{**SMALL, **parameters}).fit(X)


def round_trip(estimator, path, **given):
    estimator.save(path)
    return skae.load(path, **given)


def encoder(sample_shape, n_outputs):
    return nn.Sequential(nn.Linear(*sample_shape, 5), nn.Tanh(), nn.Linear(5, n_outputs))


def decoder(sample_shape, n_components):
    return nn.Linear(n_components, *sample_shape)


def other_encoder(sample_shape, n_outputs):
    return nn.Linear(*sample_shape, n_outputs)


def function(first, second):
    return (first - second).abs()


def noise(X, generator):
    return X + torch.randn(X.shape, generator=generator)


class Own(Undercomplete):
    def __init__(self, strength=1.0, corruption=None):
        self.strength, self.corruption = strength, corruption

    def attributes(self, summary):
        return {"largest_": float(summary.variance.max())}


class OwnCorruption(Masking):
    pass


class OwnArchitecture(Dense):
    pass


class OwnLoss(MSE):
    pass


class OwnScore(Reconstruction):
    def fit(self, residuals, codes):
        self.spread_ = residuals.numpy().std(axis=0)
        return self

    def of_features(self, network, X, codes):
        return super().of_features(network, X, codes) / torch.from_numpy(self.spread_)


class OwnOptimizer(torch.optim.SGD):
    pass


class OwnTransformer(AutoencoderTransformer):
    pass


# Parameters, what has to be given, something else of that sort, and what is asked for.
CODE = {
    "custom": (
        {"architecture": Custom(encoder, decoder)},
        {"architecture": Custom(encoder, decoder)},
        {"architecture": Custom(other_encoder, decoder)},
        r"saved with decoder as architecture.decoder.*load\(path, architecture=Custom\(encoder",
    ),
    "loss": ({"loss": function}, {"loss": function}, {"loss": "mse"}, "saved with function as"),
    "loss object": (
        {"loss": FunctionLoss(function)},
        {"loss": FunctionLoss(function)},
        {"loss": MSE()},
        "saved with function as loss.function",
    ),
    "corruption": (
        {"kind": Denoising(noise)},
        {"kind": Denoising(noise)},
        {"kind": "denoising"},
        "saved with noise as kind.corruption",
    ),
    "own corruption": (
        {"kind": Denoising(OwnCorruption(0.3))},
        {"kind": Denoising(OwnCorruption())},
        {"kind": Denoising(Masking())},
        "saved with OwnCorruption as kind.corruption",
    ),
    "own kind": (
        {"kind": Own(0.5)},
        {"kind": Own()},
        {"kind": Undercomplete()},
        "saved with Own as kind",
    ),
    "own architecture": (
        {"architecture": OwnArchitecture((5,))},
        {"architecture": OwnArchitecture()},
        {"architecture": Dense((5,))},
        "saved with OwnArchitecture as architecture",
    ),
    "own loss": (
        {"loss": OwnLoss()},
        {"loss": OwnLoss()},
        {"loss": MSE()},
        "saved with OwnLoss as loss",
    ),
    "own optimizer": (
        {"optimizer": OwnOptimizer},
        {"optimizer": OwnOptimizer},
        {"optimizer": torch.optim.SGD},
        "saved with OwnOptimizer as optimizer",
    ),
}


@pytest.mark.parametrize("case", CODE)
def test_code_is_given_again(case, path):
    parameters, given, other, asked = CODE[case]
    ae = fitted(**parameters)
    loaded = round_trip(ae, path, **given)
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))
    assert repr(loaded) == repr(ae)
    assert vars(loaded).keys() == vars(ae).keys()
    again = path.with_name("again")
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(FileFormatError, match=asked):
        skae.load(path)
    with pytest.raises(FileFormatError):
        skae.load(path, **other)


def test_a_score_is_given_again(path):
    detector = AutoencoderOutlierDetector(2, scoring=OwnScore(), n_estimators=2, **SMALL).fit(X)
    loaded = round_trip(detector, path, scoring=OwnScore())
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    with pytest.raises(FileFormatError, match=r"load\(path, scoring=MyScore\(\)\)"):
        skae.load(path)


def test_modules_that_are_other_ones_are_named(path):
    fitted(architecture=Custom(encoder, decoder)).save(path)
    with pytest.raises(FileFormatError, match=r"The weights are not those of Custom"):
        skae.load(path, architecture=Custom(other_encoder, decoder))
    for other in (Dense(), Custom, "dense"):
        with pytest.raises(FileFormatError, match="has no decoder"):
            skae.load(path, architecture=other)


def test_what_the_file_holds_must_not_be_given(path):
    fitted().save(path)
    with pytest.raises(FileFormatError, match=r"\['kind', 'loss'\] of skae.load must not be given"):
        skae.load(path, loss="mse", kind=Own())


def test_classes_of_ones_own_are_refused(path):
    with pytest.raises(TypeError, match="OwnTransformer is another class"):
        OwnTransformer(2, **SMALL).fit(X).save(path)
    with pytest.raises(NotFittedError):
        AutoencoderTransformer().save(path)
    assert not path.exists()


def test_what_is_left_out_is_said(path):
    ae = fitted()
    ae.note = "mine"
    with pytest.warns(UserWarning, match=r"\['note'\] are left out"):
        ae.save(path)
    ae = fitted().set_params(callbacks=[print])
    with pytest.warns(UserWarning, match="callbacks are not part"):
        ae.save(path)
    assert skae.load(path).callbacks is None


@pytest.mark.parametrize("value", [np.random.Generator(np.random.PCG64(0)), np.array([None, 1])])
def test_what_no_file_can_hold_is_named(path, value):
    ae = fitted()
    ae.mean_ = value
    with pytest.raises((TypeError, ValueError), match="mean_"):
        ae.save(path)


def test_what_was_set_to_nonsense_is_not_saved(path):
    with pytest.raises(ValueError, match="'max_epochs' parameter"):
        fitted().set_params(max_epochs=-1).save(path)


def test_without_the_device_of_the_fit(path, monkeypatch):
    ae = fitted()
    ae.device_ = "cuda:3"
    ae.set_params(device=torch.device("cuda:3")).save(path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = skae.load(path)
    assert loaded.device == torch.device("cuda:3")
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))


@pytest.mark.parametrize("random_state", [None, 3, np.random.RandomState(3)])
def test_names_output_and_random_state(path, random_state):
    frame = pd.DataFrame(X, columns=list("abcdéf"))
    ae = AutoencoderTransformer(2, **{**SMALL, "random_state": random_state})
    ae.set_output(transform="pandas").fit(frame)
    loaded = round_trip(ae, path)
    pd.testing.assert_frame_equal(loaded.transform(frame), ae.transform(frame))
    assert loaded.feature_names_in_.dtype == object
    assert list(loaded.feature_names_in_) == list("abcdéf")
    codes = [a.partial_fit(frame).transform(frame).to_numpy() for a in (ae, loaded)]
    assert random_state is None or (codes[0] == codes[1]).all()


@pytest.mark.parametrize(
    "labels",
    [
        np.where(np.arange(40) % 2, "a", "bcd"),
        np.array(["a", "é", -1, "a"] * 10, dtype=object),
        np.arange(40) % 2 == 0,
        (np.arange(40) % 3).astype(np.int16),
    ],
    ids=["text", "objects", "booleans", "small integers"],
)
def test_classes(path, labels):
    classifier = AutoencoderClassifier(2, unlabelled=-1, class_weight="balanced", **SMALL)
    classifier.fit(X, labels)
    loaded = round_trip(classifier, path)
    assert loaded.classes_.dtype == classifier.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))


@pytest.mark.parametrize("scoring", SCORES)
def test_scores(path, scoring):
    kind = "variational" if scoring == "elbo" else "undercomplete"
    detector = AutoencoderOutlierDetector(2, kind=kind, scoring=scoring, n_estimators=2, **SMALL)
    loaded = round_trip(detector.fit(HOLES), path)
    np.testing.assert_array_equal(loaded.p_values(X), detector.p_values(X))
    np.testing.assert_array_equal(
        loaded.feature_contributions(X), detector.feature_contributions(X)
    )


def test_groups_of_calibration_rows(path):
    detector = AutoencoderOutlierDetector(2, **SMALL).fit(X, groups=np.arange(len(X)) % 7)
    loaded = round_trip(detector, path)
    assert loaded._calibration.size == 7
    new = 1.1 * X
    np.testing.assert_array_equal(loaded.p_values(new), detector.p_values(new))
    assert loaded.set_threshold(false_positive_rate=0.3).offset_ == (
        detector.set_threshold(false_positive_rate=0.3).offset_
    )


def test_all_of_an_imputer(path):
    table = np.hstack([HOLES, np.full((40, 1), np.nan)])
    imputer = AutoencoderImputer(
        2, add_indicator=True, min_value=-1.5, keep_empty_features=True, **SMALL
    ).fit(table)
    loaded = round_trip(imputer, path)
    np.testing.assert_array_equal(loaded.transform(table), imputer.transform(table))
    draws = [i.sample(table, 2, random_state=0) for i in (imputer, loaded)]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("by", ["user", "item"])
def test_all_of_a_recommender(path, by):
    recommender = AutoencoderRecommender(2, by=by, **SMALL).fit(HOLES)
    loaded = round_trip(recommender, path)
    np.testing.assert_array_equal(loaded.predict_all(), recommender.predict_all())
    np.testing.assert_array_equal(loaded.recommend([3], 2), recommender.recommend([3], 2))


def test_every_class_of_the_registries_has_a_name_in_files():
    for axis, registry in zip(
        ("kind", "architecture", "loss", "column_loss", "columns", "corruption", "score"),
        (KINDS, ARCHITECTURES, LOSSES, COLUMN_LOSSES, COLUMN_RULES, CORRUPTIONS, SCORES),
        strict=True,
    ):
        assert parts.AXES[axis].registry is registry
        assert registry.items() <= parts.AXES[axis].classes.items()
        assert all(issubclass(part, parts.AXES[axis].base) for part in registry.values())
    others = {cls for axis in parts.AXES.values() for cls in axis.others}
    assert others == {Custom, FunctionLoss, ByColumn, FunctionCorruption}
    assert set(parts.BASES) == {Kind, Architecture, Loss, ColumnLoss, Columns, Corruption, Score}


def test_a_later_version_says_so(path):
    fitted().save(path)
    meta, arrays = mutations._members(path.read_bytes())
    later = json.loads(meta)
    body = meta.replace(b'"version":1', b'"version":7')[: -len(later["sha256"]) - 13]
    body += b',"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'
    names = mutations.NAMES
    path.write_bytes(mutations.packed([(names[0], body), (names[1], arrays)]))
    with pytest.raises(FileFormatError, match=r"later version of skae: it has format 7.*Update"):
        skae.load(path)


# Sizes that would take terabytes, or years, if networks were built before they are checked.
BOMBS = {
    "n_features": ("_fitted", "fields", "spec", "fields", "n_features"),
    "n_components": ("_fitted", "fields", "spec", "fields", "n_components"),
    "filling_rank": ("_fitted", "fields", "spec", "fields", "filling_rank"),
    "hidden_layer_sizes": (
        "_fitted",
        "fields",
        "spec",
        "fields",
        "architecture",
        "parameters",
        "hidden_size",
    ),
    "n_layers": ("_fitted", "fields", "spec", "fields", "architecture", "parameters", "n_layers"),
    "input_shape": (
        "_fitted",
        "fields",
        "spec",
        "fields",
        "architecture",
        "parameters",
        "input_shape",
        "tuple",
        0,
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("size", [60_000, 10**9, 2**62])
def test_sizes_are_looked_at_before_anything_is_built(path, bomb, size):
    fitted(architecture=Recurrent(hidden_size=3)).save(path)
    document, arrays = read_file(path, content="model")
    node = document["attributes"]
    for key in BOMBS[bomb][:-1]:
        node = node[key]
    node[BOMBS[bomb][-1]] = size
    write_file(path, "model", document, arrays)
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(FileFormatError):
        skae.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22
    assert time.process_time() - start < 2


def test_draws_of_a_score_are_limited(path):
    detector = AutoencoderOutlierDetector(2, n_estimators=1, kind="variational", scoring="elbo")
    detector.set_params(**SMALL).fit(X).save(path)
    document, arrays = read_file(path, content="model")
    member = document["attributes"]["_ensemble"]["fields"]["members"][0]
    member["fields"]["score"]["parameters"]["n_draws"] = 10**9
    write_file(path, "model", document, arrays)
    with pytest.raises(FileFormatError, match="n_draws=1000000000 of Elbo is too large"):
        skae.load(path)


def test_memory_is_that_of_the_file(path):
    wide = np.random.RandomState(0).randn(40, 400)
    AutoencoderTransformer(2, architecture=Dense((2000,)), max_epochs=1).partial_fit(wide).save(
        path
    )
    skae.load(path)
    tracemalloc.start()
    skae.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * path.stat().st_size


USES = {
    "transformer": (
        lambda: AutoencoderTransformer(2, **SMALL).partial_fit(X),
        lambda e: e.transform(X),
    ),
    "detector": (
        lambda: AutoencoderOutlierDetector(2, n_estimators=2, **SMALL).fit(X),
        lambda e: (e.score_samples(X), e.predict(X), e.p_values(X)),
    ),
    "imputer": (
        lambda: AutoencoderImputer(2, add_indicator=True, **SMALL).fit(HOLES),
        lambda e: e.transform(HOLES),
    ),
    "recommender": (
        lambda: AutoencoderRecommender(2, **SMALL).fit(HOLES),
        lambda e: e.predict_all(),
    ),
    "classifier": (
        lambda: AutoencoderClassifier(2, **SMALL).fit(X, np.where(np.arange(40) % 2, "a", "b")),
        lambda e: (e.predict_proba(X), e.predict(X)),
    ),
}


def is_refused(path):
    try:
        skae.load(path)
    except FileFormatError:
        return True
    return False


@pytest.mark.parametrize("name", USES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_damaged_files_are_refused(name, path):
    make, _ = USES[name]
    make().save(path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for sort, made in itertools.chain(
        mutations.truncated(data, rng, 5),
        mutations.flipped(data, rng, 20),
        mutations.extended(data, rng, 2),
        mutations.headers(data, rng, 0),
    ):
        path.write_bytes(made)
        assert is_refused(path), sort


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_foreign_files_are_refused(path):
    USES["transformer"][0]().save(path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    for sort, made in itertools.chain(
        mutations.foreign(data, rng, 3),
        mutations.tensor_headers(data, rng, 2),
        mutations.raw_documents(data, rng, 0),
    ):
        path.write_bytes(made)
        assert is_refused(path), sort


@pytest.mark.parametrize("name", USES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_crafted_files_are_refused_or_work(name, path):
    make, use = USES[name]
    make().save(path)
    rng = np.random.default_rng(1)
    made = itertools.chain(mutations.crafted(path, rng, 15), mutations.each_scrap(path, rng, 30))
    n_refused = 0
    for sort, held, arrays in made:
        path.write_bytes(mutations.crafted_bytes(held, arrays))
        try:
            use(skae.load(path))
        except ValueError:
            n_refused += 1
        except Exception as error:
            raise AssertionError(sort) from error
    assert n_refused > 20
