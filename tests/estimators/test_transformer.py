"""AutoencoderTransformer on its own: what goes in, what comes out, and what is refused."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import StandardScaler, normalize
from skorch.callbacks import Callback, EarlyStopping
from support.combinations import slow_but

from skae import AutoencoderTransformer
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._training.train import TrainingDivergedError
from skae.architectures import Dense
from skae.kinds import Undercomplete, Variational
from skae.losses import LOSSES

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(60, 6)


def quick(n_components="auto", **parameters):
    """Return an estimator that trains once, on rows of which a tenth is held out."""
    defaults = {"max_epochs": 3, "validation_fraction": 0.1, "random_state": 0}
    return AutoencoderTransformer(n_components, **{**defaults, **parameters})


def pca_score(train, test, n_components):
    pca = PCA(n_components, random_state=0).fit(train)
    error = np.square(test - pca.inverse_transform(pca.transform(test))).sum()
    return 1 - error / np.square(test - train.mean(axis=0)).sum()


# --- what it is for


def test_beats_pca_on_held_out_digits():
    digits = load_digits().data
    ae = AutoencoderTransformer(4, max_epochs=30, random_state=0).fit(digits[:1300])
    assert 1 - ae.score(digits[1300:]) < 0.8 * (1 - pca_score(digits[:1300], digits[1300:], 4))
    assert ae.best_epoch_ > 0


def test_untrained_is_pca():
    iris = load_iris().data
    ae = quick(2, learning_rate=1e-12).fit(iris)
    pca = PCA(2).fit(iris)
    np.testing.assert_allclose(
        ae.reconstruct(iris), pca.inverse_transform(pca.transform(iris)), atol=1e-4
    )
    # The code is PCA's with unit variance.
    assert np.allclose(ae.transform(iris).std(axis=0), 1, atol=0.01)


@pytest.mark.slow
def test_linear_network_from_random_weights_spans_the_principal_subspace():
    """Baldi and Hornik (1989): the minimum of the linear autoencoder is PCA's subspace."""
    rotation = np.linalg.qr(RANDOM.randn(8, 8))[0]
    data = RANDOM.randn(600, 8) * [5, 4, 3, 1, 0.9, 0.8, 0.7, 0.6] @ rotation + 3
    ae = AutoencoderTransformer(
        3,
        architecture=Dense(hidden_layer_sizes=()),
        init="random",
        max_epochs=300,
        learning_rate=0.02,
        weight_decay=0,
        early_stopping=False,
        random_state=0,
    ).fit(data)
    decoder = ae.inverse_transform(np.eye(3)) - ae.inverse_transform(np.zeros((1, 3)))
    angles = subspace_angles(decoder.T, PCA(3).fit(data).components_.T)
    assert angles.max() < 1e-2


# --- what comes out


def test_shapes_and_attributes():
    ae = quick(2).fit(X)
    assert ae.transform(X).shape == (60, 2)
    assert ae.inverse_transform(ae.transform(X)).shape == X.shape
    assert ae.n_components_ == 2
    assert ae.n_epochs_ == 3
    assert ae.history_["epoch"].tolist() == [0, 1, 2, 3]
    assert list(ae.history_) == [
        *("epoch", "train_loss", "valid_loss", "learning_rate", "seconds"),
        *("train_reconstruction", "valid_reconstruction"),
    ]
    assert ae.loss_ == ae.history_["valid_loss"].min()
    assert ae.history_["valid_loss"].idxmin() == ae.best_epoch_
    np.testing.assert_allclose(ae.mean_, X.mean(axis=0), atol=1e-12)
    assert ae.scale_ == pytest.approx(np.sqrt(X.var(axis=0).mean()))


def test_reconstruct_is_inverse_transform_of_transform():
    ae = quick(2).fit(X)
    np.testing.assert_allclose(
        ae.reconstruct(X), ae.inverse_transform(ae.transform(X)), rtol=1e-5, atol=1e-6
    )


