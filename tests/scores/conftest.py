"""Networks that are not trained."""

import pytest
import torch

from skae.kinds import Variational


@pytest.fixture
def network(make_network):
    """Not trained; its residual networks are not silent."""
    return make_network(linear_path=False, dtype=torch.float64).eval().requires_grad_(False)


@pytest.fixture
def variational(make_network):
    network = make_network(kind=Variational(), linear_path=False, dtype=torch.float64)
    return network.eval().requires_grad_(False)


@pytest.fixture
def network_for(network, variational):
    return lambda name: variational if name == "elbo" else network
