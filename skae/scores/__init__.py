"""Scores: what a network finds anomalous about a row."""

from skae._utils.named_parts import resolve_part
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


def resolve_score(scoring: str | Score) -> Score:
    """Return a score of its own for a fit: the default of a name, or a copy of an object."""
    return resolve_part(scoring, "scoring", SCORES, Score)


__all__ = [
    "SCORES",
    "Elbo",
    "Joint",
    "Latent",
    "Reconstruction",
    "Residual",
    "Score",
    "resolve_score",
]
