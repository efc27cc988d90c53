"""Attributes of estimators that do not fit each other, in files with right checksums."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._storage import FileFormatError, read_file, write_file
from skae.architectures import Dense

X, Y = load_iris(return_X_y=True)
HOLES = np.where(np.random.RandomState(0).rand(*X.shape) < 0.2, np.nan, X)
FEW = np.where(np.arange(150) % 5, -1, Y)
SMALL = {"architecture": Dense((3,)), "max_epochs": 1, "random_state": 0}
MADE = {
    "transformer": lambda: AutoencoderTransformer(2, **SMALL).fit(X),
    "classifier": lambda: AutoencoderClassifier(2, unlabelled=-1, **SMALL).fit(X, FEW),
    "detector": lambda: AutoencoderOutlierDetector(2, n_estimators=1, **SMALL).fit(X),
    "imputer": lambda: AutoencoderImputer(2, n_estimators=1, add_indicator=True, **SMALL).fit(
        HOLES
    ),
    "recommender": lambda: AutoencoderRecommender(2, n_estimators=1, **SMALL).fit(HOLES),
}
# By estimator: attribute, or fields on the way to one, what it becomes, words of the refusal.
WRONG = [
    ("transformer", "n_features_in_", 5, "n_features_in_"),
    ("transformer", "_n_features_out", 3, "_n_features_out"),
    ("transformer", "n_components_", 3, "n_components_"),
    ("transformer", "sample_shape_", {"tuple": [2, 3]}, "sample_shape_"),
    ("transformer", "mean_", np.zeros(3), "mean_"),
    ("transformer", "mean_", np.full(4, np.nan), "mean_"),
    ("transformer", "scale_", -1.0, "scale_"),
    ("transformer", "scale_", np.ones(3), "scale_"),
    ("transformer", "precision_", "float8", "precision_"),
    ("transformer", "history_", {"dict": []}, "history_ must have the columns"),
    ("transformer", "_of_kind", ["transform"], "not a valid name for an attribute"),
    ("transformer", "_of_kind", ["mean_"], "missing values"),
    ("transformer", "_code_density.codes", np.ones((5, 3)), "_code_density"),
    ("transformer", "_code_density.codes", np.ones((0, 2)), "_code_density"),
    ("transformer", "_optimizer_state", {"dict": [["a", 1]]}, "_optimizer_state"),
    ("transformer", "_optimizer_state", {"dict": [[99, {"dict": []}]]}, "_optimizer_state"),
    (
        *("transformer", "_optimizer_state"),
        *({"dict": [[0, {"dict": [["step", "x"]]}]]}, "'step' of the optimizer"),
    ),
    ("transformer", "_fitted.spec.scaling.centre", np.zeros(3), "scale of Scaling|of 4 features"),
    ("classifier", "classes_", np.arange(2), "classes_"),
    ("classifier", "_teachers.coefficients", np.ones((5, 3), np.float32), "of Teachers"),
    ("classifier", "_teachers.network_weight", 2.0, "network_weight of Teachers"),
    ("classifier", "_fitted.spec.head", None, "weights are not those"),
    ("detector", "_calibration.groups.0.members", {"tuple": [7]}, "_calibration"),
    ("detector", "calibration_scores_", np.array([np.nan]), "calibration_scores_"),
    ("detector", "offset_", {"tuple": []}, "offset_"),
    ("imputer", "_kept", np.ones(3, bool), "_kept"),
    ("imputer", "_kept", np.zeros(4, bool), "_kept"),
    ("imputer", "_bounds.tuple.0", np.ones(3), "_bounds"),
    ("imputer", "_bounds.tuple.0", np.full(4, np.nan), "_bounds"),
    ("imputer", "_imputation.error_ratio", None, "error_ratio"),
    ("imputer", "_imputation.error_ratio", np.ones(3), "error_ratio"),
    ("imputer", "_imputation.bootstrap.mean", np.ones((20, 3), np.float32), "of Bootstrap"),
    ("imputer", "_imputation.bootstrap.deviation", np.zeros((20, 4), np.float32), "deviation of"),
    ("imputer", "_imputation.bootstrap.factor", np.full((20, 4, 4), 1e9, np.float32), "factor of"),
    ("imputer", "_imputation.bootstrap.noise", np.zeros(20, np.float32), "factor of Bootstrap"),
    ("imputer", "_imputation.bootstrap.ratio", np.zeros(20), "ratio of Bootstrap"),
    ("imputer", "_imputation.bootstrap.shrinkage", 2.0, "shrinkage of Bootstrap"),
    ("recommender", "_known", {"dict": []}, "_check_ratings"),
    ("recommender", "rating_range_", {"tuple": [5.0, 1.0]}, "rating_range_"),
    ("recommender", "biases_", np.zeros(3), "biases_"),
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the document and the arrays of a fitted estimator."""
    files = {}

    def read(name):
        if name not in files:
            path = tmp_path_factory.mktemp("saved") / name
            MADE[name]().save(path)
            files[name] = path
        return read_file(files[name], content="model")

    return read