def test_score_samples_is_minus_the_mean_squared_error():
    ae = quick(2, loss="mae").fit(X)
    expected = -np.square(X - ae.reconstruct(X)).mean(axis=1)
    np.testing.assert_allclose(ae.score_samples(X), expected, rtol=1e-6)
    assert ae.score_samples(X.astype(np.float32)).dtype == np.float64


def test_score_is_the_explained_fraction():
    ae = quick(2).fit(X)
    error = np.square(X[:20] - ae.reconstruct(X[:20])).sum()
    total = np.square(X[:20] - X.mean(axis=0)).sum()
    assert ae.score(X[:20]) == pytest.approx(1 - error / total, rel=1e-6)


def test_explained_variance_ratio_of_a_linear_autoencoder_is_that_of_pca():
    iris = load_iris().data
    ae = quick(3, architecture=Dense(hidden_layer_sizes=()), learning_rate=1e-12).fit(iris)
    expected = PCA(3).fit(iris).explained_variance_ratio_
    np.testing.assert_allclose(ae.explained_variance_ratio_, expected, atol=1e-5)
    assert not hasattr(ae.set_params(architecture="dense").fit(iris), "explained_variance_ratio_")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("float16", "float32"),
        ("float32", "float32"),
        ("float64", "float64"),
        ("longdouble", "float64"),
        ("int8", "float64"),
        ("uint8", "float64"),
        ("int64", "float64"),
        ("bool", "float64"),
        (">f4", "float32"),
        (">f8", "float64"),
    ],
)
def test_dtypes(given, expected):
    data = np.abs(10 * X).astype(given)
    ae = quick(2).fit(data)
    assert ae.transform(data).dtype == expected
    assert ae.reconstruct(data).dtype == expected
    assert ae.inverse_transform(ae.transform(data)).dtype == expected


def test_feature_names_and_set_output():
    frame = pd.DataFrame(X, columns=list("abcdef"), index=range(100, 160))
    ae = quick(2).set_output(transform="pandas").fit(frame)
    codes = ae.transform(frame)
    assert list(codes) == ["autoencodertransformer0", "autoencodertransformer1"]
    assert list(codes) == list(ae.get_feature_names_out())
    assert codes.index.equals(frame.index)
    assert ae.feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="feature names"):
        ae.transform(frame.rename(columns={"a": "z"}))
    assert isinstance(ae.set_output(transform="polars").transform(frame), pl.DataFrame)


# --- what goes in


@pytest.mark.parametrize(
    "convert",
    [
        np.ndarray.tolist,
        pd.DataFrame,
        pl.DataFrame,
        torch.from_numpy,
        lambda a: torch.from_numpy(a).requires_grad_(),
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1].copy()[::-1],
        sp.csr_matrix,
        sp.csc_array,
        sp.coo_array,
        sp.lil_matrix,
    ],
)
def test_containers_give_the_same_result(convert):
    data = np.where(X > 0, X, 0)
    expected = quick(2).fit(data)
    ae = quick(2).fit(convert(data))
    np.testing.assert_allclose(ae.transform(convert(data)), expected.transform(data), atol=1e-5)
    np.testing.assert_allclose(
        ae.score_samples(convert(data)), expected.score_samples(data), atol=1e-5
    )


def test_memory_maps_and_read_only_arrays(tmp_path):
    data = X.astype(np.float32)
    np.save(tmp_path / "X.npy", data)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = quick(2).fit(data).transform(data)
    assert np.array_equal(quick(2).fit(mapped).transform(mapped), expected)


