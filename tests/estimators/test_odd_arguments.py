"""Odd arguments of what stands above the estimators: displays and the compression."""

import functools
import inspect
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from support.calls import BUILDS, SMALL, TINY, fitted
from support.outcomes import outcome
from support.strategies import NO_ROWS, VALUES, counts

from skae import AutoencoderTransformer, plotting
from skae._utils.checks import LARGEST
from skae.compression import Compressor, rate_distortion_curve

FUZZ = int(os.environ.get("SKAE_FUZZ_EXAMPLES", "0"))
pytestmark = pytest.mark.usefixtures("figures_are_closed")

# What is handed on to matplotlib, which has sentences of its own, and labels, which may be any.
OF_MATPLOTLIB = {"ax", "fig", "cmap", "name"}
# As many are made as are asked for.
TAKE_LONG = {"n_steps", "n_samples", "bins", "max_features"}
ROWS = {"X", "X_test", "symbols", "y", "corrupted"}


def compressed(X, step=1.0, rate=None, clip=True):
    return Compressor(functions()["transformer"], step=step, rate=rate, clip=clip).fit(X)


@functools.cache
def functions() -> dict:
    X = counts(np.random.default_rng(0), 8, 4)
    transformer, detector = fitted(BUILDS["transformer"], X), fitted(BUILDS["detector"], X)
    compressor = Compressor(
        fitted(AutoencoderTransformer(2, kind="compressive", architecture=SMALL, **TINY), X)
    ).fit(X)
    symbols, data = compressor.quantize(X), compressor.compress(X)
    given = {
        plotting.CodesDisplay: {"estimator": transformer},
        plotting.ExplainedVarianceDisplay: {
            "estimator": clone(transformer).set_params(n_components=1),
            "n_components": (1, 2),
        },
        plotting.FeatureContributionsDisplay: {"estimator": detector},
        plotting.LatentTraversalDisplay: {"estimator": transformer, "n_steps": 3},
        plotting.RateDistortionDisplay: {"estimator": transformer, "steps": (1.0,)},
        plotting.ReconstructionsDisplay: {"estimator": transformer, "n_samples": 2},
        plotting.ScoreDistributionDisplay: {"estimator": detector},
    }
    return {
        "transformer": transformer,
        "calls": {
            **{
                display.__name__: (display.from_estimator, {"X": X, **arguments})
                for display, arguments in given.items()
            },
            "rate_distortion_curve": (rate_distortion_curve, {"transformer": transformer, "X": X}),
            "Compressor": (compressed, {"X": X}),
            "compress": (compressor.compress, {"X": X}),
            "quantize": (compressor.quantize, {"X": X}),
            "decompress": (compressor.decompress, {"data": data}),
            "decompress_symbols": (compressor.decompress_symbols, {"data": data}),
            "dequantize": (compressor.dequantize, {"symbols": symbols}),
        },
    }


@functools.cache
def arguments() -> list:
    return [
        (name, argument)
        for name, (function, _) in functions()["calls"].items()
        for argument, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not parameter.VAR_KEYWORD
        and argument not in {"estimator", "transformer", *OF_MATPLOTLIB}
    ]


def check_odd_argument(name, argument, value):
    function, given = functions()["calls"][name]
    if argument in TAKE_LONG and isinstance(value, int) and 1000 < value <= LARGEST:
        return
    # A ratio of noise to no range at all is minus infinity, which the display says of its psnr.
    names = [argument, "psnr"] if argument == "data_range" else argument
    outcome("displays and compression", names, lambda: function(**{**given, argument: value}))


def test_every_display_is_known():
    takes_no_rows = {"TrainingCurveDisplay"}
    assert set(plotting.__all__) - takes_no_rows <= set(functions()["calls"])


@given(data=st.data())
@settings(max_examples=FUZZ or 60, derandomize=not FUZZ, deadline=None, database=None)
def test_odd_arguments(data):
    pytest.importorskip("constriction")
    pytest.importorskip("matplotlib")
    name, argument = data.draw(st.sampled_from(arguments()))
    values = VALUES + (list(NO_ROWS.values()) if argument in ROWS else [])
    check_odd_argument(name, argument, data.draw(st.sampled_from(values)))


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("rate_distortion_curve", "data_range", 1e300),
        ("rate_distortion_curve", "steps", 0.5),
        ("rate_distortion_curve", "X_test", "X"),
        ("Compressor", "rate", 10**400),
        ("Compressor", "X", NO_ROWS["tensor on no device"]),
        ("dequantize", "symbols", [[0.5, 0.5]]),
        ("LatentTraversalDisplay", "n_steps", 10**400),
        ("FeatureContributionsDisplay", "X", 3.0),
        ("ExplainedVarianceDisplay", "X", NO_ROWS["complex"]),
        ("ExplainedVarianceDisplay", "n_components", (2**63,)),
        ("ExplainedVarianceDisplay", "random_state", -1),
        ("ReconstructionsDisplay", "corrupted", 1.5),
        ("ScoreDistributionDisplay", "y", NO_ROWS["ragged"]),
        ("CodesDisplay", "components", 1),
    ],
)
def test_odd_arguments_that_broke(name, argument, value):
    check_odd_argument(name, argument, value)
