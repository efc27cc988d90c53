import pytest
import torch

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._runtime.device import resolve_device
from skae._training.optimizer import resolve_optimizer
from skae._utils import synonyms
from skae._utils.named_parts import resolve_part
from skae._utils.synonyms import did_you_mean, meant
from skae.architectures import ARCHITECTURES, Architecture, Recurrent
from skae.architectures.activations import ACTIVATIONS
from skae.corruptions import CORRUPTIONS, resolve_corruption
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, Loss
from skae.scores import SCORES, resolve_score

WORDS = {
    ("kind", "vae"): "variational",
    ("kind", "VAE"): "variational",
    ("kind", "beta-VAE"): "variational",
    ("kind", "sparse autoencoder"): "sparse",
    ("kind", "DAE"): "denoising",
    ("kind", "vanilla"): "undercomplete",
    ("kind", "undercomplet"): "undercomplete",
    ("architecture", "cnn"): "convolutional",
    ("architecture", "conv"): "convolutional",
    ("architecture", "lstm"): "recurrent",
    ("architecture", "GRU"): "recurrent",
    ("architecture", "mlp"): "dense",
    ("architecture", "attention"): "transformer",
    ("loss", "l1"): "mae",
    ("loss", "L2"): "mse",
    ("loss", "mean_squared_error"): "mse",
    ("loss", "binary_crossentropy"): "bce",
    ("loss", "BCELoss"): "bce",
    ("loss", "smooth_l1"): "huber",
}
PARTS = {
    "kind": (KINDS, Kind),
    "architecture": (ARCHITECTURES, Architecture),
    "loss": (LOSSES, Loss),
}


@pytest.mark.parametrize(("parameter", "word"), WORDS)
def test_a_part_is_named_that_other_libraries_call_so(parameter, word):
    registry, base = PARTS[parameter]
    sentence = (
        f"{parameter} must be one of .*, got '{word}': did you mean '{WORDS[parameter, word]}'"
    )
    with pytest.raises(ValueError, match=sentence):
        resolve_part(word, parameter, registry, base)


@pytest.mark.parametrize("word", ["gpu", "GPU", "gpu:0", "nvidia"])
def test_a_device(word):
    with pytest.raises(ValueError, match=f"device must be .*got '{word}': did you mean 'cuda'"):
        resolve_device(word)
    assert resolve_device("cpu") == torch.device("cpu")


def test_other_parameters():
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        resolve_optimizer("Adam")
    with pytest.raises(ValueError, match="did you mean 'sgd'"):
        resolve_optimizer("momentum")
    with pytest.raises(ValueError, match="did you mean 'gaussian'"):
        resolve_corruption("noise")
    with pytest.raises(ValueError, match="did you mean 'reconstruction'"):
        resolve_score("reconstruction_error")
    rows = torch.zeros(8, 6, 2).numpy()
    recurrent = Recurrent(cell="LSTM")
    with pytest.raises(ValueError, match=r"cell of Recurrent must be one of .*did you mean 'lstm'"):
        AutoencoderTransformer(2, architecture=recurrent, max_epochs=1).fit(rows)


def test_words_that_mean_nothing_end_the_sentence():
    assert did_you_mean("qqq", LOSSES) == "."
    assert did_you_mean(None, LOSSES) == "."
    assert did_you_mean("", LOSSES) == "."
    assert meant("MSE", LOSSES) == "mse"


def test_the_table_names_what_there_is():
    """Every line of the table stands for a name that skae has."""
    names = {*KINDS, *ARCHITECTURES, *LOSSES, *CORRUPTIONS, *SCORES, *ACTIVATIONS}
    names |= {"sgd", "rmsprop", "cuda", "mps"}
    for cls in (AutoencoderTransformer, AutoencoderOutlierDetector):
        names |= set(cls._get_param_names())
        for registry in cls._part_registries.values():
            for part in registry.values():
                names |= set(getattr(part, "_get_param_names", list)())
    assert set(synonyms._ALSO_CALLED) <= names | {"missing_values"}
