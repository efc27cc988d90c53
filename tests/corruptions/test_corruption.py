"""What every corruption does."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from support.corruptions import N_FEATURES, SAMPLE_SHAPE, data, seeded

from skae.corruptions import (
    CORRUPTIONS,
    Corruption,
    FunctionCorruption,
    Gaussian,
    Masking,
    Occlusion,
    SaltAndPepper,
    Swap,
    resolve_corruption,
)


def add_noise(X, generator):
    return X + torch.randn(X.shape, generator=generator, dtype=X.dtype)


DEFAULTS = {name: CORRUPTIONS[name]() for name in CORRUPTIONS}
every_corruption = pytest.mark.parametrize(
    "corruption",
    [*DEFAULTS.values(), Gaussian(level=(0.1, 0.5)), FunctionCorruption(add_noise)],
    ids=[*DEFAULTS, "range of levels", "function"],
)


@every_corruption
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("features_dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_kept(corruption, dtype, features_dtype):
    _, X, features = data(dtype=dtype)
    shown = corruption.corrupt(X, features.to(features_dtype), seeded())
    assert shown.shape == X.shape
    assert shown.dtype == dtype
    assert not torch.isinf(shown).any()
    assert torch.isnan(shown).any() == corruption.makes_missing


@every_corruption
def test_rows_are_changed_but_not_in_place(corruption):
    _, X, features = data()
    before = X.clone()
    shown = corruption.corrupt(X, features, seeded())
    assert torch.equal(X, before)
    assert (shown != X).any(1).double().mean() > 0.9  # a fraction that is drawn may be nearly 0


@every_corruption
def test_features_are_left_alone(corruption):
    _, X, features = data()
    before = {name: buffer.clone() for name, buffer in features.named_buffers()}
    corruption.corrupt(X, features, seeded())
    for name, buffer in features.named_buffers():
        assert torch.equal(buffer, before[name])


@every_corruption
def test_randomness_is_that_of_the_generator(corruption):
    _, X, features = data()
    first, again, other = (corruption.corrupt(X, features, seeded(seed)) for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(first, other)


@every_corruption
def test_the_same_generator_goes_on(corruption, generator):
    _, X, features = data()
    first, second = (corruption.corrupt(X, features, generator) for _ in range(2))
    assert not torch.equal(first, second)


@every_corruption
def test_a_batch_of_one_row(corruption):
    _, X, features = data()
    shown = corruption.corrupt(X[:1], features, seeded())
    assert shown.shape == (1, N_FEATURES)
    assert torch.equal(shown, X[:1]) == isinstance(corruption, Swap)
    assert shown.data_ptr() != X.data_ptr()


@every_corruption
def test_parameters_are_scikit_learns(corruption):
    copy = clone(corruption)
    assert copy is not corruption
    assert copy.get_params() == corruption.get_params()
    assert type(corruption)(**corruption.get_params()).get_params() == corruption.get_params()


@every_corruption
def test_defaults_are_accepted(corruption):
    corruption.check(SAMPLE_SHAPE)


def test_no_two_corruptions_are_the_same():
    _, X, features = data()
    shown = [corruption.corrupt(X, features, seeded()) for corruption in DEFAULTS.values()]
    for i, first in enumerate(shown):
        for second in shown[:i]:
            assert not torch.equal(first, second)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_name_is_its_default(name):
    corruption = resolve_corruption(name)
    assert type(corruption) is CORRUPTIONS[name]
    assert corruption.get_params() == CORRUPTIONS[name]().get_params()


def test_none_is_no_corruption():
    assert resolve_corruption(None) is None


def test_an_object_is_copied():
    given = Masking(fraction=0.7)
    corruption = resolve_corruption(given)
    assert corruption is not given
    assert corruption.fraction == 0.7


def test_a_function_becomes_a_corruption():
    corruption = resolve_corruption(add_noise)
    assert isinstance(corruption, FunctionCorruption)
    assert corruption.function is add_noise


def test_an_object_of_ones_own_stays_itself_also_where_it_can_be_called():
    class Own(Corruption):
        def corrupt(self, X, features, generator):
            return X + 1

        def __call__(self):
            return None

    assert type(resolve_corruption(Own())) is Own
    Own().check((3,))


def test_what_is_no_corruption_is_refused():
    with pytest.raises(ValueError, match=r"corruption must be one of .*'swap'.* got 'salt'"):
        resolve_corruption("salt")
    with pytest.raises(TypeError, match=r"skae's Corruption, got .* \(a class: add parentheses\)"):
        resolve_corruption(Masking)
    with pytest.raises(TypeError, match=r"skae's Corruption, got 0\.3\."):
        resolve_corruption(0.3)


@pytest.mark.parametrize(
    "corruption",
    [
        Gaussian(np.float32(0.5), clip="range"),
        Gaussian(np.int64(3), relative=False, clip=(0, 1)),
        Gaussian((np.float32(0.5), np.int64(2))),
        Masking(np.float64(0.5), fill=np.float32(2)),
        SaltAndPepper(np.float32(0.5)),
        Swap(np.float64(0.5)),
        Occlusion(np.float64(0.5), fill=0, sample_shape=(6, 8)),
        Occlusion((np.int64(2), 0.5)),
    ],
    ids=repr,
)
def test_numbers_of_numpy_are_taken(corruption):
    corruption.check(SAMPLE_SHAPE)
    _, X, features = data()
    shown = corruption.corrupt(X, features, seeded())
    assert shown.dtype == X.dtype
    assert (shown != X).any()