def replaced(held, arrays, way, value):
    """Put a value in the place of an attribute, or of a field below it."""
    node = held["attributes"]
    *steps, last = [int(step) if step.isdigit() else step for step in way.split(".")]
    for step in steps:
        node = node[step]
        node = node.get("fields", node) if isinstance(node, dict) else node
    if isinstance(value, np.ndarray):
        arrays["another"], value = value, {"array": "another"}
    node[last] = value


def used(node):
    """Yield the names of the arrays of a node."""
    if isinstance(node, dict):
        for tag in ("array", "transposed", "text", "scalar"):
            if isinstance(node.get(tag), str):
                yield node[tag]
    if isinstance(node, dict | list):
        for one in node.values() if isinstance(node, dict) else node:
            yield from used(one)


@pytest.mark.parametrize(("name", "way", "value", "words"), WRONG)
def test_attributes_that_do_not_fit_are_refused(saved, tmp_path, name, way, value, words):
    held, arrays = saved(name)
    replaced(held, arrays, way, value)
    names = set(used(held))
    write_file(tmp_path / "a", "model", held, {n: a for n, a in arrays.items() if n in names})
    with pytest.raises(FileFormatError, match=words):
        skae.load(tmp_path / "a")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"data": np.ones(3)}, "_known"),
        ({"indices": np.full(488, 99)}, "_known"),
        ({"indices": np.full(488, -1)}, "_known"),
        ({"indices": np.zeros(488, np.int8)}, "_known"),
        ({"indptr": np.arange(151)}, "_known"),
        ({"shape": {"tuple": [150]}}, "_known"),
        ({"shape": {"tuple": [-150, -4]}}, "_known"),
    ],
    ids=str,
)
def test_ratings_are_checked_before_scipy_reads_them(saved, tmp_path, part, message):
    held, arrays = saved("recommender")
    pairs = held["attributes"]["_known"]["dict"]
    for pair in pairs:
        if pair[0] in part:
            value = part[pair[0]]
            if isinstance(value, np.ndarray):
                arrays["another"], value = value, {"array": "another"}
            pair[1] = value
    names = set(used(held))
    write_file(tmp_path / "a", "model", held, {n: a for n, a in arrays.items() if n in names})
    with pytest.raises(FileFormatError, match=message):
        skae.load(tmp_path / "a")


@pytest.mark.parametrize("name", ["reconstruct", "transform", "Fitted_", "_x_", "fit", "scatters"])
def test_a_file_sets_no_other_attribute_of_a_part(saved, tmp_path, name):
    held, arrays = saved("detector")
    score = held["attributes"]["_ensemble"]["fields"]["members"][0]["fields"]["score"]
    score["fitted"][name] = 1
    write_file(tmp_path / "a", "model", held, arrays)
    with pytest.raises(FileFormatError, match="not a fitted attribute of"):
        skae.load(tmp_path / "a")


@pytest.mark.parametrize("name", ["residual_scatter_", "code_scatter_", "scatter_"])
@pytest.mark.parametrize("scoring", ["joint", "latent", "residual"])
def test_scores_have_the_scatters_that_they_declare(tmp_path, scoring, name):
    detector = AutoencoderOutlierDetector(2, scoring=scoring, n_estimators=1, **SMALL).fit(X)
    detector.save(tmp_path / "a")
    held, arrays = read_file(tmp_path / "a", content="model")
    score = held["attributes"]["_ensemble"]["fields"]["members"][0]["fields"]["score"]
    if score["fitted"].pop(name, None) is None:
        return
    names = set(used(held))
    write_file(tmp_path / "a", "model", held, {n: a for n, a in arrays.items() if n in names})
    with pytest.raises(FileFormatError, match=f"{name} of"):
        skae.load(tmp_path / "a")