@pytest.mark.parametrize(
    "data",
    [
        np.c_[X, np.ones(60)],
        np.ones((30, 4)),
        np.repeat(X[:3], 20, axis=0),
        X * [1e-20, 1e20, 1, 1, 1, 1],
        X * 1e-20,
        X * 1e-200,
        X * 1e200,
        (X * 1e30).astype(np.float32),
        X + 1e9,
        RANDOM.randn(3, 2000),
        X[:2],
        X[:, :1],
    ],
    ids=lambda data: f"{data.shape} {np.abs(data).max():.0e}",
)
def test_extreme_data_fit_and_are_no_worse_than_pca(data):
    ae = quick().fit(data)
    score = ae.score(data)
    assert not np.isnan(ae.score_samples(data)).any()
    assert np.isfinite(ae.transform(data)).all()
    assert np.isfinite(ae.reconstruct(data)).all()
    unit = np.abs(data).max()
    if np.ptp(data) == 0:
        reference = 1
    else:
        size = min(ae.n_components_, len(data) - 1)
        reference = pca_score(np.float64(data) / unit, np.float64(data) / unit, size)
    assert score > reference - 0.01


def test_constant_columns_come_back():
    data = np.c_[X, np.full(60, 7.5)]
    assert np.allclose(quick(2).fit(data).reconstruct(data)[:, -1], 7.5, atol=0.05)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.where(X > 2, np.inf, X), "X contains infinity"),
        (X[:1], "1 sample"),
        (X[:, :0], "0 feature"),
        (X[0], "Expected 2D array"),
        (X + 1j, "Complex data not supported"),
        (np.array([["a", "b"]] * 5), "X must hold numbers"),
        (pd.DataFrame({"a": pd.date_range("2020", periods=2), "b": [1, 2]}), "X must hold numbers"),
    ],
)
def test_bad_data_are_refused(data, message):
    ae = quick()
    with pytest.raises(ValueError, match=message):
        ae.fit(data)
    with pytest.raises(NotFittedError):
        ae.transform(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 7}, "n_components=7 is larger than the 6 features"),
        ({"n_components": 0}, "n_components"),
        ({"n_components": 1.5}, "n_components"),
        ({"n_components": "mle"}, "n_components"),
        ({"kind": "none"}, r"kind must be one of \['compressive', .*'undercomplete'"),
        ({"kind": Undercomplete}, "add parentheses"),
        ({"architecture": "none"}, r"architecture must be one of \["),
        ({"architecture": Dense(activation="none")}, "activation of Dense must be one of"),
        ({"architecture": Dense(hidden_layer_sizes=(0,))}, "hidden_layer_sizes of Dense"),
        ({"loss": "none"}, r"loss must be one of \['bce'"),
        ({"loss": "bce"}, r"loss='bce' needs all entries of X in \[0, 1\]"),
        ({"loss": torch.nn.functional.mse_loss}, "reduction='none'"),
        ({"init": "none"}, "init"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"optimizer": "none"}, "optimizer must be one of"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"patience": 0}, "patience"),
        ({"device": "cuda:99"}, "device='cuda:99' is not available on this machine"),
        ({"device": "none"}, "device must be"),
        ({"precision": "float8"}, "precision"),
        ({"random_state": "none"}, "random_state"),
        ({"verbose": -1}, "verbose"),
    ],
)
def test_bad_parameters_are_refused_with_their_name(parameters, message):
    ae = quick(**parameters)
    with pytest.raises((ValueError, TypeError), match=message):
        ae.fit(X)
    with pytest.raises(NotFittedError):
        ae.transform(X)


def test_other_columns_than_in_fit_are_refused():
    ae = quick(2).fit(X)
    with pytest.raises(ValueError, match="3 features"):
        ae.transform(X[:, :3])
    with pytest.raises(ValueError, match="codes of this AutoencoderTransformer have 2"):
        ae.inverse_transform(X)


# --- every parameter does something


