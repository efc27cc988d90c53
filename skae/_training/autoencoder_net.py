"""The skorch net that runs the training, with the order of its steps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import torch
from torch import nn

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.objective import Objective
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import autocast
from skae._runtime.threads import paced
from skae._training.average_weights import AverageWeights
from skae._training.best_weights import BestWeights, digest_of
from skae._training.convergence import refuse_divergence
from skae._training.epoch import BatchLosses, Epoch, is_whole, numbers_of, record_of
from skae._training.optimizer import make_optimizer
from skae._training.repulsion import MOST_REPELLED, repulsion
from skae._training.schedule import LearningRate
from skae._training.shown_rows import ShownRows, shown_dataset
from skae._training.training_plan import TrainingPlan
from skae._training.watched_net import WatchedNet


class WeightedMean(nn.Module):
    """The weighted mean of the losses of a batch."""

    def forward(self, losses: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the mean of `losses`, both tensors of shape (n_samples,)."""
        return torch.dot(losses, weight / weight.sum())


class AutoencoderNet(WatchedNet):
    """The skorch net, for batches of rows that are already on the device.

    :meth:`begin` and :meth:`fit_loop` hold the steps of the training in order; skorch provides the
    steps, the history and the callbacks. It differs from skorch's defaults as follows: batches come
    from :class:`Batches`, since skorch's loader collates sample by sample; the loss is read from
    the device once per epoch, and once per batch only for callbacks that are called then; all
    randomness comes from `generators`; and only the user's callbacks are set.

    Parameters
    ----------
    module : AutoencoderNetwork
        The network, on its device.

    plan : TrainingPlan
        The plan of the training.

    generators : list of torch.Generator
        The sources of randomness: first skae's own generator, on the device, then torch's global
        ones if modules draw from them.

    save : callable or None, default=None
        Called with the net after each training batch; may write its state to a checkpoint.

    **kwargs : dict
        Passed to skorch.
    """

    epoch_: Epoch | None

    def __init__(
        self,
        module: AutoencoderNetwork,
        *,
        plan: TrainingPlan,
        generators: list[torch.Generator],
        save: Callable[[AutoencoderNet], None] | None = None,
        **kwargs: Any,
    ):
        self.plan, self.generators, self.save = plan, generators, save
        kwargs.setdefault("criterion", WeightedMean)
        # Predictions for scores are those of inference, not those of corrupted rows.
        super().__init__(module, **{"verbose": 0, "use_caching": False, **kwargs})

    # The steps of the training, in order

    def begin(self, training: Batches, validation: Batches | None) -> None:
        """Evaluate the network before its first epoch: row 0."""
        self._set_up(training, validation)
        self.notify("on_train_begin", X=ShownRows(training), y=None)
        if self.best_ is not None:
            assert validation is not None  # validation rows choose the best weights
            self.rows_[0] |= self._validate(validation)
            refuse_divergence(self.rows_[0])
            self.best_.offer(self.module_, self.rows_[0]["valid_loss"], 0)
        self._note_weights()

    def resume(self, training: Batches, validation: Batches | None, state: dict) -> None:
        """Continue from the saved state of a training."""
        self._set_up(training, validation)
        self.rows_ = list(state["history"])
        self.history[:] = [{"batches": [], **row} for row in self.rows_[1:]]
        # Callbacks may look at the history.
        self.notify("on_train_begin", X=ShownRows(training), y=None)
        self.module_.load_state_dict(state["weights"])
        of_parameters = {int(index): s for index, s in state["optimizer"].items()}
        self.optimizer_.load_state_dict({**self.optimizer_.state_dict(), "state": of_parameters})
        self.learning_rate_.restore(self.optimizer_, state["learning_rate"])
        if self.best_ is not None:
            vars(self.best_).update(state["best"])
        if self.average_ is not None:
            self.average_.mean = state["average"]
        epoch = self.epoch_ = Epoch(self.generators)
        epoch.restore(state["epoch"])

    def capture(self) -> dict:
        """Return the state between two training batches, as nested numbers, text and tensors."""
        assert self.epoch_ is not None  # which lasts from the first batch to the last
        best = None if self.best_ is None else vars(self.best_)
        return {
            "weights": self.module_.state_dict(),
            "optimizer": {str(i): s for i, s in self.optimizer_.state_dict()["state"].items()},
            "learning_rate": self.learning_rate_.capture(self.optimizer_),
            "best": best,
            "average": None if self.average_ is None else self.average_.mean,
            "history": [numbers_of(row) for row in self.rows_[:-1]],
            "epoch": self.epoch_.capture(),
        }

    def fit_loop(
        self,
        X: tuple[Batches, Batches | None],
        y: None = None,
        epochs: int | None = None,
        **fit_params: Any,
    ) -> Self:
        """Run the epochs."""
        training, validation = X
        datasets = {
            "dataset_train": shown_dataset(training, self.module_),
            "dataset_valid": shown_dataset(validation, self.module_),
        }
        for _ in range(self.max_epochs if epochs is None else epochs):
            self.rows_.append({"epoch": len(self.rows_)})
            self.notify("on_epoch_begin", **datasets)
            self._note(**self._train(training))
            with self._averaged():
                if validation is not None:
                    self._note_validation(self._validate(validation))
                stop = self._after_epoch(datasets)
            if stop:
                break
        return self

    def _averaged(self) -> AbstractContextManager[None]:
        """Return the context in which the network has its mean weights, if they are averaged."""
        if self.average_ is None:
            return nullcontext()
        self.average_.update(self.module_)
        return self.average_.shown(self.module_)

    def _train(self, batches: Batches) -> dict[str, float]:
        self._set_training(True)
        epoch = self.epoch_ = self.epoch_ or Epoch(self.generators)
        for batch in paced(epoch.rest(batches)):
            self._before_batch(batch, training=True)
            with self.learning_rate_.step(self.optimizer_) as progress:
                step = self.train_step(batch, progress=progress if self.plan.begins else 1.0)
            epoch.losses.add(step["loss"], batch[1], step.pop("terms"))
            self._after_batch(batch, step, training=True)
            if self.save is not None:
                self.save(self)
        self.epoch_ = None
        return self._recorded("train", epoch.losses)

    def _validate(self, batches: Batches) -> dict[str, float]:
        self._set_training(False)
        # The same draws in every epoch, so that validation losses can be compared.
        generator = torch.Generator(self.generator.device)
        generator.manual_seed(self.generator.initial_seed())
        losses, heard = BatchLosses(), len(self.rows_) > 1
        for batch in batches:
            if heard:
                self._before_batch(batch, training=False)
            step = self.validation_step(batch, generator=generator)
            losses.add(step["loss"], batch[1], step.pop("terms"))
            if heard:
                self._after_batch(batch, step, training=False)
        return self._recorded("valid", losses)

    def _after_epoch(self, datasets: dict) -> bool:
        """Complete the row of the history, keep the best weights, and return whether to stop."""
        row = self.rows_[-1]
        self._note(learning_rate=self.learning_rate_.last)
        if self.plan.valid_losses:
            self._note(valid_loss=self.plan.valid_losses[row["epoch"]])
        if self.best_ is not None:
            self.best_.offer(self.module_, row["valid_loss"], row["epoch"])
        self._note_weights()
        self._note_bests()
        stop = self._callbacks_stop(datasets)
        row.update(self._of_callbacks())
        refuse_divergence(row)
        stop |= self.plan.on_epoch(record_of(row), self.module_.state_dict)
        return stop or self._out_of_patience()

    def _callbacks_stop(self, datasets: dict) -> bool:
        """Call the callbacks, which raise KeyboardInterrupt to stop the training."""
        try:
            self.notify("on_epoch_end", **datasets)
        except KeyboardInterrupt:
            return True
        return False

    def _out_of_patience(self) -> bool:
        if self.plan.patience is None or self.best_ is None:
            return False
        since = max(self.best_.epoch, self.plan.last_of_warm_up)
        return self.rows_[-1]["epoch"] - since >= self.plan.patience

    def end(self, training: Batches) -> None:
        """Show callbacks the weights that are kept, which they may replace."""
        if self.best_ is not None:
            self.module_.load_state_dict(self.best_.weights)
        elif self.average_ is not None:
            self.average_.give(self.module_)
        if self.history and "learning_rate" not in self.history[-1]:
            del self.history[-1]  # an interrupt left it incomplete
        if not self.history:
            self.history.append({**self.rows_[0], "batches": [{}]})
        self.notify("on_train_end", X=ShownRows(training), y=None)

    @property
    def kept_epoch(self) -> int:
        """The epoch of the weights that the network has after the training."""
        last = max(row["epoch"] for row in self.rows_ if is_whole(row))
        kept = last if self.best_ is None else self.best_.epoch
        if not self._listeners_of("on_train_end"):
            return kept
        digest = digest_of(self.module_)
        same = [epoch for epoch, other in self._digests.items() if other == digest]
        return kept if kept in same or not same else same[-1]

    # Methods of NeuralNet that are overridden

    @property
    def _default_callbacks(self) -> list:
        return []

    @property
    def generator(self) -> torch.Generator:
        """The generator of all of skae's own draws in training."""
        return self.generators[0]

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> Self:
        """Create the optimizer with skae's groups of parameters."""
        self.optimizer_ = make_optimizer(
            self.module_, self.optimizer, self.lr, self.plan.weight_decay
        )
        return self

    def train_step_single(
        self, batch: tuple[torch.Tensor, ...], *, progress: float = 1.0, **fit_params: Any
    ) -> dict[str, Any]:
        """Compute the loss of a batch and its gradients."""
        X, weight, *targets = batch
        losses, terms = self._training_objective(X, progress, *targets)
        losses = losses.to(weight.dtype)
        loss = self.criterion_(losses, weight)
        objective = loss
        if self.plan.repelled is not None:
            objective = loss + self._repulsion(loss.detach(), progress)
        objective.backward()
        return {"loss": loss.detach(), "y_pred": losses, "terms": terms}

    def validation_step(
        self,
        batch: tuple[torch.Tensor, ...],
        *,
        generator: torch.Generator | None = None,
        **fit_params: Any,
    ) -> dict[str, Any]:
        """Compute the objective of a batch of validation rows, in evaluation mode."""
        X, weight, *targets = batch

        names: list[str] = []

        def terms_of(
            X: torch.Tensor, targets: torch.Tensor | None = None
        ) -> tuple[torch.Tensor, ...]:
            losses, terms = self.module_.objective(X, generator, targets=targets)
            names[:] = terms
            return (losses, *terms.values())

        with torch.no_grad():
            losses, *terms = self._fitting_batches.call(terms_of, X, *targets)
            of_names = dict(zip(names, terms, strict=True))
            return {"loss": self.criterion_(losses, weight), "y_pred": losses, "terms": of_names}

    # Steps

    def _set_up(self, training: Batches, validation: Batches | None) -> None:
        self._fitting_batches = FittingBatches(self.generator.device)
        n_batches = self.plan.n_epochs * len(training)
        self.learning_rate_ = LearningRate(self.plan.schedule, n_batches)
        selects = validation is not None and self.plan.selects
        self.best_ = BestWeights() if selects else None
        averages = self.plan.averages
        self.average_ = AverageWeights(self.module_, self.plan.n_epochs) if averages else None
        self.epoch_ = None

    def _recorded(self, prefix: str, losses: BatchLosses) -> dict[str, float]:
        """Return the means of an epoch, and complete the rows of its batches."""
        means = losses.means(self.criterion_)
        if len(self.rows_) > 1:
            self._complete_batches(prefix, losses)
        recorded = {f"{prefix}_{name}": mean for name, mean in means.items()}
        return {**recorded, f"{prefix}_seconds": losses.seconds}

    def _note_validation(self, means: dict[str, float]) -> None:
        """Record what validation rows show; training rows in their place show it to callbacks."""
        if self.plan.selects:
            self._note(**means)
        else:
            self._show(**means)

    def _note_weights(self) -> None:
        """Remember the weights of an epoch if a callback may go back to them at the end."""
        if self._listeners_of("on_train_end"):
            self._digests[self.rows_[-1]["epoch"]] = digest_of(self.module_)

    def _training_objective(
        self, X: torch.Tensor, progress: float, targets: torch.Tensor | None = None
    ) -> Objective:
        with autocast(self.plan.precision, X.device):
            return self.module_.objective(
                X, self.generator, self.plan.jitter, progress=progress, targets=targets
            )

    def _repulsion(self, loss: torch.Tensor, progress: float) -> torch.Tensor:
        """Return the penalty on small losses of some of the known anomalies."""
        chosen = self.plan.repelled
        assert chosen is not None  # where it is called from
        if len(chosen) > MOST_REPELLED:
            order = torch.randperm(len(chosen), generator=self.generator, device=chosen.device)
            chosen = chosen[order[:MOST_REPELLED]]
        losses = self._training_objective(chosen, progress).losses
        return repulsion(loss, losses.to(loss.dtype))
