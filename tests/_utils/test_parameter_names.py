import inspect
import pickle

import pytest
from sklearn.base import BaseEstimator, clone

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._utils.parameter_names import ParameterNamesMixin
from skae.architectures import ARCHITECTURES, Convolutional, Custom, Dense
from skae.compression import Compressor
from skae.corruptions import CORRUPTIONS, Gaussian
from skae.kinds import KINDS, Sparse
from skae.losses import LOSSES, Huber
from skae.scores import SCORES

REGISTRIES = (KINDS, ARCHITECTURES, LOSSES, CORRUPTIONS, SCORES)
ESTIMATORS = [getattr(skae, name) for name in skae.__all__ if name.startswith("Autoencoder")]
CLASSES = [*ESTIMATORS, Compressor, *(cls for registry in REGISTRIES for cls in registry.values())]
MEANT = {
    "latent_dim": "n_components",
    "epochs": "max_epochs",
    "max_iter": "max_epochs",
    "lr": "learning_rate",
    "learning_rate_init": "learning_rate",
    "tol": "patience",
    "seed": "random_state",
    "n_component": "n_components",
    "Batch_Size": "batch_size",
    "hidden_layer_sizes": r"architecture=Dense\(hidden_layer_sizes=\.\.\.\)",
    "activation": r"architecture=Dense\(activation=\.\.\.\)",
    "beta": r"kind=Variational\(beta=\.\.\.\)",
    "delta": r"loss=Huber\(delta=\.\.\.\)",
}


@pytest.mark.parametrize("word", MEANT)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_wrong_parameter_names_the_class_and_the_one_that_is_meant(cls, word):
    with pytest.raises(
        TypeError, match=rf"^{cls.__name__} got .*'{word}': did you mean {MEANT[word]}\?"
    ):
        cls(**{word: 1})
    with pytest.raises(
        ValueError,
        match=rf"^Invalid parameter '{word}' for estimator {cls.__name__}: "
        rf"did you mean {MEANT[word]}\? Valid parameters are: \['a",
    ):
        cls().set_params(**{word: 1})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(units=3), "Dense got .*'units': did you mean hidden_layer_sizes"),
        (lambda: Dense(dropuot=0.1), "Dense got .*did you mean dropout"),
        (lambda: Sparse(l1=0.1), "Sparse got .*did you mean weight"),
        (lambda: Huber(detla=1), "Huber got .*did you mean delta"),
        (lambda: AutoencoderOutlierDetector(nu=0.1), "Detector got .*did you mean contamination"),
        (lambda: Gaussian(qqq=1), r"Gaussian got an unexpected keyword argument 'qqq'\.$"),
        (lambda: AutoencoderTransformer(8, 100), "got 2 arguments without names, but only n_comp"),
        (lambda: Custom(), "Custom: missing a required argument: 'encoder'"),
        (lambda: Dense((8,), hidden_layer_sizes=(4,)), "Dense: multiple values"),
    ],
)  # fmt: skip
def test_other_classes(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_nested_parameters_are_named_by_their_part():
    with pytest.raises(ValueError, match="'l1' for estimator Sparse: did you mean weight"):
        AutoencoderTransformer(kind="sparse").set_params(kind__l1=1)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_checked_and_keeps_its_signature(cls):
    assert issubclass(cls, ParameterNamesMixin)
    with pytest.raises(TypeError, match=cls.__name__):
        cls(no_such_parameter=1)
    assert sorted(inspect.signature(cls).parameters) == cls._get_param_names()
    assert cls.__init__.__doc__ == inspect.unwrap(cls.__init__).__doc__


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls not in (Custom, Compressor)])
def test_copies_are_equal(cls):
    one = cls()
    for copy in (clone(one), pickle.loads(pickle.dumps(one))):
        assert copy.get_params(deep=False) == one.get_params(deep=False) or "nan" in str(
            one.get_params()
        )
        assert type(copy) is cls


def test_a_users_own_class_is_named():
    class Mine(Convolutional):
        def __init__(self, width=3):
            super().__init__()
            self.width = width

    class Any(Convolutional):
        def __init__(self, **others):
            self.others = others

    with pytest.raises(TypeError, match=r"^Mine got .*'widthh': did you mean width"):
        Mine(widthh=1)
    assert Mine(4).width == 4
    assert Any(widthh=1).others == {"widthh": 1}
    assert isinstance(Mine(), BaseEstimator)
