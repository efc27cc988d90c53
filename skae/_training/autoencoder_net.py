"""The skorch net that drives the training."""

from __future__ import annotations

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import softplus

from skae._data.batches import Batches
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import autocast
from skae._runtime.threads import paced
from skae._training.optimizer import make_optimizer
from skae._training.state import EpochSoFar, OwnCallback

# Rows to be rebuilt badly that are looked at for each batch, what they count beside the others,
# and how many times worse they are to be rebuilt.
_MOST_REPELLED = 64
_REPULSION = 0.3
_MARGIN = 30.0


class StopTraining(KeyboardInterrupt):
    """The training is to end, by a callback's decision and not by Ctrl-C."""


class WeightedMean(nn.Module):
    """The mean of the losses of a batch, each counted by its weight."""

    def forward(self, losses: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return the mean of `losses`, both tensors of shape (n_samples,)."""
        return torch.dot(losses, weight / weight.sum())


class AutoencoderNet(NeuralNet):
    """skorch's net over batches of rows that are on the device already.

    What differs from skorch's defaults, and why: batches come from :class:`Batches` (its loader
    collates sample by sample), the loss of an epoch is read from the device once, the history
    has a row for each epoch and none for each batch, all randomness comes from `generator`, and
    no callback is set that was not asked for.

    Parameters
    ----------
    module : AutoencoderNetwork
        The network, on its device.

    generators : list of torch.Generator
        What training draws from: first the source of all randomness, on the device, then those of
        torch itself where modules draw from them.

    precision : {"float32", "bfloat16", "float64"}
        In which precision training computes its products.

    weight_decay : float
        Decay of the weights of the residual networks.

    jitter : float
        Noise on what the encoder is shown in training, in units of what PCA leaves over.

    repelled : torch.Tensor of shape (n_rows, n_features) or None
        Scaled rows that the network is to rebuild badly.

    **kwargs : dict
        Passed to skorch.
    """

    def __init__(
        self,
        module,
        *,
        generators=None,
        precision="float32",
        weight_decay=0.0,
        jitter=0.0,
        repelled=None,
        **kwargs,
    ):
        self.generators = generators
        self.share_done = 1.0
        self.epoch_so_far = None
        self._fitting_batches = (
            None if generators is None else FittingBatches(self.generator.device)
        )
        self.precision = precision
        self.weight_decay = weight_decay
        self.jitter = jitter
        self.repelled = repelled
        kwargs.setdefault("criterion", WeightedMean)
        super().__init__(module, verbose=0, **kwargs)

    @property
    def _default_callbacks(self):
        return []

    @property
    def generator(self) -> torch.Generator:
        """Source of the randomness of training."""
        return self.generators[0]

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizer of skae's parameter groups."""
        self.optimizer_ = make_optimizer(self.module_, self.optimizer, self.lr, self.weight_decay)
        return self

    def initialize_callbacks(self):
        """Initialize the callbacks, and note which of them listen to what."""
        super().initialize_callbacks()
        self._listeners = {}
        return self

    def forget_callbacks(self):
        """Let go of the callbacks, and with them of the data that they know of.

        They refer to the net, and the net to them: the data would stay in memory, or on disk, until
        Python looks for such circles.
        """
        self.callbacks_, self._listeners = [], {}

    def notify(self, method_name, **cb_kwargs):
        """Call the callbacks; skorch's and the user's raise KeyboardInterrupt where they stop.

        Those that do not listen are not called: for each batch of a small network, that would
        take a tenth of the time.
        """
        if method_name not in self._listeners:
            self._listeners[method_name] = self._listening(method_name)
        for listener in self._listeners[method_name]:
            try:
                listener(self, **cb_kwargs)
            except KeyboardInterrupt:
                if method_name == "on_epoch_end" and not isinstance(listener.__self__, OwnCallback):
                    raise StopTraining from None
                raise

    def _listening(self, method_name: str) -> list:
        """Return the methods of that name that do something, the net's own first."""
        silent = (getattr(NeuralNet, method_name), getattr(Callback, method_name))
        callbacks = [callback for _, callback in self.callbacks_]
        methods = [getattr(callback, method_name) for callback in (self, *callbacks)]
        return [m for m in methods if getattr(m, "__func__", m) not in silent]

    def get_split_datasets(self, X, y=None, **fit_params):
        """Take the pair of batches to train and to validate on as they are."""
        return X

    def get_iterator(self, dataset: Batches, training=False):
        """Take batches as they are."""
        return dataset

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Open the next row of the history; row 0 is the network before its first epoch."""
        self.history.new_epoch()
        self.history.record("epoch", len(self.history) - 1)

    def run_single_epoch(self, iterator, training, prefix, step_fn, silent=False, **fit_params):
        """Pass over the batches once, and record the mean loss."""
        if iterator is None:
            return
        self._set_training(training)
        if not training:
            # The same corruption and draws for every epoch, so that epochs can be compared.
            self.selection_generator = torch.Generator(self.generator.device).manual_seed(
                self.generator.initial_seed()
            )
        epoch = self._epoch(training)
        for batch in paced(epoch.rest(iterator)) if training else iterator:
            if not silent:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch)
            epoch.losses.append(step["loss"].detach())
            epoch.weights.append(batch[1].sum())
            if not silent:
                self.notify("on_batch_end", batch=batch, training=training, **step)
        mean = self.criterion_(torch.stack(epoch.losses), torch.stack(epoch.weights))
        self.history.record(f"{prefix}_loss", float(mean))
        self.history.record(f"{prefix}_seconds", epoch.seconds)
        if training:
            self.epoch_so_far = None

    def _epoch(self, training: bool) -> EpochSoFar:
        """Return an epoch that begins, or the one that a checkpoint was written in."""
        if not training:
            return EpochSoFar(self.generators)
        if self.epoch_so_far is None:
            self.epoch_so_far = EpochSoFar(self.generators)
        return self.epoch_so_far

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of a batch and its gradients."""
        X, weight, *targets = batch
        losses = self._training_losses(X, *targets).to(weight.dtype)
        loss = self.criterion_(losses, weight)
        objective = loss if self.repelled is None else loss + self._repulsion(loss.detach())
        objective.backward()
        return {"loss": loss, "y_pred": losses}

    def _training_losses(
        self, X: torch.Tensor, targets: torch.Tensor | None = None
    ) -> torch.Tensor:
        with autocast(self.precision, X.device):
            return self.module_.sample_losses(
                X, self.generator, self.jitter, progress=self.share_done, targets=targets
            )

    def _repulsion(self, loss: torch.Tensor) -> torch.Tensor:
        """Return how well rows are rebuilt that should not be, in units of the loss.

        ``weight * |loss| * mean(softplus(margin + (loss - loss of the row) / |loss|))``: falls
        with the loss of such a row until that is `margin` times as large as the loss of others.
        """
        chosen = self.repelled
        if len(chosen) > _MOST_REPELLED:
            order = torch.randperm(len(chosen), generator=self.generator, device=chosen.device)
            chosen = chosen[order[:_MOST_REPELLED]]
        losses = self._training_losses(chosen).to(loss.dtype)
        unit = loss.abs() + torch.finfo(loss.dtype).tiny
        return _REPULSION * unit * softplus(_MARGIN + (loss - losses) / unit).mean()

    def validation_step(self, batch, **fit_params):
        """Compute the objective of a batch on rows held out, in evaluation mode."""
        X, weight, *targets = batch
        with torch.no_grad():
            losses = self._fitting_batches.call(self._selection_losses, X, *targets)
            return {"loss": self.criterion_(losses, weight), "y_pred": losses}

    def _selection_losses(
        self, X: torch.Tensor, targets: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.module_.sample_losses(X, self.selection_generator, targets=targets)


class LearningRateSchedule(OwnCallback):
    """Set the learning rate before each batch to ``learning_rate * factor(share done)``.

    Parameters
    ----------
    factor : callable
        From the share of the planned batches that is done, in [0, 1], to a factor.

    n_batches : int
        Number of batches planned.

    begins : bool
        Whether the training begins here, so that kinds with a warm-up begin with it.
    """

    saved = ("done_",)

    def __init__(self, factor, n_batches, begins=True):
        self.factor = factor
        self.n_batches = n_batches
        self.begins = begins

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Note the rates that the factors are to multiply."""
        self.done_ = 0
        self.rates_ = [group["lr"] for group in net.optimizer_.param_groups]

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        """Set the rate of a training batch."""
        if training:
            share_done = self.done_ / self.n_batches
            net.share_done = min(1.0, share_done) if self.begins else 1.0
            factor = self.factor(share_done)
            for group, rate in zip(net.optimizer_.param_groups, self.rates_, strict=True):
                group["lr"] = rate * factor
            self.done_ += 1

    def on_epoch_end(self, net, **kwargs):
        """Record the last rate of the epoch."""
        net.history.record("learning_rate", net.optimizer_.param_groups[0]["lr"])


class BestWeights(OwnCallback):
    """Keep the weights with the lowest loss on the rows chosen to select by.

    The weights before the first epoch take part, so training can not make things worse.

    Attributes
    ----------
    weights_ : dict of str to torch.Tensor
        A true copy of the best weights.

    loss_ : float
        Their loss.

    epoch_ : int
        Their epoch; 0 is before the first.
    """

    saved = ("weights_", "loss_", "epoch_")

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Start with the weights as they are."""
        self._keep(net)

    def on_epoch_end(self, net, **kwargs):
        """Keep the weights where they are better."""
        better = net.history[-1, "valid_loss"] < self.loss_
        net.history.record("valid_loss_best", bool(better))
        if better:
            self._keep(net)

    def _keep(self, net):
        self.loss_ = net.history[-1, "valid_loss"]
        self.epoch_ = len(net.history) - 1
        state = net.module_.state_dict()
        self.weights_ = {name: tensor.detach().clone() for name, tensor in state.items()}
