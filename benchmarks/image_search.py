"""Benchmark of image search by codes: precision at 10 on Fashion-MNIST, as table and figure.

    SKAE_DATA=folder python benchmarks/image_search.py --save    minutes
    SKAE_DATA=folder python benchmarks/image_search.py --seeds 0 1 2

The 60,000 training images are searched for the ten nearest neighbours of each of the 10,000 test
images. No fit uses labels. Lines of faiss appear if it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path

import numpy as np
import pandas as pd
from image_search_plot import draw
from machine import machine
from sections import markdown
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer
from tables import fashion_mnist, fashion_mnist_labels

from skae import AutoencoderTransformer
from skae.architectures import Dense

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "image_search.md"
N_FOUND = 10
SHOWN, COSINE = "roots, skae 16 behind PCA 64, half-whitened", "precision, cosine"
EUCLIDEAN = "precision, Euclidean"


class HalfWhitenedPCA(TransformerMixin, BaseEstimator):
    """PCA whose components are divided by the square roots of their standard deviations.

    Large components count less than in PCA, small ones less than in whitened PCA.

    Parameters
    ----------
    n_components : int
        Number of components.

    random_state : int or None, default=None
        Passed to PCA.
    """

    def __init__(self, n_components, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X, y=None):
        """Fit PCA to rows of shape (n_samples, n_features)."""
        self.pca_ = PCA(self.n_components, random_state=self.random_state).fit(X)
        return self

    def transform(self, X):
        """Return components, an array of shape (n_samples, n_components)."""
        return self.pca_.transform(X) / self.pca_.explained_variance_**0.25


def roots() -> Pipeline:
    """Return the transformer whose Euclidean distance is the Hellinger distance."""
    return make_pipeline(FunctionTransformer(np.sqrt), Normalizer())


def codes(*steps) -> Pipeline:
    """Return a pipeline of steps; without steps, it returns the pixels unchanged."""
    return make_pipeline(*(steps or (FunctionTransformer(),)))


def methods(seed: int) -> dict[str, Pipeline]:
    """Return the representations of images to compare."""

    def pca(size, **parameters):
        return PCA(size, random_state=seed, **parameters)

    def skae(**parameters):
        return AutoencoderTransformer(16, random_state=seed, **parameters)

    def wide():
        return skae(architecture=Dense((256, 256)))

    return {
        "pixels": codes(),
        "pixels, PCA 16": codes(pca(16)),
        "pixels, PCA 32": codes(pca(32)),
        "pixels, skae 16": codes(skae()),
        "pixels, skae 16, contractive": codes(skae(kind="contractive")),
        "roots": codes(roots()),
        "roots, PCA 16": codes(roots(), pca(16)),
        "roots, PCA 16, whitened": codes(roots(), pca(16, whiten=True)),
        "roots, PCA 16, half-whitened": codes(roots(), HalfWhitenedPCA(16, seed), Normalizer()),
        "roots, PCA 32": codes(roots(), pca(32)),
        "roots, PCA 64": codes(roots(), pca(64)),
        "roots, PCA 64, half-whitened": codes(roots(), HalfWhitenedPCA(64, seed), Normalizer()),
        "roots, skae 16": codes(roots(), skae()),
        "roots, skae 16 behind PCA 64": codes(roots(), pca(64), skae()),
        SHOWN: codes(roots(), HalfWhitenedPCA(64, seed), Normalizer(), wide()),
    }


def timed(function, *arguments):
    """Return the result of a function, and the seconds that it took."""
    start = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - start


def nearest(gallery: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the rows of the gallery that are nearest to each query."""
    search = NearestNeighbors(n_neighbors=N_FOUND, algorithm="brute").fit(gallery)
    return search.kneighbors(queries, return_distance=False)


