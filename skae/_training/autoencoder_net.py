"""The skorch net that runs the training, with the order of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import softplus

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import autocast
from skae._runtime.threads import paced
from skae._training.best_weights import BestWeights
from skae._training.convergence import refuse_divergence
from skae._training.epoch import BatchLosses, Epoch, numbers_of, record_of
from skae._training.optimizer import make_optimizer
from skae._training.schedule import LearningRate
from skae._training.training_plan import TrainingPlan

# Known anomalies in each batch, the weight of their penalty, and the factor by which their loss
# should exceed that of normal rows.
_MOST_REPELLED = 64
_REPULSION = 0.3
_MARGIN = 30.0


class WeightedMean(nn.Module):
    """The weighted mean of the losses of a batch."""

    def forward(self, losses: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the mean of `losses`, both tensors of shape (n_samples,)."""
        return torch.dot(losses, weight / weight.sum())


class AutoencoderNet(NeuralNet):
    """The skorch net, for batches of rows that are already on the device.

    :meth:`begin` and :meth:`fit_loop` hold the steps of the training in order; skorch provides the
    steps, the history and the callbacks. It differs from skorch's defaults as follows: batches come
    from :class:`Batches`, since skorch's loader collates sample by sample; the loss is read from
    the device once per epoch; the history has rows for epochs only, not for batches; all randomness
    comes from `generators`; and only the user's callbacks are set.

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
    callbacks_: list[tuple[str, Callback]]

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
        super().__init__(module, verbose=0, **kwargs)

    # The steps of the training, in order

    def begin(self, training: Batches, validation: Batches | None) -> None:
        """Evaluate the network before its first epoch: row 0 of the history."""
        self._set_up(training, validation)
        self.on_epoch_begin(self)
        if validation is not None:
            self._validate(validation, silent=True)
            refuse_divergence(self.history[-1])
            assert self.best_ is not None  # validation rows choose the best weights
            self.best_.offer(self.module_, self.history[-1, "valid_loss"], 0)
        self.notify("on_train_begin", X=training, y=None)

    def resume(self, training: Batches, validation: Batches | None, state: dict) -> None:
        """Continue from the saved state of a training."""
        self._set_up(training, validation)
        self.history[:] = [{"batches": [], **row} for row in state["history"]]
        self.notify("on_train_begin", X=training, y=None)  # callbacks may look at the history
        self.module_.load_state_dict(state["weights"])
        of_parameters = {int(index): s for index, s in state["optimizer"].items()}
        self.optimizer_.load_state_dict({**self.optimizer_.state_dict(), "state": of_parameters})
        self.learning_rate_.resume(state["n_batches_done"])
        if self.best_ is not None:
            vars(self.best_).update(state["best"])
        epoch = self.epoch_ = Epoch(self.generators)
        epoch.restore(state["epoch"])

    def capture(self) -> dict:
        """Return the state between two training batches, as nested numbers, text and tensors."""
        assert self.epoch_ is not None  # which lasts from the first batch to the last
        best = None if self.best_ is None else vars(self.best_)
        return {
            "weights": self.module_.state_dict(),
            "optimizer": {str(i): s for i, s in self.optimizer_.state_dict()["state"].items()},
            "n_batches_done": self.learning_rate_.n_done,
            "best": best,
            "history": [numbers_of(row) for row in self.history[:-1]],
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
        datasets = {"dataset_train": training, "dataset_valid": validation}
        for _ in range(self.max_epochs if epochs is None else epochs):
            self.notify("on_epoch_begin", **datasets)
            self._train(training)
            if validation is not None:
                self._validate(validation)
            if self._after_epoch(datasets):
                break
        return self

    def _train(self, batches: Batches) -> None:
        self._set_training(True)
        epoch = self.epoch_ = self.epoch_ or Epoch(self.generators)
        for batch in paced(epoch.rest(batches)):
            progress = self._before_batch(batch)
            step = self.train_step(batch, progress=progress)
            epoch.losses.add(step["loss"], batch[1])
            self._after_batch(batch, step)
        self._record("train", epoch.losses)
        self.epoch_ = None

    def _before_batch(self, batch: tuple[torch.Tensor, ...]) -> float:
        """Set the learning rate, call the callbacks, return the fraction of training done."""
        progress = self.learning_rate_.step()
        self.notify("on_batch_begin", batch=batch, training=True)
        return progress if self.plan.begins else 1.0

    def _after_batch(self, batch: tuple[torch.Tensor, ...], step: dict) -> None:
        """Call the callbacks, which may change the weights, and then write a checkpoint."""
        self.notify("on_batch_end", batch=batch, training=True, **step)
        if self.save is not None:
            self.save(self)

    def _validate(self, batches: Batches, silent: bool = False) -> None:
        self._set_training(False)
        # The same draws in every epoch, so that validation losses can be compared.
        generator = torch.Generator(self.generator.device)
        generator.manual_seed(self.generator.initial_seed())
        losses = BatchLosses()
        for batch in batches:
            if not silent:
                self.notify("on_batch_begin", batch=batch, training=False)
            step = self.validation_step(batch, generator=generator)
            losses.add(step["loss"], batch[1])
            if not silent:
                self.notify("on_batch_end", batch=batch, training=False, **step)
        self._record("valid", losses)

    def _after_epoch(self, datasets: dict) -> bool:
        """Complete the row of the history, keep the best weights, and return whether to stop."""
        row = self.history[-1]
        self.history.record("learning_rate", self.optimizer_.param_groups[0]["lr"])
        if self.best_ is not None:
            better = self.best_.offer(self.module_, row["valid_loss"], row["epoch"])
            self.history.record("valid_loss_best", better)
        stop = self._callbacks_stop(datasets)
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
        return self.history[-1, "epoch"] - since >= self.plan.patience

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

    def initialize_callbacks(self) -> Self:
        """Initialize the callbacks, and clear the cache of their methods."""
        super().initialize_callbacks()
        self._listeners: dict[str, list] = {}
        return self

    def forget_callbacks(self) -> None:
        """Drop the references to the callbacks, and with them those to the training data.

        Net and callbacks refer to each other. Without this, the data would stay in memory, or on
        disk, until Python's garbage collector runs.
        """
        self.callbacks_, self._listeners = [], {}

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks that override a method; calling all takes 10% of a small batch."""
        if method_name not in self._listeners:
            self._listeners[method_name] = list(self._listening(method_name))
        for listener in self._listeners[method_name]:
            listener(self, **cb_kwargs)

    def _listening(self, method_name: str) -> Iterator[Callable]:
        """Yield the overridden methods of this name, the net's own first."""
        silent = (getattr(NeuralNet, method_name), getattr(Callback, method_name))
        for owner in (self, *(callback for _, callback in self.callbacks_)):
            method = getattr(owner, method_name)
            if getattr(method, "__func__", method) not in silent:
                yield method

    def on_epoch_begin(
        self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        """Begin the next row of the history; row 0 is the network before its first epoch."""
        self.history.new_epoch()
        self.history.record("epoch", len(self.history) - 1)

    def train_step_single(
        self, batch: tuple[torch.Tensor, ...], *, progress: float = 1.0, **fit_params: Any
    ) -> dict[str, torch.Tensor]:
        """Compute the loss of a batch and its gradients."""
        X, weight, *targets = batch
        losses = self._training_losses(X, progress, *targets).to(weight.dtype)
        loss = self.criterion_(losses, weight)
        objective = loss
        if self.plan.repelled is not None:
            objective = loss + self._repulsion(loss.detach(), progress)
        objective.backward()
        return {"loss": loss.detach(), "y_pred": losses}

    def validation_step(
        self,
        batch: tuple[torch.Tensor, ...],
        *,
        generator: torch.Generator | None = None,
        **fit_params: Any,
    ) -> dict[str, torch.Tensor]:
        """Compute the objective of a batch of validation rows, in evaluation mode."""
        X, weight, *targets = batch

        def losses_of(X: torch.Tensor, targets: torch.Tensor | None = None) -> torch.Tensor:
            return self.module_.sample_losses(X, generator, targets=targets)

        with torch.no_grad():
            losses = self._fitting_batches.call(losses_of, X, *targets)
            return {"loss": self.criterion_(losses, weight), "y_pred": losses}

    # Steps

    def _set_up(self, training: Batches, validation: Batches | None) -> None:
        self._fitting_batches = FittingBatches(self.generator.device)
        n_batches = self.plan.n_epochs * len(training)
        self.learning_rate_ = LearningRate(self.optimizer_, self.plan.schedule, n_batches)
        self.best_ = None if validation is None else BestWeights()
        self.epoch_ = None

    def _record(self, prefix: str, losses: BatchLosses) -> None:
        self.history.record(f"{prefix}_loss", float(losses.mean(self.criterion_)))
        self.history.record(f"{prefix}_seconds", losses.seconds)

    def _training_losses(
        self, X: torch.Tensor, progress: float, targets: torch.Tensor | None = None
    ) -> torch.Tensor:
        with autocast(self.plan.precision, X.device):
            return self.module_.sample_losses(
                X, self.generator, self.plan.jitter, progress=progress, targets=targets
            )

    def _repulsion(self, loss: torch.Tensor, progress: float) -> torch.Tensor:
        """Return a penalty on small losses of known anomalies.

        ``weight * |loss| * mean(softplus(margin + (loss - loss of the row) / |loss|))``: falls
        as the loss of such a row grows, until it is about `margin` times that of normal rows.
        """
        chosen = self.plan.repelled
        assert chosen is not None  # where it is called from
        if len(chosen) > _MOST_REPELLED:
            order = torch.randperm(len(chosen), generator=self.generator, device=chosen.device)
            chosen = chosen[order[:_MOST_REPELLED]]
        losses = self._training_losses(chosen, progress).to(loss.dtype)
        unit = loss.abs() + torch.finfo(loss.dtype).tiny
        return _REPULSION * unit * softplus(_MARGIN + (loss - losses) / unit).mean()