@pytest.mark.parametrize(
    "parameters",
    [
        {"architecture": Dense(activation="tanh")},
        {"loss": "mae"},
        {"loss": "huber"},
        {"loss": lambda a, b: (a - b).abs() ** 3},
        {"init": "random"},
        {"max_epochs": 1},
        {"batch_size": 7},
        {"learning_rate": 1e-2},
        {"optimizer": "rmsprop"},
        {"optimizer": torch.optim.NAdam},
        {"weight_decay": 10.0},
        {"jitter": 0},
        {"early_stopping": False},
        {"validation_fraction": 0.4},
        {"precision": "float64"},
        {"precision": "bfloat16"},
        {"random_state": 1},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_parameter_changes_the_training(parameters):
    def losses(**changed):
        return quick(**{"n_components": 2, **changed}).fit(X).history_["train_loss"].tolist()

    assert losses(**parameters) != losses()


@pytest.mark.parametrize("loss", slow_but({"bce"}, LOSSES, str))
def test_every_loss_trains(loss):
    data = load_digits().data[:300] / 16
    if loss == "multinomial":  # its reconstructions add up to 1 in each row
        data = normalize(data, "l1")
    ae = AutoencoderTransformer(4, loss=loss, max_epochs=20, random_state=0).fit(data)
    history = ae.history_["valid_loss"]
    assert history.min() < history[0]
    assert ae.score(data) > pca_score(data, data, 4) - 0.05


def test_bce_starts_at_pca_clipped():
    data = load_digits().data[:300] / 16
    ae = quick(4, loss="bce", learning_rate=1e-12).fit(data)
    pca = PCA(4).fit(data)
    rebuilt = np.clip(pca.inverse_transform(pca.transform(data)), 0, 1)
    np.testing.assert_allclose(ae.reconstruct(data), rebuilt, atol=2e-3)


def test_fraction_of_the_variance_as_n_components():
    digits = load_digits().data[:500]
    expected = PCA(0.7, svd_solver="full").fit(digits).n_components_
    assert quick(0.7, max_epochs=1).fit(digits).n_components_ == expected


def test_patience_ends_the_training():
    ae = quick(2, max_epochs=100, patience=2, learning_rate=0.05).fit(X)
    assert ae.n_epochs_ == max(ae.best_epoch_, 10) + 2  # 10 epochs are the warm-up


def test_patience_shorter_than_the_warm_up_is_no_return_to_pca():
    cancer = StandardScaler().fit_transform(load_breast_cancer().data)
    ae = AutoencoderTransformer(4, patience=5, random_state=0).fit(cancer[::2])
    patient = AutoencoderTransformer(4, random_state=0).fit(cancer[::2])
    assert ae.best_epoch_ > 0
    assert ae.score(cancer[1::2]) > patient.score(cancer[1::2]) - 0.02


def test_patience_is_counted_from_the_end_of_the_warm_up_of_the_kind():
    variational = quick(2, kind=Variational(warmup=0.5), max_epochs=20, patience=1)
    assert variational.fit(X).n_epochs_ > 10


def test_verbose_prints_a_line_for_each_epoch(capsys):
    quick(2, verbose=1).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("epoch")]) == 3
    assert "epoch    1/3" in lines[0]


def test_skorch_callbacks_are_called_and_can_stop():
    seen = []

    class Count(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.history[-1, "train_loss"])

    ae = quick(2, callbacks=[Count()]).fit(X)
    assert seen == ae.history_["train_loss"][1:].tolist()
    stopping = EarlyStopping(monitor="valid_loss", patience=1, threshold=10, sink=lambda text: None)
    assert quick(2, max_epochs=50, callbacks=[stopping]).fit(X).n_epochs_ < 50


def test_an_outlier_is_rebuilt_about_as_well_as_by_pca():
    digits = load_digits().data
    ae = AutoencoderTransformer(8, max_epochs=20, random_state=0).fit(digits)
    pca = PCA(8, random_state=0).fit(digits)
    outliers = 100 * digits[:20]
    error = np.square(outliers - pca.inverse_transform(pca.transform(outliers))).mean()
    assert -ae.score_samples(outliers).mean() < 1.5 * error


# --- few rows


