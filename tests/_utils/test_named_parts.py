import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import ParameterGrid

from skae import AutoencoderTransformer
from skae._utils.named_parts import NamedPartsMixin, resolve_part
from skae.architectures import ARCHITECTURES, Architecture, Dense
from skae.kinds import KINDS, Kind, Undercomplete
from skae.losses import LOSSES, Huber, Loss

PARTS = [
    *(("kind", KINDS, Kind, name) for name in KINDS),
    *(("architecture", ARCHITECTURES, Architecture, name) for name in ARCHITECTURES),
    *(("loss", LOSSES, Loss, name) for name in LOSSES),
]
each_part = pytest.mark.parametrize(("parameter", "registry", "base_class", "name"), PARTS)


@each_part
def test_a_name_stands_for_the_default_object(parameter, registry, base_class, name):
    part = resolve_part(name, parameter, registry, base_class)
    assert type(part) is registry[name]
    assert part.get_params() == registry[name]().get_params()
    assert part is not resolve_part(name, parameter, registry, base_class)


@each_part
def test_an_object_is_copied(parameter, registry, base_class, name):
    given = registry[name]()
    part = resolve_part(given, parameter, registry, base_class)
    assert type(part) is type(given)
    assert part is not given
    assert part.get_params() == given.get_params()


@each_part
def test_a_class_is_refused_with_a_hint(parameter, registry, base_class, name):
    sentence = rf"{parameter} must be one of .*'{name}'.*\(a class: add parentheses\)\.$"
    with pytest.raises(TypeError, match=sentence):
        resolve_part(registry[name], parameter, registry, base_class)


@pytest.mark.parametrize("value", [None, 3, Dense(), ["undercomplete"], BaseEstimator()])
def test_what_is_no_part_is_refused(value):
    sentence = r"kind must be one of \['compressive', .* derived from skae's Kind, got "
    with pytest.raises(TypeError, match=sentence):
        resolve_part(value, "kind", KINDS, Kind)


@pytest.mark.parametrize("name", ["", "Undercomplete", "dense", "undercomplete "])
def test_unknown_names_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"kind must be one of .*'undercomplete'.*, got '{name}'"):
        resolve_part(name, "kind", KINDS, Kind)


def test_a_users_own_part_needs_no_registration():
    class Own(Kind):
        def __init__(self, weight=1.0):
            self.weight = weight

    part = resolve_part(Own(weight=2.0), "kind", KINDS, Kind)
    assert type(part) is Own
    assert part.weight == 2.0


def test_nested_names_take_the_place_of_a_name():
    ae = AutoencoderTransformer(loss="huber", architecture="dense")
    returned = ae.set_params(loss__delta=0.3, architecture__hidden_layer_sizes=(7,))
    assert returned is ae
    assert isinstance(ae.loss, Huber)
    assert ae.loss.delta == 0.3
    assert ae.architecture.hidden_layer_sizes == (7,)
    assert ae.architecture.activation == Dense().activation
    assert ae.kind == "undercomplete"


@pytest.mark.parametrize("order", [("loss", "loss__delta"), ("loss__delta", "loss")])
def test_name_and_nested_parameter_in_one_call(order):
    values = {"loss": "huber", "loss__delta": 0.3}
    ae = AutoencoderTransformer().set_params(**{name: values[name] for name in order})
    assert isinstance(ae.loss, Huber)
    assert ae.loss.delta == 0.3


def test_an_object_is_changed_in_its_place():
    loss = Huber()
    ae = AutoencoderTransformer(loss=loss).set_params(loss__delta=0.3)
    assert ae.loss is loss
    assert loss.delta == 0.3


def test_each_estimator_gets_a_part_of_its_own():
    first, second = (AutoencoderTransformer(loss="huber") for _ in range(2))
    first.set_params(loss__delta=0.3)
    second.set_params(loss__delta=0.4)
    assert (first.loss.delta, second.loss.delta) == (0.3, 0.4)
    assert Huber().delta == 1.0


def test_a_name_without_nested_parameters_stays():
    ae = AutoencoderTransformer().set_params(loss="mae", n_components=3)
    assert ae.loss == "mae"
    assert ae.n_components == 3


def test_grid_search_sets_nested_parameters_on_clones():
    base = AutoencoderTransformer()
    grid = ParameterGrid({"loss": ["huber"], "loss__delta": [0.1, 0.2]})
    found = [clone(clone(base).set_params(**clone(values, safe=False))) for values in grid]
    assert [ae.loss.delta for ae in found] == [0.1, 0.2]
    assert base.loss == "mse"
    # all on one estimator, as a search over a fixed object does
    ae = AutoencoderTransformer(loss=Huber())
    deltas = [clone(ae).set_params(**values).loss.delta for values in grid]
    assert deltas == [0.1, 0.2]
    assert ae.loss.delta == 1.0


def test_clone_keeps_names_and_copies_objects():
    ae = AutoencoderTransformer(loss=Huber(0.3), kind="undercomplete")
    copy = clone(ae)
    assert copy.kind == "undercomplete"
    assert copy.loss is not ae.loss
    assert copy.get_params(deep=True)["loss__delta"] == 0.3


def test_unknown_nested_parameters_are_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'alpha'"):
        AutoencoderTransformer(loss="huber").set_params(loss__alpha=1)
    with pytest.raises(ValueError, match="Invalid parameter 'los'"):
        AutoencoderTransformer().set_params(los__delta=1)
    with pytest.raises(ValueError, match="Invalid parameter 'delta'"):
        AutoencoderTransformer(loss="mse").set_params(loss__delta=1)


def test_nested_parameter_of_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"kind must be one of .*'undercomplete'.*, got 'nope'"):
        AutoencoderTransformer().set_params(kind="nope", kind__weight=1)


def test_without_registries_it_is_scikit_learns_set_params():
    class Plain(NamedPartsMixin):
        def __init__(self, part=None):
            self.part = part

    assert Plain().set_params(part="huber").part == "huber"
    assert Plain(Undercomplete()).set_params(part=None).part is None
