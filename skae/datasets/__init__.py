"""Readers of public data sets that users have on their disks."""

from skae.datasets.movielens import load_movielens

__all__ = ["load_movielens"]
