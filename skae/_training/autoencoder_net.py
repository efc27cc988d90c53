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
from skae._network.objective import Objective
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import autocast
from skae._runtime.threads import paced
from skae._training.best_weights import BestWeights, digest_of
from skae._training.convergence import refuse_divergence
from skae._training.epoch import BatchLosses, Epoch, is_whole, numbers_of, record_of
from skae._training.optimizer import make_optimizer
from skae._training.predicting_net import PredictingNet
from skae._training.schedule import LearningRate
from skae._training.shown_rows import ShownRows, shown_batch, shown_dataset
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


class AutoencoderNet(PredictingNet):
    """The skorch net, for batches of rows that are already on the device.

    :meth:`begin` and :meth:`fit_loop` hold the steps of the training in order; skorch provides the
    steps, the history and the callbacks. It differs from skorch's defaults as follows: batches come
    from :class:`Batches`, since skorch's loader collates sample by sample; the loss is read from
    the device once per epoch, and once per batch only for callbacks that are called then; all
    randomness comes from `generators`; and only the user's callbacks are set.

    skorch's history begins with epoch 1, and has what callbacks expect. `rows_` has what belongs to
    the training itself, and begins with epoch 0, the network before its first epoch.

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
    rows_: list[dict]
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
            if validation is not None:
                self._note_validation(self._validate(validation))
            if self._after_epoch(datasets):
                break
        return self

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

    def _before_batch(self, batch: tuple[torch.Tensor, ...], training: bool) -> None:
        """Begin a row of the history, if there are callbacks, and call them."""
        if self.callbacks_:
            self.history.new_batch()
            self.notify("on_batch_begin", batch=batch, training=training)
            if self.module_.training is not training:  # a callback predicted something
                self._set_training(training)

    def _after_batch(self, batch: tuple[torch.Tensor, ...], step: dict, training: bool) -> None:
        """Complete the row of the history, and call the callbacks, which may change the weights."""
        if self.callbacks_:
            prefix = "train" if training else "valid"
            self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            if self._listeners_of("on_batch_end"):
                self.history.record_batch(f"{prefix}_loss", float(step["loss"]))
                self.notify("on_batch_end", batch=batch, training=training, **step)

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
        return self.rows_[-1]["epoch"] - self.best_.epoch >= self.plan.patience

    def end(self, training: Batches) -> None:
        """Show callbacks the weights that are kept, which they may replace."""
        if self.best_ is not None:
            self.module_.load_state_dict(self.best_.weights)
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

    def initialize_callbacks(self) -> Self:
        """Initialize the callbacks, and clear the cache of their methods."""
        super().initialize_callbacks()
        self._listeners: dict[str, list] = {}
        return self

    def initialize_history(self) -> Self:
        """Begin a history."""
        self.rows_ = [{"epoch": 0}]
        self._digests: dict[int, float] = {}
        self._shown: set[str] = set()  # names of what the net itself shows in skorch's history
        super().initialize_history()
        return self

    def forget_callbacks(self) -> None:
        """Drop the references to the callbacks, and with them those to the training data.

        Net and callbacks refer to each other. Without this, the data would stay in memory, or on
        disk, until Python's garbage collector runs.
        """
        self.callbacks_, self._listeners = [], {}

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks that override a method; calling all takes 10% of a small batch."""
        listeners = self._listeners_of(method_name)
        if listeners and "batch" in cb_kwargs:
            cb_kwargs["batch"] = shown_batch(cb_kwargs["batch"], self.module_)
        for listener in listeners:
            listener(self, **cb_kwargs)

    def _listeners_of(self, method_name: str) -> list[Callable]:
        if method_name not in self._listeners:
            self._listeners[method_name] = list(self._listening(method_name))
        return self._listeners[method_name]

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
        """Begin the next row of the history."""
        self.history.new_epoch()
        self._show(epoch=len(self.history))

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
        self.epoch_ = None

    def _recorded(self, prefix: str, losses: BatchLosses) -> dict[str, float]:
        """Return the means of an epoch, and complete the rows of its batches."""
        means = losses.means(self.criterion_)
        if self.callbacks_ and len(self.rows_) > 1:
            batches = self.history[-1]["batches"]
            for row, loss in zip(batches[::-1], losses.losses[::-1], strict=False):
                row.setdefault(f"{prefix}_loss", float(loss))
            self._show(**{f"{prefix}_batch_count": len(losses.losses)})
        recorded = {f"{prefix}_{name}": mean for name, mean in means.items()}
        return {**recorded, f"{prefix}_seconds": losses.seconds}

    def _note(self, **values: float) -> None:
        """Record numbers of an epoch, for the training itself and for callbacks."""
        self.rows_[-1].update(values)
        self._show(**values)

    def _show(self, **values: float) -> None:
        """Record numbers of an epoch for callbacks alone."""
        shown = {n: v for n, v in values.items() if not n.endswith("_seconds")}
        self._shown.update(shown)
        self.history[-1].update(shown)

    def _of_callbacks(self) -> dict[str, float]:
        """Return the numbers of an epoch that callbacks recorded."""
        return {n: v for n, v in numbers_of(self.history[-1]).items() if n not in self._shown}

    def _note_validation(self, means: dict[str, float]) -> None:
        """Record what validation rows show; training rows in their place show it to callbacks."""
        if self.plan.selects:
            self._note(**means)
        else:
            self._show(**means)

    def _note_bests(self) -> None:
        """Tell callbacks whether the losses of the epoch are the smallest so far."""
        for name in ("train_loss", "valid_loss"):
            if self.callbacks_ and name in self.history[-1]:
                *before, last = self.history[:, name]
                self._show(**{f"{name}_best": all(not before_ <= last for before_ in before)})

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
        """Return a penalty on small losses of known anomalies.

        ``weight * |loss| * mean(softplus(margin + (loss - loss of the row) / |loss|))``: falls
        as the loss of such a row grows, until it is about `margin` times that of normal rows.
        """
        chosen = self.plan.repelled
        assert chosen is not None  # where it is called from
        if len(chosen) > _MOST_REPELLED:
            order = torch.randperm(len(chosen), generator=self.generator, device=chosen.device)
            chosen = chosen[order[:_MOST_REPELLED]]
        losses = self._training_objective(chosen, progress).losses.to(loss.dtype)
        unit = loss.abs() + torch.finfo(loss.dtype).tiny
        return _REPULSION * unit * softplus(_MARGIN + (loss - losses) / unit).mean()
