"""Outputs of a network and their targets."""

import numpy as np
import torch


def outputs_and_targets(dtype=torch.float64):
    rng = np.random.default_rng(0)
    output, target = rng.normal(size=(7, 5)) * 3, rng.uniform(0.05, 0.95, size=(7, 5))
    return torch.tensor(output, dtype=dtype), torch.tensor(target, dtype=dtype)
