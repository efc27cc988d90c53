from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from skae import AutoencoderClassifier, AutoencoderTransformer
from skae._classification.classifier_fitting import (
    LabelledRows,
    class_logits,
    known_targets,
    labelled_split,
    neighbourly_codes,
    with_targets,
)
from skae._classification.teachers import Blend
from skae._data.scaling import Scaling
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.prepare import prepare
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.head import HeadPlan
from skae._network.network_spec import NetworkSpec
from skae.architectures import Dense
from skae.kinds import Undercomplete
from skae.losses import MSE

X = np.random.RandomState(0).randn(60, 5)
NUMBERS = np.where(np.arange(60) % 12, -1, np.arange(60) // 12 % 2)
LABELLED = NUMBERS != -1


def network(weight):
    spec = NetworkSpec(
        kind=Undercomplete(),
        architecture=Dense((8,)),
        loss=MSE(),
        n_features=5,
        n_components=3,
        linear_path=False,
        scaling=Scaling(np.zeros(5), 1.0),
        head=HeadPlan(2, (4,), weight),
    )
    made = AutoencoderNetwork(spec, torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel()))
    return made


def gradients(rows, targets, weight):
    made = network(weight).train()
    made.sample_losses(torch.from_numpy(rows), targets=torch.from_numpy(targets)).mean().backward()
    return {n: p.grad.clone() for n, p in made.named_parameters() if p.grad is not None}


def rows_with(sample_weight=None):
    return LabelledRows(X, sample_weight, NUMBERS, np.ones(2))


def test_rows_without_a_label_do_not_count_in_the_classification():
    targets, _ = known_targets(rows_with(), None, "cpu", pseudo_labels=False)
    assert not targets[~LABELLED].any()
    assert (targets[LABELLED] == np.eye(2)[NUMBERS[LABELLED]]).all()
    others = X.copy()
    others[~LABELLED] = np.random.RandomState(1).permutation(X[~LABELLED]) * 2
    before, after = gradients(X, targets, 1.0), gradients(others, targets, 1.0)
    for name in before:
        torch.testing.assert_close(before[name], after[name])
    before, after = gradients(X, targets, 0.5), gradients(others, targets, 0.5)
    assert not torch.allclose(before["encoder.0.weight"], after["encoder.0.weight"])


def test_rows_held_out_are_judged_by_their_classes():
    made, rows = network(0.5).eval(), torch.from_numpy(X)
    targets = torch.eye(2, dtype=torch.float64)[np.arange(60) % 2]
    found = made.sample_losses(rows, torch.Generator().manual_seed(0), targets=targets)
    expected = torch.nn.functional.cross_entropy(
        made.head(made.encode(rows)), torch.from_numpy(np.arange(60) % 2), reduction="none"
    )
    torch.testing.assert_close(found, expected)


def fit_of(sample_weight=None, pseudo_labels=True, **parameters):
    """Return a fit that is ready for training, with training and validation rows."""
    estimator = AutoencoderClassifier(2, **parameters)
    estimator.sample_shape_ = (5,)
    rows, head = rows_with(sample_weight), HeadPlan(2, (), 0.5)
    targets, _ = known_targets(rows, None, "cpu", pseudo_labels=False)
    prepared = prepare(X, FitPolicy.of(estimator), 0, sample_weight=sample_weight, head=head)
    prepared = with_targets(prepared, rows, targets, pseudo_labels)
    return prepared, labelled_split(
        replace(prepared, moments=None),
        LABELLED,
        pseudo_labels,  # as after the first training
    )


def test_rows_with_a_label_are_repeated_until_they_are_a_quarter():
    _, (index, selecting) = fit_of(pseudo_labels=False)
    assert selecting is None
    assert sorted(set(index)) == list(range(60))
    shares = LABELLED[index].mean()
    assert 0.2 <= shares <= 0.3
    assert len(fit_of(pseudo_labels=True)[1][0]) == 60


def test_rows_that_are_held_out_have_a_label():
    _, (training, selecting) = fit_of(validation_fraction=0.4)
    assert LABELLED[selecting].all()
    assert len(selecting) == 2
    assert not np.isin(selecting, training).any()


def test_neighbours_are_looked_for_halfway_between_whitened_and_plain_components():
    rows = X * [8.0, 4.0, 2.0, 1.0, 0.5]
    ae = AutoencoderTransformer(
        3, architecture=Dense(()), learning_rate=1e-12, max_epochs=1, random_state=0
    ).fit(rows)
    codes = neighbourly_codes(ae._fitted, rows, "cpu")
    deviations = PCA(3).fit(rows).transform(rows).std(axis=0)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(codes.std(axis=0), np.sqrt(deviations / ae.scale_), rtol=1e-4)


def test_values_of_the_code_that_never_move_do_not_count():
    rows = np.column_stack([X[:, :2], np.zeros((60, 3))])
    ae = AutoencoderTransformer(3, max_epochs=1, random_state=0).fit(rows)
    assert np.isfinite(neighbourly_codes(ae._fitted, rows, "cpu")).all()
    ae.fit(np.tile(rows[:1], (60, 1)))
    assert not neighbourly_codes(ae._fitted, np.tile(rows[:1], (60, 1)), "cpu").any()


@pytest.mark.parametrize("missing", [False, True])
def test_logits_are_those_of_network_and_teachers(missing):
    rows = np.where(np.random.RandomState(1).rand(60, 5) < 0.1, np.nan, X) if missing else X
    model = AutoencoderClassifier(2, unlabelled=-1, max_epochs=1, random_state=0)
    model.fit(rows, NUMBERS)
    fitted, teachers = model._fitted, model._teachers
    alone, network = class_logits(fitted, None, rows, "cpu"), fitted.network("cpu")
    scaled = torch.from_numpy(fitted.scaling.apply(rows, np.float32))
    blended = Blend(teachers, scaled)(network.filled(scaled), torch.from_numpy(alone).float())
    found = class_logits(fitted, teachers, rows, "cpu")
    np.testing.assert_allclose(found, blended.numpy(), atol=1e-5)
    assert not np.allclose(found, alone)


@pytest.mark.parametrize("pseudo_labels", [True, False])
def test_targets_weigh_one_on_average(pseudo_labels):
    weight = np.random.RandomState(0).rand(60) + 0.5
    prepared, (index, _) = fit_of(weight / weight.mean(), pseudo_labels=pseudo_labels)
    counts = prepared.targets.sum(1).numpy()[index]
    assert np.average(counts, weights=weight[index]) == pytest.approx(1, abs=1e-6)
