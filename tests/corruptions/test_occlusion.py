import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from support.corruptions import NO_NUMBERS, data, refuses, seeded

from skae.corruptions import Features, Occlusion


def hidden_by(occlusion, sample_shape, n_samples=300, seed=0):
    """Return which entries are hidden, an array of shape (n_samples, *sample_shape)."""
    occlusion.check(sample_shape)
    X = torch.ones(n_samples, math.prod(sample_shape))
    features = Features(sample_shape)
    shown = clone(occlusion).set_params(fill=-5).corrupt(X, features, seeded(seed))
    assert set(shown.unique().tolist()) <= {-5, 1}
    return (shown == -5).numpy().reshape(n_samples, *(occlusion.sample_shape or sample_shape))


def is_contiguous(line):
    """Whether each row of `line` is one run of True."""
    starts = np.diff(line.astype(int), axis=-1, prepend=0) == 1
    return (starts.sum(-1) == 1).all()


@pytest.mark.parametrize(
    ("size", "height", "width"),
    [
        (0.35, 4, 2),  # 3.5 and 2.1
        (0.5, 5, 3),
        (0.01, 1, 1),
        (1.0, 10, 6),
        (1, 1, 1),
        (3, 3, 3),
        (np.int64(6), 6, 6),
        ((2, 5), 2, 5),
        ([0.2, 0.5], 2, 3),
        ((9, 0.35), 9, 2),
    ],
)
def test_occlusion_hides_one_rectangle_of_each_image(size, height, width):
    hidden = hidden_by(Occlusion(size), (10, 6))
    rows, columns = hidden.any(2), hidden.any(1)
    assert (hidden == rows[:, :, None] & columns[:, None, :]).all()
    assert is_contiguous(rows)
    assert is_contiguous(columns)
    assert (rows.sum(1) == height).all()
    assert (columns.sum(1) == width).all()


def test_occlusion_takes_all_places_alike():
    hidden = hidden_by(Occlusion((2, 3)), (5, 6), n_samples=16_000)
    top, left = hidden.any(2).argmax(1), hidden.any(1).argmax(1)
    counts = np.zeros((5, 6))
    np.add.at(counts, (top, left), 1)
    assert (counts[4:] == 0).all()
    assert (counts[:, 4:] == 0).all()
    assert (abs(counts[:4, :4] - 1000) < 5 * 1000**0.5).all()


def test_occlusion_hides_all_channels_alike():
    hidden = hidden_by(Occlusion((2, 4)), (3, 7, 8))
    assert (hidden == hidden[:, :1]).all()
    assert (hidden[:, 0].sum((1, 2)) == 8).all()
    assert (hidden[:, 0] == hidden_by(Occlusion((2, 4)), (7, 8))).all()


@pytest.mark.parametrize(("size", "length"), [(0.25, 5), (7, 7), (1.0, 20)])
def test_occlusion_hides_one_span_of_each_series(size, length):
    hidden = hidden_by(Occlusion(size, layout="span"), (20,), n_samples=2000)
    assert is_contiguous(hidden)
    assert (hidden.sum(1) == length).all()
    assert set(hidden.argmax(1)) == set(range(21 - length))


def test_occlusion_hides_all_channels_of_a_series_alike():
    span = hidden_by(Occlusion(6, layout="span"), (20,))
    hidden = hidden_by(Occlusion(6, layout="span"), (20, 3))
    assert (hidden == span[:, :, None]).all()
    hidden = hidden_by(Occlusion(6, layout="span"), (20, 1))
    assert (hidden == span[:, :, None]).all()


def test_occlusion_of_a_series_of_one_channel_needs_no_layout():
    hidden = hidden_by(Occlusion(0.3), (20, 1))
    assert is_contiguous(hidden[..., 0])
    assert (hidden.sum((1, 2)) == 6).all()


@pytest.mark.parametrize("sample_shape", [(8, 6), (2, 6, 4), [4, 12], (48,)])
def test_occlusion_takes_the_shape_given_for_the_one_shown(sample_shape):
    layout = "span" if len(sample_shape) == 1 else None
    given = hidden_by(Occlusion(0.4, sample_shape=sample_shape), (48,))
    shown = hidden_by(Occlusion(0.4, layout=layout), tuple(sample_shape))
    assert (given == shown).all()


def test_occlusion_draws_a_place_for_each_row():
    hidden = hidden_by(Occlusion(3), (9, 9), n_samples=200)
    assert len(np.unique(hidden.reshape(200, -1), axis=0)) > 45  # of 49 places