def test_few_rows_are_judged_by_folds_and_all_are_trained_on():
    iris = load_iris().data
    ae = AutoencoderTransformer(1, max_epochs=40, random_state=0).fit(iris)
    assert ae.history_["epoch"].tolist() == list(range(41))
    assert ae.history_["valid_loss"].idxmin() == ae.best_epoch_ > 0
    assert ae.loss_ == ae.history_["valid_loss"].min()
    assert ae.score(iris) > pca_score(iris, iris, 1)


def test_few_rows_without_structure_stay_at_pca():
    noise = np.random.RandomState(1).randn(80, 10)
    ae = AutoencoderTransformer(3, max_epochs=30, random_state=0).fit(noise)
    assert ae.best_epoch_ == 0
    pca = PCA(3).fit(noise)
    np.testing.assert_allclose(
        ae.reconstruct(noise), pca.inverse_transform(pca.transform(noise)), atol=1e-4
    )


# --- going on


def test_warm_start_goes_on():
    iris = load_iris().data
    ae = quick(2, warm_start=True, early_stopping=False, max_epochs=20).fit(iris)
    first = ae.loss_
    assert ae.fit(iris).history_["valid_loss"][0] == pytest.approx(first, rel=1e-5)
    cold = quick(2, early_stopping=False, max_epochs=20).fit(iris)
    assert cold.fit(iris).history_["valid_loss"][0] > first
    with pytest.raises(ValueError, match="3 features"):
        ae.fit(iris[:, :3])


@pytest.mark.parametrize(("first", "then"), [("float64", "float32"), ("float32", "float64")])
def test_warm_start_takes_a_changed_precision(first, then):
    ae = quick(2, warm_start=True, precision=first).fit(X)
    assert ae.set_params(precision=then).fit(X).precision_ == then
    assert next(iter(ae._fitted.weights.values())).dtype == then


def test_partial_fit_is_one_pass_and_learns():
    digits = load_digits().data
    ae = AutoencoderTransformer(4, batch_size=64, random_state=0)
    scores = []
    for _ in range(5):
        for start in range(0, 1280, 320):
            ae.partial_fit(digits[start : start + 320])
        scores.append(ae.score(digits[1280:]))
    assert ae.history_["epoch"].tolist() == list(range(21))
    assert ae.n_epochs_ == 20
    assert scores[-1] > scores[0] > pca_score(digits[:320], digits[1280:], 4)
    ae.partial_fit(digits[:1])
    with pytest.raises(ValueError, match="features"):
        ae.partial_fit(digits[:, :5])


def test_partial_fit_keeps_the_state_of_the_optimizer():
    once = quick(2, batch_size=60).partial_fit(X).partial_fit(X)
    without = quick(2, batch_size=60).partial_fit(X)
    without._optimizer_state = None
    without.partial_fit(X)
    assert not np.array_equal(once.transform(X), without.transform(X))


def test_sample_weight_zero_equals_leaving_out_and_weights_matter():
    weight = np.r_[np.ones(40), np.zeros(20)]
    weighted = quick(2).fit(X, sample_weight=weight)
    assert np.array_equal(weighted.transform(X), quick(2).fit(X[:40]).transform(X))
    heavy = np.r_[np.full(30, 100.0), np.ones(30)]
    ae = quick(2, max_epochs=20, early_stopping=False).fit(X, sample_weight=heavy)
    plain = quick(2, max_epochs=20, early_stopping=False).fit(X)
    assert ae.score_samples(X[:30]).mean() > plain.score_samples(X[:30]).mean()
    with pytest.raises(ValueError, match="sample_weight"):
        quick(2).fit(X, sample_weight=-np.ones(60))


# --- going wrong


def test_divergence_leaves_pca():
    ae = quick(2, optimizer="sgd", learning_rate=1e8, max_epochs=20)
    with pytest.warns(ConvergenceWarning, match=r"epoch 1\b.*the start.*smaller learning_rate"):
        ae.fit(X)
    pca = PCA(2).fit(X)
    assert ae.score(X) == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-4)


