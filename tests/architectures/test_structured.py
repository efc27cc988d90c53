"""Samples with axes: shapes of X, of the architecture, and of what estimators return."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skae import AutoencoderTransformer, load
from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae.architectures import Convolutional, Custom, Dense, Recurrent, Transformer
from skae.architectures.structured import MoveChannels

SHAPE = (1, 4, 5)
IMAGES = np.random.default_rng(0).normal(size=(40, *SHAPE)).cumsum(axis=-1)
ROWS = IMAGES.reshape(40, 20)


def convolutional(**parameters):
    return Convolutional(**{"channels": (2,), "hidden_layer_sizes": (), **parameters})


def fitted(X, architecture="dense", **parameters):
    settings = {"max_epochs": 2, "random_state": 0, "validation_fraction": 0.2, **parameters}
    return AutoencoderTransformer(2, architecture=architecture, **settings).fit(X)


def made():
    """Return a custom architecture for images of any shape."""

    def encoder(sample_shape, n_outputs):
        return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(sample_shape)), n_outputs))

    def decoder(sample_shape, n_components):
        return nn.Linear(n_components, int(np.prod(sample_shape)))

    return Custom(encoder, decoder)


SMALL = {
    "dense": lambda: Dense((4,)),
    "convolutional": convolutional,
    "transformer": lambda: Transformer(d_model=4, n_heads=2, n_layers=1),
    "custom": made,
}


# --- which shape "auto" stands for, and which are refused


@pytest.mark.parametrize(
    ("architecture", "given", "expected"),
    [
        (Convolutional(), (7,), (7, 1)),
        (Convolutional(channel_axis=0), (7,), (1, 7)),
        (Convolutional(channel_axis=-1), (7,), (7, 1)),
        (Convolutional(channel_axis=None), (7,), (7,)),
        (Convolutional(), (7, 3), (7, 3)),
        (Convolutional(channel_axis=0), (3, 7), (3, 7)),
        (Convolutional(channel_axis=None), (3, 7), (3, 7)),
        (Convolutional(), (1, 4, 5), (1, 4, 5)),
        (Recurrent(), (7,), (7, 1)),
        (Recurrent(channel_axis=0), (7,), (1, 7)),
        (Recurrent(), (7, 3), (7, 3)),
        (Transformer(), (7,), (7,)),
        (Transformer(), (3, 4, 5), (3, 4, 5)),
        (Custom(None, None), (7,), (7,)),
        (Custom(None, None), (2, 3, 4, 5), (2, 3, 4, 5)),
        (Dense(), (2, 3, 4, 5), (120,)),
        # A given shape may be that of rows, or of samples without an axis of one.
        (Convolutional((3, 2, 2)), (12,), (3, 2, 2)),
        (Convolutional([1, 28, 28]), (28, 28), (1, 28, 28)),
        (Convolutional((3, 50)), (150,), (3, 50)),
        (Convolutional((28, 28), channel_axis=None), (1, 28, 28), (28, 28)),
        (Convolutional((np.int64(1), 4, 5)), (4, 5), (1, 4, 5)),
    ],
)
def test_shape_of_samples(architecture, given, expected):
    assert architecture.sample_shape(given) == expected


@pytest.mark.parametrize(
    ("architecture", "given", "message"),
    [
        (
            Convolutional((1, 4, 5)),
            (21,),
            r"input_shape=\(1, 4, 5\) of Convolutional has 20",
        ),
        (Convolutional((1, 4, 5)), (21,), "X has 21 features: give a shape whose product is 21"),
        (
            Convolutional((1, 4, 5)),
            (5, 4),
            r"X holds samples of shape \(5, 4\), but input_shape of",
        ),
        (Convolutional((1, 4, 5)), (5, 4), r"Convolutional is \(1, 4, 5\).*moveaxis"),
        (Convolutional((3, 4, 4)), (4, 4, 3), r"shape \(4, 4, 3\), but input_shape"),
        (Convolutional(), (2, 3, 4, 5), r"takes samples of 2 or 3 axes.*X holds .*\(2, 3, 4, 5\)"),
        (Convolutional((7,)), (7,), r"samples of 2 or 3 axes.*got input_shape=\(7,\)"),
        (Convolutional(channel_axis=None), (1, 4, 5), "channel_axis=None takes samples of 1 or 2"),
        (
            Recurrent(input_shape=(7, 3, 1)),
            (21,),
            "Recurrent with channel_axis='auto' takes samples of 2 axes",
        ),
        (Convolutional("big"), (7,), r"input_shape of Convolutional must be 'auto' .*got 'big'"),
        (Convolutional(7), (7,), "input_shape of Convolutional must be .*got 7"),
        (Convolutional((1, 0)), (7,), r"input_shape of Convolutional must be .*got \(1, 0\)"),
        (Convolutional((1, 7.0)), (7,), r"input_shape of .*integers >= 1.*got \(1, 7.0\)"),
        (Convolutional((True, 7)), (7,), r"input_shape of .*got \(True, 7\)"),
        (
            Convolutional(channel_axis=1),
            (7,),
            "channel_axis of Convolutional must be 'auto', 0, -1 or None, got 1",
        ),
        (Convolutional(channel_axis=False), (7,), "channel_axis of .*got False"),
        (Transformer(channel_axis="last"), (7,), "channel_axis of Transformer must be .*'last'"),
        (Custom(None, None, (3, 2)), (7,), r"input_shape=\(3, 2\) of Custom has 6 values"),
    ],
)
def test_other_shapes_are_refused(architecture, given, message):
    with pytest.raises(ValueError, match=message):
        architecture.sample_shape(given)


@pytest.mark.parametrize("channel_axis", [0, -1, None])
@pytest.mark.parametrize("position", [1, -1])
def test_channels_move_there_and_back(channel_axis, position):
    X = torch.arange(120.0).reshape(2, 3, 4, 5)
    moved = MoveChannels.bringing(position, channel_axis)(X)
    if channel_axis is None:
        assert moved.shape[position] == 1
        assert torch.equal(moved.squeeze(position), X)
    else:
        source = 1 if channel_axis == 0 else -1
        assert torch.equal(moved, X.movedim(source, position))
    assert torch.equal(MoveChannels.back(position, channel_axis)(moved), X)


# --- what estimators take and give


@pytest.mark.parametrize("name", SMALL)
def test_rows_and_samples_have_the_same_codes(name):
    architecture = SMALL[name]()
    ae = fitted(IMAGES, architecture)
    assert ae.sample_shape_ == SHAPE
    assert ae.n_features_in_ == 20
    codes = ae.transform(IMAGES)
    np.testing.assert_array_equal(ae.transform(ROWS), codes)
    np.testing.assert_array_equal(ae.transform(IMAGES[:, 0]), codes)
    if name != "dense":
        assert ae.architecture_.input_shape == SHAPE
        architecture.set_params(input_shape=SHAPE)
    from_rows = fitted(ROWS, architecture)
    assert from_rows.sample_shape_ == (20,)
    np.testing.assert_array_equal(from_rows.transform(ROWS), codes)
    if name != "dense":  # it knows of no other shape
        np.testing.assert_array_equal(from_rows.transform(IMAGES), codes)
    assert from_rows.reconstruct(ROWS).shape == ROWS.shape
    np.testing.assert_array_equal(
        from_rows.reconstruct(ROWS), ae.reconstruct(IMAGES).reshape(ROWS.shape)
    )


@pytest.mark.parametrize("name", SMALL)
def test_results_have_the_shape_of_fit(name):
    ae = fitted(IMAGES, SMALL[name]())
    codes = ae.transform(IMAGES)
    rebuilt = ae.reconstruct(IMAGES)
    assert rebuilt.shape == IMAGES.shape
    np.testing.assert_array_equal(ae.reconstruct(ROWS), rebuilt)
    assert ae.inverse_transform(codes).shape == IMAGES.shape
    np.testing.assert_allclose(ae.inverse_transform(codes), rebuilt, rtol=1e-5, atol=1e-5)
    assert ae.sample(3, random_state=0).shape == (3, *SHAPE)
    path = ae.interpolate(IMAGES[0], IMAGES[1], n_steps=4)
    assert path.shape == (4, *SHAPE)
    np.testing.assert_allclose(path[[0, -1]], rebuilt[:2], rtol=1e-5, atol=1e-5)
    paths = ae.interpolate(IMAGES[:2], IMAGES[1:3], n_steps=4)
    assert paths.shape == (2, 4, *SHAPE)
    np.testing.assert_allclose(paths[0], path, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(ae.interpolate(ROWS[0], ROWS[1], n_steps=4), path)
    assert ae.score(IMAGES) == ae.score(ROWS)
    errors = -np.square(IMAGES - rebuilt).reshape(40, -1).mean(axis=1)
    np.testing.assert_allclose(ae.score_samples(IMAGES), errors, rtol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_other_shapes_are_refused_after_fit(name):
    ae = fitted(IMAGES, SMALL[name]())
    other = np.moveaxis(IMAGES, 2, 3)
    for method in (ae.transform, ae.reconstruct, ae.score_samples):
        with pytest.raises(
            ValueError, match=r"shape \(1, 5, 4\), but this .*shape \(1, 4, 5\), 20"
        ):
            method(other)
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), but this .*shape \(1, 4, 5\), 20"):
        ae.transform(IMAGES[..., :4])
    with pytest.raises(ValueError, match=r"19 features.*20 features"):
        ae.transform(ROWS[:, :19])


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.tolist(),
        list,
        torch.from_numpy,
        np.asfortranarray,
        lambda X: X.astype(object),
    ],
    ids=["lists", "list of arrays", "tensor", "fortran", "objects"],
)
def test_array_likes_with_axes(convert):
    ae = fitted(convert(IMAGES), convolutional())
    reference = fitted(IMAGES, convolutional())
    assert ae.sample_shape_ == SHAPE
    np.testing.assert_array_equal(ae.transform(convert(IMAGES)), reference.transform(IMAGES))


def test_memory_maps_with_axes(tmp_path):
    X = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=IMAGES.shape)
    X[:] = IMAGES
    ae = fitted(X, convolutional())
    reference = fitted(IMAGES.astype(np.float32), convolutional())
    np.testing.assert_array_equal(ae.transform(X), reference.transform(IMAGES.astype(np.float32)))
    assert ae.reconstruct(X).dtype == np.float32


def test_weights_and_further_fits_take_axes():
    ae = fitted(IMAGES, convolutional())
    weight = np.arange(40.0)
    np.testing.assert_allclose(
        ae.fit(IMAGES, sample_weight=weight).transform(IMAGES),
        ae.fit(IMAGES[1:], sample_weight=weight[1:]).transform(IMAGES),
        rtol=1e-4,
        atol=1e-5,
    )
    again = ae.partial_fit(ROWS)
    assert again.sample_shape_ == SHAPE
    assert ae.set_params(warm_start=True).fit(ROWS).reconstruct(ROWS).shape == IMAGES.shape


def test_numbers_must_be_finite():
    X = IMAGES.copy()
    X[3, 0, 1, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fitted(X, convolutional())


def test_28_by_28():
    X = np.random.default_rng(0).random((20, 28, 28))
    ae = fitted(X, convolutional(input_shape=(1, 28, 28)), max_epochs=1)
    assert ae.architecture_.input_shape == (1, 28, 28)
    assert ae.reconstruct(X).shape == (20, 28, 28)
    np.testing.assert_array_equal(ae.transform(X[:, None]), ae.transform(X))


# --- bytes


@pytest.mark.parametrize("name", SMALL)
def test_bytes_have_the_codes_of_the_same_numbers(name):
    X = np.random.default_rng(0).integers(0, 256, IMAGES.shape, dtype=np.uint8)
    codes = [fitted(data, SMALL[name]()).transform(data) for data in (X, X.astype(np.float32))]
    assert codes[0].dtype == np.float64
    np.testing.assert_array_equal(codes[0].astype(np.float32), codes[1])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.bool_, np.int16, np.float32])
def test_bytes_are_scaled_as_other_numbers(dtype):
    X = np.random.default_rng(0).integers(0, 2, (30, 4)).astype(dtype)
    scaling = Scaling(np.arange(4.0), 2.0)
    rows = Rows(X, scaling, torch.device("cpu"), torch.float32)
    index = torch.tensor([5, 0, 29])
    expected = torch.from_numpy(((X.astype(float) - np.arange(4)) / 2).astype(np.float32))
    assert torch.equal(rows.take(index), expected[index])
    assert torch.equal(torch.cat([block for _, block in rows.blocks()]), expected)


# --- the axis of the channels, as "auto" finds it

BOTH = [Convolutional, Transformer]
SERIES = [*BOTH, Recurrent]


@pytest.mark.parametrize("architecture", BOTH)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((24, 24, 1), -1),
        ((28, 28, 3), -1),
        ((9, 12, 4), -1),
        ((1, 24, 24), 0),
        ((3, 32, 20), 0),
        ((4, 5, 5), 0),
        ((1, 4, 5), 0),
        ((8, 8), None),
        ((28, 28), None),
        ((128, 3), -1),
        ((13, 6), -1),
        ((50, 1), -1),
    ],
)
def test_auto_finds_the_channels(architecture, shape, axis):
    assert architecture().sample_shape(shape) == shape
    assert architecture().channel_axis_of(shape) == axis
    resolved = architecture().resolved(shape, 10)
    assert (resolved.input_shape, resolved.channel_axis) == (shape, axis)
    n_space_axes = len(shape) - (axis is not None)
    assert len(resolved._space(shape)[1]) == n_space_axes
    if architecture is Convolutional:
        assert resolved.kernel_size == (7 if n_space_axes == 1 else 3)
    else:
        assert isinstance(resolved.patch_size, int) == (n_space_axes == 1)


@pytest.mark.parametrize("architecture", BOTH)
@pytest.mark.parametrize(
    ("shape", "readings"),
    [
        ((8, 6), r"grey image of 8 x 6 pixels \(channel_axis=None\).*8 steps, 6 .*6 steps, 8"),
        ((12, 6), "12 steps, 6 channels each"),
        ((7, 7), "7 x 7 pixels"),
        ((6, 8), "6 x 8 pixels"),
        ((3, 128), r"3 steps, 128 .*\(channel_axis=-1\) or .*128 steps, 3 .*\(channel_axis=0\)"),
        ((1, 50), "50 steps, 1 channels"),
        ((3, 28, 3), r"28 x 3 pixels, 3 .*\(channel_axis=0\) or .*3 x 28 .*\(channel_axis=-1\)"),
        ((4, 28, 3), "28 x 3 pixels, 4 channels"),
        ((24, 24, 5), "24 x 24 pixels, 5 channels"),
        ((2, 24, 24), "24 x 24 pixels, 2 channels"),
        ((24, 3, 24), "24 x 3 pixels, 24 channels"),
    ],
)
def test_auto_refuses_shapes_of_several_readings(architecture, shape, readings):
    match = f"cannot tell which axis of samples of shape .*{readings}.*: give channel_axis of "
    with pytest.raises(ValueError, match=match):
        architecture().sample_shape(shape)
    X = np.zeros((10, *shape))
    with pytest.raises(ValueError, match=f"{architecture.__name__} cannot tell which axis"):
        AutoencoderTransformer(2, architecture=architecture()).fit(X)
    for axis in (0, -1, None):
        if axis is not None or len(shape) == 2:
            assert architecture(channel_axis=axis).sample_shape(shape) == shape
            assert architecture(channel_axis=axis).channel_axis_of(shape) == axis


@pytest.mark.parametrize("shape", [(8, 8), (8, 6), (3, 128), (128, 3), (1, 5)])
def test_recurrent_always_has_the_channels_last(shape):
    assert Recurrent().sample_shape(shape) == shape
    assert Recurrent().resolved(shape, 10).channel_axis == -1


@pytest.mark.parametrize(
    ("input_shape", "axis"),
    [
        ((1, 140), 0),
        ((3, 50), 0),
        ((50, 3), -1),
        ((20, 20), None),
        ((5, 8, 8), 0),
        ((3, 2, 2), 0),
        ((8, 8, 3), -1),
    ],
)
def test_a_given_shape_may_have_any_number_of_channels_first(input_shape, axis):
    for architecture in (Convolutional(input_shape=input_shape), Transformer(input_shape)):
        given = (int(np.prod(input_shape)),)
        assert architecture.sample_shape(given) == input_shape
        assert architecture.resolved(input_shape, 10).channel_axis == axis
    for unclear in ((8, 6), (8, 8, 5)):
        with pytest.raises(ValueError, match=r"cannot tell which axis .* holds the channels"):
            Convolutional(input_shape=unclear).sample_shape((int(np.prod(unclear)),))


@pytest.mark.parametrize(
    ("shape", "axis"), [((20, 3), -1), ((8, 6), "auto"), ((2, 3, 4, 5), None), ((6,), None)]
)
def test_custom_takes_any_shape(shape, axis):
    assert Custom(None, None).sample_shape(shape) == shape
    assert Custom(None, None).channel_axis_of(shape) == axis


def test_series_stay_as_they_are_when_the_architecture_changes():
    X = np.random.default_rng(0).normal(size=(40, 18, 2)).cumsum(axis=1)
    small = {
        Convolutional: {"channels": (2,), "hidden_layer_sizes": ()},
        Transformer: {"d_model": 4, "n_heads": 2, "n_layers": 1},
        Recurrent: {"hidden_size": 3},
    }
    for architecture in SERIES:
        ae = fitted(X, architecture(**small[architecture]))
        assert ae.architecture_.input_shape == (18, 2)
        assert ae.architecture_.channel_axis == -1
        assert ae.reconstruct(X).shape == X.shape
        assert clone(ae).architecture.channel_axis == "auto"


def test_files_hold_the_axis_that_was_found(tmp_path):
    X = np.random.default_rng(0).random((40, 8, 8))
    ae = fitted(X, convolutional())
    ae.save(tmp_path / "ae.skae")
    loaded = load(tmp_path / "ae.skae")
    assert loaded.architecture_.channel_axis is None
    assert loaded.architecture.channel_axis == "auto"
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))
