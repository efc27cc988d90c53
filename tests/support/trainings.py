"""Callbacks that do something in the middle of a training."""

import torch
from skorch.callbacks import Callback


class AtBatch(Callback):
    """Does something at the end of a training batch, counted from 1."""

    def __init__(self, number, action):
        self.number, self.action = number, action
        self.seen = 0

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.seen += training
        if training and self.seen == self.number:
            self.action(net)


def interrupt(net):
    raise KeyboardInterrupt


def spoil(net):
    """Make the network useless, without making it unfit for numbers."""
    with torch.no_grad():
        for parameter in net.module_.parameters():
            parameter.add_(5.0)
