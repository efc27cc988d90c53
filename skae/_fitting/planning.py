"""The training plan of a fit: what "auto" stands for with so many rows."""

from __future__ import annotations

from skae._fitting.defaults import auto_jitter, auto_or
from skae._fitting.prepared import Prepared
from skae._training.schedule import one_cycle
from skae._training.training_plan import TrainingPlan


def plan_of(prepared: Prepared, n_training: int) -> TrainingPlan:
    """Return how to train on so many rows."""
    policy, spec, rules = prepared.policy, prepared.spec, prepared.policy.rules
    batch_size = auto_or(policy.batch_size, rules.batch_size(n_training, spec.n_features))
    learning_rate = rules.learning_rate(batch_size, spec.n_components)
    jitters = spec.linear_path and spec.kind.wants_jitter()
    return TrainingPlan(
        n_epochs=auto_or(policy.max_epochs, rules.epochs(n_training, batch_size)),
        batch_size=batch_size,
        learning_rate=auto_or(
            policy.learning_rate, learning_rate * spec.architecture.learning_rate_factor
        ),
        optimizer=policy.optimizer,
        weight_decay=float(policy.weight_decay),
        schedule=one_cycle,
        jitter=auto_or(policy.jitter, auto_jitter(n_training) if jitters else 0.0),
        repelled=prepared.repelled,
        start_counts=prepared.start_counts,
        patience=policy.patience,
        precision=spec.precision,
        draws_globally=spec.architecture.draws_globally,
        callbacks=policy.callbacks,
    )