def test_divergence_from_random_weights_is_an_error_and_leaves_nothing_fitted():
    ae = quick(2, optimizer="sgd", learning_rate=1e8, max_epochs=20, init="random")
    with pytest.raises(TrainingDivergedError, match=r"epoch 1\b.*smaller learning_rate"):
        ae.fit(X)
    with pytest.raises(NotFittedError):
        ae.transform(X)


def test_ctrl_c_keeps_the_best_weights_and_says_so():
    class Interrupt(Callback):
        def on_batch_begin(self, net, batch=None, training=None, **kwargs):
            if training and len(net.history) == 3:
                raise KeyboardInterrupt

    ae = quick(2, max_epochs=50, callbacks=[Interrupt()])
    with pytest.warns(ConvergenceWarning, match="Ctrl-C .* epoch 3 of 50"):
        ae.fit(X)
    assert ae.n_epochs_ == 2
    assert ae.loss_ == ae.history_["valid_loss"].min()
    assert np.isfinite(ae.transform(X)).all()


def test_ctrl_c_while_folds_take_turns_leaves_pca(monkeypatch):
    calls = itertools.count()
    objective = AutoencoderNetwork.objective

    def interrupted(self, *args, **kwargs):
        if self.training and next(calls) == 2:
            raise KeyboardInterrupt
        return objective(self, *args, **kwargs)

    monkeypatch.setattr(AutoencoderNetwork, "objective", interrupted)
    iris = load_iris().data
    with pytest.warns(ConvergenceWarning, match="Ctrl-C"):
        ae = AutoencoderTransformer(2, max_epochs=30, random_state=0).fit(iris)
    assert next(calls) == 3
    assert ae.best_epoch_ == 0
    assert ae.score(iris) == pytest.approx(pca_score(iris, iris, 2), abs=1e-5)


def test_ctrl_c_before_the_training_leaves_nothing_fitted(monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skae._start.linear_part.principal_axes", interrupt)
    ae = quick(2)
    with pytest.raises(KeyboardInterrupt):
        ae.fit(X)
    with pytest.raises(NotFittedError):
        ae.transform(X)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("rows", [60, 1200])
def test_a_fit_on_the_gpu_computes_the_same_on_the_cpu(rows):
    data = load_digits().data[:rows]
    ae = AutoencoderTransformer(4, max_epochs=10, device="cuda", random_state=0).fit(data)
    on_gpu = ae.transform(data)
    assert ae.device_.startswith("cuda")
    np.testing.assert_allclose(ae.set_params(device="cpu").transform(data), on_gpu, atol=1e-3)


@pytest.mark.parametrize("weighted", [False, True])
def test_partial_fit_keeps_the_mean_of_all_batches(weighted):
    """So that the score of the whole is right."""
    digits = load_digits().data[:200]
    weight = RANDOM.uniform(1, 3, size=200) if weighted else None
    ae = AutoencoderTransformer(4, random_state=0)
    for start in range(0, 200, 50):
        rows = slice(start, start + 50)
        ae.partial_fit(digits[rows], sample_weight=None if weight is None else weight[rows])
    np.testing.assert_allclose(ae.mean_, np.average(digits, axis=0, weights=weight), atol=1e-12)
    assert ae.n_samples_seen_ == pytest.approx(200 if weight is None else weight.sum())
    if not weighted:
        squares = np.square(digits - ae.reconstruct(digits)).sum()
        total = np.square(digits - digits.mean(axis=0)).sum()
        assert ae.score(digits) == pytest.approx(1 - squares / total, abs=1e-6)


def test_a_column_without_known_values_in_a_batch_keeps_its_mean():
    rows = np.where(RANDOM.uniform(size=(60, 4)) < 0.2, np.nan, RANDOM.randn(60, 4))
    ae = quick(2).partial_fit(rows)
    before = ae.mean_.copy()
    later = rows.copy()
    later[:, 1] = np.nan
    ae.partial_fit(later)
    assert ae.mean_[1] == before[1]
    assert np.isfinite(ae.mean_).all()