def test_larger_occlusion_hides_more():
    fractions = [hidden_by(Occlusion(size), (10, 10)).mean() for size in (0.2, 0.5, 0.9)]
    np.testing.assert_allclose(fractions, [0.04, 0.25, 0.81])


def test_occlusion_fills_in_units_of_the_data():
    raw, X, features = data()
    for fill, expected in [(-123.0, torch.tensor(-123.0).double()), ("mean", raw.mean(0))]:
        shown = Occlusion(fill=fill).corrupt(X, features, seeded())
        assert (shown != X).sum(1).eq(2 * 1 * 2).all()
        expected = torch.where(shown != X, expected, raw)
        torch.testing.assert_close(features.unscaled(shown), expected)


@pytest.mark.parametrize(
    "size", [0, -1, 0.0, 1.5, (2,), (1, 2, 3), (1, 0), (0.5, "1"), *NO_NUMBERS]
)
def test_occlusion_refuses_a_size(size):
    refuses(Occlusion(size), r"size of Occlusion must be a fraction > 0 .*, got .* of 4 x 6 pixels")


@pytest.mark.parametrize(
    ("size", "sample_shape"), [(5, (2, 4, 6)), ((4, 7), (4, 6)), (2, (20, 1)), ((5, 0.5), (4, 6))]
)
def test_occlusion_refuses_a_size_that_does_not_fit(size, sample_shape):
    refuses(
        Occlusion(size),
        r"size=.* of Occlusion is larger than a side of samples of \d+ x \d+ pixels",
        sample_shape,
    )


def test_occlusion_refuses_a_span_that_does_not_fit_or_has_two_sides():
    refuses(Occlusion(21, layout="span"), "size=21 of Occlusion is larger", (20, 3))
    refuses(Occlusion((3, 3), layout="span"), "size of Occlusion must be", (20, 3))


@pytest.mark.parametrize("layout", ["image", True, ("span",)])
def test_occlusion_refuses_a_layout(layout):
    refuses(Occlusion(layout=layout), "layout of Occlusion must be None or 'span', got ")


def test_occlusion_asks_for_the_shape_where_there_is_none():
    refuses(Occlusion(), r"sample_shape of Occlusion must be given .* 64 values", (64,))


def test_occlusion_refuses_a_shape_of_another_size():
    match = r"sample_shape=\(7, 7\) of Occlusion has 49 values, but X has 48 features"
    refuses(Occlusion(sample_shape=(7, 7)), match, (48,))


@pytest.mark.parametrize("sample_shape", [(), (1, 1, 6, 8), (6.0, 8), (-6, -8), "68", 48])
def test_occlusion_refuses_what_is_no_shape_of_images(sample_shape):
    match = "layout=None takes a sample_shape of 1 to 3 integers, got "
    refuses(Occlusion(sample_shape=sample_shape), match, (48,))


def test_occlusion_refuses_images_as_series():
    match = r"layout='span' takes a sample_shape of 1 to 2 integers, got \(2, 4, 6\)"
    refuses(Occlusion(layout="span"), match)


@pytest.mark.parametrize(
    ("sample_shape", "channel_axis", "moved"),
    [((3, 20), 0, (20, 3)), ((20, 3), -1, (20, 3)), ((20,), None, None)],
)
def test_occlusion_of_series_whose_architecture_knows_the_channels(
    sample_shape, channel_axis, moved
):
    occlusion = Occlusion(6, fill=-5.0, layout=None if moved else "span")
    occlusion.check(sample_shape, channel_axis)
    X = torch.ones(40, math.prod(sample_shape))
    shown = occlusion.corrupt(
        X, Features(sample_shape, channel_axis), torch.Generator().manual_seed(0)
    )
    hidden = (shown == -5).numpy().reshape(40, *sample_shape)
    if channel_axis is not None:
        hidden = np.moveaxis(hidden, channel_axis % 2 + 1, -1)
        assert (hidden == hidden[:, :, :1]).all()  # all channels alike
        hidden = hidden[:, :, 0]
    assert (hidden.sum(1) == 6).all()
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(1) <= 2).all()  # in one piece


def test_occlusion_of_images_with_the_channels_last():
    occlusion = Occlusion((2, 3), fill=-5.0)
    occlusion.check((6, 7, 3), -1)
    shown = occlusion.corrupt(
        torch.ones(40, 126), Features((6, 7, 3), -1), torch.Generator().manual_seed(0)
    )
    hidden = (shown == -5).numpy().reshape(40, 6, 7, 3)
    assert (hidden == hidden[..., :1]).all()
    assert (hidden[..., 0].any(2).sum(1) == 2).all()
    assert (hidden[..., 0].any(1).sum(1) == 3).all()
