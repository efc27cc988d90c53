"""Readers of public data sets from files on disk."""

from skae.datasets.movielens import load_movielens

__all__ = ["load_movielens"]
