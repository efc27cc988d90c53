from support.corruptions import bounded_data, data, seeded, without_extremes

from skae.corruptions import SaltAndPepper


def test_salt_and_pepper_is_half_and_half():
    _, X, features = data(4000)
    X = without_extremes(X, features)
    shown = SaltAndPepper(fraction=0.5).corrupt(X, features, seeded())
    low, high, left = shown == features.low, shown == features.high, shown == X
    assert (low | high | left).all()
    for extreme in (low, high):
        assert abs(extreme.double().mean() - 0.25) < 5 * (0.25 * 0.75 / X.numel()) ** 0.5
        assert (extreme.double().mean(0) > 0.2).all()


def test_bounded_rows_get_the_bounds_of_all_features():
    """Also where a pixel is constant or never white."""
    _, X, features = bounded_data(400)
    shown = features.unscaled(SaltAndPepper(fraction=1.0).corrupt(X, features, seeded()))
    low, high = (shown - 50).abs() < 1e-6, (shown - 250).abs() < 1e-6
    assert (low | high).all()
    assert (high.double().mean(0) > 0.3).all()
