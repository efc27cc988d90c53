"""The name that a user means: one table of the words of other libraries."""

from __future__ import annotations

import difflib
from collections.abc import Collection

# What skae calls it -> what else it is called, in lower case without spaces and punctuation. A word
# may stand in several lines; what counts is the line whose name is possible at that place.
_ALSO_CALLED = {
    # Parameters.
    "n_components": "latentdim latentsize latentdims latentdimension latent encodingdim "
    "encodingsize bottleneck bottlenecksize codesize codedim embeddingdim hiddendim zdim ncodes "
    "nlatent ncomponent components nunits",
    "max_epochs": "epoch epochs nepochs numepochs nbepoch maxiter maxiters niter iterations nsteps",
    "learning_rate": "lr learningrateinit eta stepsize initiallr",
    "patience": "tol tolerance niternochange earlystoppingrounds earlystoppingpatience",
    "early_stopping": "earlystop",
    "random_state": "seed randomseed randomstate rng",
    "batch_size": "batch minibatch minibatchsize bs",
    "weight_decay": "alpha l2 l2reg regularization l2penalty",
    "validation_fraction": "validationsplit valsplit valsize valfraction testsize validationsize",
    "loss": "criterion lossfn lossfunction objective",
    "optimizer": "solver optim optimiser",
    "device": "gpu usegpu cuda",
    "kind": "type variant model regularizer",
    "architecture": "network backbone layer layertype arch module",
    "n_estimators": "nmodels nnetworks ensemblesize",
    "contamination": "nu outlierfraction outliersfraction anomalyfraction threshold",
    "standardize": "standardise scale scaling normalize normalise withstd",
    "missing_values": "missing missingvalue nanvalue navalue",
    "callbacks": "callback",
    "checkpoint": "checkpoints checkpointpath savebest",
    "hidden_layer_sizes": "hiddenlayers hiddensizes hiddensize hiddenunits hiddendims hiddendim "
    "hiddenneurons layers layersizes encoderlayers encoderdims nhidden units",
    "activation": "nonlinearity hiddenactivation activationfunction act",
    "output_activation": "decoderactivation finalactivation lastactivation",
    "code_activation": "latentactivation bottleneckactivation",
    "dropout": "dropoutrate droprate pdropout",
    "layer_norm": "batchnorm batchnormalization layernormalization usebatchnorm norm",
    "tied_weights": "tied tie tieweights weighttying",
    "corruption": "noise noisefactor noisestd noiselevel",
    "weight": "l1 l1reg sparsity lam lambda penaltyweight",
    # Kinds.
    "undercomplete": "vanilla plain ae autoencoder basic simple standard normal deep stacked none",
    "variational": "vae betavae bvae",
    "denoising": "dae denoise sdae",
    "sparse": "sae ksparse topk",
    "contractive": "cae",
    "compressive": "compression quantized quantised vqvae",
    # Architectures.
    "dense": "mlp fc fullyconnected feedforward ff ffn nn linear perceptron",
    "convolutional": "cnn conv convnet conv1d conv2d convolution unet resnet",
    "recurrent": "rnn lstm gru bilstm seq2seq",
    "transformer": "attention selfattention bert vit",
    # Losses.
    "mse": "l2 squarederror meansquarederror rmse gaussian squared",
    "mae": "l1 absoluteerror meanabsoluteerror laplace absolute",
    "huber": "smoothl1 logcosh",
    "bce": "binarycrossentropy crossentropy logloss bcewithlogits bernoulli",
    # Activations.
    "silu": "swish mish hardswish",
    "leaky_relu": "lrelu prelu rrelu",
    "sigmoid": "logistic expit",
    "identity": "linear none",
    # Corruptions.
    "gaussian": "noise gaussiannoise normal additive",
    "masking": "mask dropout zeros zero",
    "salt_and_pepper": "saltpepper salt impulse",
    "occlusion": "cutout patch block randomerasing",
    "swap": "swapnoise permutation shuffle",
    # Scores.
    "reconstruction": "reconstructionerror mse error",
    # Optimizers and devices.
    "sgd": "momentum nesterov gradientdescent",
    "rmsprop": "rms",
    "cuda": "gpu nvidia gpu0 cuda0",
    "mps": "metal apple",
}
_MEANT: dict[str, list[str]] = {}
for _name, _words in _ALSO_CALLED.items():
    for _word in _words.split():
        _MEANT.setdefault(_word, []).append(_name)

_LEAST_LIKENESS = 0.75


def synonym(word: str, known: Collection[str]) -> str | None:
    """Return the known name that is spelt otherwise, or called by this word elsewhere."""
    spelt = {_plain(name): name for name in known}
    plain = _plain(word)
    for variant in (plain, *(plain.removesuffix(end) for end in ("autoencoder", "ae", "loss"))):
        if variant in spelt:
            return spelt[variant]
        for name in _MEANT.get(variant, []):
            if name in known:
                return name
    return None


def meant(word: str, known: Collection[str]) -> str | None:
    """Return the known name that a word most likely stands for, or None.

    Parameters
    ----------
    word : str
        A word from the user.

    known : collection of str
        The names that are possible at this place.
    """
    found = synonym(word, known)
    if found is not None:
        return found
    spelt = {_plain(name): name for name in known}
    close = difflib.get_close_matches(_plain(word), spelt, n=1, cutoff=_LEAST_LIKENESS)
    return spelt[close[0]] if close else None


def did_you_mean(value: object, known: Collection[str]) -> str:
    """Return the end of a message that refuses a value: what was meant, if that is known.

    Objects and classes of other libraries, such as ``torch.nn.ReLU``, are known by their name.
    """
    if isinstance(value, str):
        found = meant(value, known)
    else:
        found = synonym((value if isinstance(value, type) else type(value)).__name__, known)
    return "." if found is None else f": did you mean {found!r}?"


def _plain(word: str) -> str:
    return "".join(character for character in word.lower() if character.isalnum())
