"""Scores: what a network finds anomalous about a row."""

from skae.scores.elbo import Elbo
from skae.scores.joint import Joint
from skae.scores.latent import Latent
from skae.scores.reconstruction import Reconstruction
from skae.scores.residual import Residual
from skae.scores.score import Score

# What the names that estimators accept stand for.
SCORES: dict[str, type[Score]] = {
    "residual": Residual,
    "joint": Joint,
    "reconstruction": Reconstruction,
    "latent": Latent,
    "elbo": Elbo,
}

__all__ = ["SCORES", "Elbo", "Joint", "Latent", "Reconstruction", "Residual", "Score"]