def nearest_by_faiss(gallery: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Return the same with the exact search of faiss."""
    import faiss

    index = faiss.IndexFlatL2(gallery.shape[1])
    index.add(np.ascontiguousarray(gallery, dtype=np.float32))
    return index.search(np.ascontiguousarray(queries, dtype=np.float32), N_FOUND)[1]


class Search:
    """Gallery and queries with their labels.

    Parameters
    ----------
    gallery, queries : ndarray of shape (n_images, 784)
        Pixels in [0, 1].

    gallery_labels, query_labels : ndarray of shape (n_images,)
        Classes, which only the precision uses.
    """

    def __init__(self, gallery, queries, gallery_labels, query_labels):
        self.gallery, self.queries = gallery, queries
        self.gallery_labels, self.query_labels = gallery_labels, query_labels

    def precision(self, found: np.ndarray) -> float:
        """Return the mean fraction of the retrieved images that have the class of the query."""
        return float((self.gallery_labels[found] == self.query_labels[:, None]).mean())

    def measure(self, method: str, pipeline: Pipeline) -> tuple[dict, np.ndarray]:
        """Return a line of the table, and the images retrieved by the cosine."""
        gallery, fit = timed(pipeline.fit_transform, self.gallery)
        queries = pipeline.transform(self.queries)
        found, seconds = timed(nearest, gallery, queries)
        line = {"method": method, "numbers": gallery.shape[1]}
        line[EUCLIDEAN] = self.precision(found)
        # For rows of unit norm, the Euclidean distance is equivalent to the cosine.
        gallery, queries = Normalizer().transform(gallery), Normalizer().transform(queries)
        found = nearest(gallery, queries)
        line[COSINE] = self.precision(found)
        line |= {"fit, s": fit, "search, s": seconds}
        if importlib.util.find_spec("faiss"):
            by_faiss, line["faiss, s"] = timed(nearest_by_faiss, gallery, queries)
            line["same by faiss"] = float((by_faiss == found).mean())
        return line, found

    def averaged(self, method: str, pipeline: Pipeline) -> dict:
        """Return a line with each code replaced by the mean of its ten nearest neighbours."""
        gallery = Normalizer().fit_transform(pipeline.transform(self.gallery))
        queries = Normalizer().fit_transform(pipeline.transform(self.queries))
        mean = KNeighborsRegressor(N_FOUND, algorithm="brute").fit(gallery, gallery)
        gallery, queries = (Normalizer().fit_transform(mean.predict(Z)) for Z in (gallery, queries))
        line = {"method": f"{method}, averaged", "numbers": gallery.shape[1]}
        return line | {COSINE: self.precision(nearest(gallery, queries))}


def page(results: pd.DataFrame, note: str) -> str:
    """Return the results as the page that the docs show."""
    lines = results.astype(object).where(results.notna(), "")
    figures = [name for name in results if name.startswith(("precision", "same"))]
    for name in figures:
        lines[name] = ["" if np.isnan(value) else f"{value:.4f}" for value in results[name]]
    for name in (name for name in results if name.endswith(", s")):
        lines[name] = ["" if np.isnan(value) else f"{value:.1f}" for value in results[name]]
    return f"{note} {machine()}\n\n{markdown(lines)}\n"


def run(search: Search, seeds: list[int]) -> tuple[pd.DataFrame, str, np.ndarray]:
    """Return the table, a sentence about other seeds, and the results of the best code."""
    lines, shown = [], None
    for method, pipeline in methods(seeds[0]).items():
        line, found = search.measure(method, pipeline)
        lines.append(line)
        print(line, flush=True)
        if method == SHOWN:
            shown = found
        if method in ("roots, PCA 16", SHOWN):
            lines.append(search.averaged(method, pipeline))
            print(lines[-1], flush=True)
    note = f"One run each, seed {seeds[0]}."
    for seed in seeds[1:]:
        line, _ = search.measure(SHOWN, methods(seed)[SHOWN])
        note += f" The last code with seed {seed}: {line[EUCLIDEAN]:.4f} and {line[COSINE]:.4f}."
    return pd.DataFrame(lines), note, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name} and a picture")
    arguments = parser.parse_args()
    found = fashion_mnist()
    if found is None:
        raise SystemExit("SKAE_DATA names no folder with fashion_mnist.npz")
    search = Search(*found, *fashion_mnist_labels())
    results, note, shown = run(search, arguments.seeds)
    print(page(results, note))
    if arguments.save:
        RESULTS.write_text(page(results, note), encoding="utf-8")
        draw(search, shown, results.set_index("method")[COSINE])


if __name__ == "__main__":
    main()
