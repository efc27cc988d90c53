"""Anomaly scores of rows, one file each."""

from skae._utils.named_parts import resolve_part
from skae.scores.elbo import Elbo
from skae.scores.joint import Joint
from skae.scores.latent import Latent
from skae.scores.neighbours import Neighbours
from skae.scores.reconstruction import Reconstruction
from skae.scores.residual import Residual
from skae.scores.residual_neighbours import ResidualNeighbours
from skae.scores.score import Score

# The scores that estimators accept by name.
SCORES: dict[str, type[Score]] = {
    "residual": Residual,
    "joint": Joint,
    "reconstruction": Reconstruction,
    "latent": Latent,
    "elbo": Elbo,
    "neighbours": Neighbours,
    "residual_neighbours": ResidualNeighbours,
}


def resolve_score(scoring: str | Score) -> Score:
    """Return the score of a fit as an object: the default for a name, or a copy of an object."""
    return resolve_part(scoring, "scoring", SCORES, Score)


__all__ = [
    "SCORES",
    "Elbo",
    "Joint",
    "Latent",
    "Neighbours",
    "Reconstruction",
    "Residual",
    "ResidualNeighbours",
    "Score",
    "resolve_score",
]
