"""Fuzz test of ``skae.load`` with thousands of damaged and malicious files.

    python benchmarks/fuzz_files.py --cases 12000

Each file must raise ``FileFormatError`` or give the identical model; a crafted file with valid
checksums may also give another model that works or raises a ValueError. Meanwhile, loading must not
run code, import or write anything, or take more memory than twice the size of the file plus 16 MiB.
Prints a table of the outcomes, and fails on any other outcome.
"""

import argparse
import collections
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import Dense
from skae.scores import Elbo

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support import file_mutations as mutations

X = np.random.RandomState(0).randn(40, 6)
HOLES = np.where(np.abs(X) > 1, np.nan, X)
ALLOWED = 2**24
WATCHED = {
    *("exec", "import", "pickle.find_class", "ctypes.dlopen", "socket.connect", "subprocess.Popen"),
    *("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "os.mkdir"),
    *("os.chmod", "os.link", "os.symlink", "os.truncate", "shutil.move", "shutil.rmtree"),
}
SECONDS = 20
GOOD = ("refused", "identical", "another that works", "ValueError")
# Groups with about the same number of cases.
SORTS = 6


class Watch:
    """Audit hook that records events of the interpreter while a file is loaded."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        """Record an event of the interpreter if loading must not cause it."""
        if self.on and (event in WATCHED or (event == "open" and _writes(arguments[1]))):
            self.seen.append((event, str(arguments)[:200]))


def _writes(mode):
    return isinstance(mode, str) and bool(set(mode) & set("wax+"))


def models():
    """Return fitted estimators by name, with a method to call."""
    small = {"architecture": Dense((5,)), "max_epochs": 1, "random_state": 0}

    def transformer(**parameters):
        return AutoencoderTransformer(2, **{**small, **parameters})

    def transform(estimator):
        return estimator.transform(X)

    yield "transformer", transformer().partial_fit(X), transform
    for kind in ("sparse", "variational", "compressive", "denoising"):
        yield kind, transformer(kind=kind).fit(X), transform
    for name in ("convolutional", "recurrent", "transformer"):
        yield name, transformer(architecture=name).fit(X), transform
    detector = AutoencoderOutlierDetector(2, n_estimators=2, **small).fit(X)
    yield "detector", detector, lambda e: (e.score_samples(X), e.predict(X), e.p_values(X))
    elbo = {**small, "kind": "variational", "scoring": Elbo(4)}
    bound = AutoencoderOutlierDetector(2, n_estimators=1, **elbo).fit(X)
    yield "bound", bound, lambda e: (e.score_samples(X), e.predict(X))
    imputer = AutoencoderImputer(2, add_indicator=True, **small).fit(HOLES)
    yield "imputer", imputer, lambda e: e.transform(HOLES)
    yield "recommender", AutoencoderRecommender(2, **small).fit(HOLES), lambda e: e.predict_all()
    labels = np.where(np.arange(40) % 2, "a", "b")
    classifier = AutoencoderClassifier(2, **small).fit(X, labels)
    yield "classifier", classifier, lambda e: (e.predict_proba(X), e.predict(X))


def cases(path, data, rng, n_cases):
    """Yield (sort, name, bytes, whether the checksums are right)."""
    n = max(1, int(n_cases))
    for sort, make, count in (
        ("truncated", mutations.truncated, n // 2),
        ("flipped bits", mutations.flipped, n),
        ("extended", mutations.extended, n // 12),
        ("foreign", mutations.foreign, n // 12),
        ("zip headers", mutations.headers, 0),
        ("tensor headers", mutations.tensor_headers, n // 20),
        ("raw JSON", mutations.raw_documents, 0),
    ):
        for name, made in make(data, rng, count):
            yield sort, name, made, sort == "tensor headers"
    for name, held, arrays in mutations.crafted(path, rng, n):
        yield "crafted at random", name, mutations.crafted_bytes(held, arrays), True
    for name, held, arrays in mutations.each_scrap(path, rng, n):
        yield "crafted, each value", name, mutations.crafted_bytes(held, arrays), True


def main():
    """Run all cases and print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, too_slow)
    watch, found, n_wrong, start = Watch(), collections.Counter(), 0, time.perf_counter()
    every = list(models())
    for number, (model, estimator, use) in enumerate(every):
        rng = np.random.default_rng([options.seed, number])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.skae")
            for sort, name, outcome in run(path, estimator, use, rng, watch, options, len(every)):
                found[sort, outcome.split(":")[0]] += 1
                if outcome not in GOOD:
                    n_wrong += 1
                    print("-", model, "|", sort, "|", name, "|", outcome[-1500:], flush=True)
    report(found, n_wrong, time.perf_counter() - start)
    return n_wrong > 0


def too_slow(*_):
    """Raise an error if a case takes too long."""
    raise TimeoutError(f"more than {SECONDS} s")


def run(path, estimator, use, rng, watch, options, n_models):
    """Yield (sort, name, outcome) of the cases made from one estimator."""
    estimator.save(path)
    reference, honest = use(estimator), path.read_bytes()
    np.testing.assert_equal(use(skae.load(path)), reference)
    for sort, name, data, right in cases(path, honest, rng, options.cases / n_models / SORTS):
        case = path.with_name("case.skae")
        case.write_bytes(data)
        outcome, extra = one_case(case, use, reference, right, watch)
        if extra > 2 * len(data) + ALLOWED:
            outcome = f"took memory: {extra} bytes for a file of {len(data)}"
        if sorted(p.name for p in path.parent.iterdir()) != ["case.skae", path.name]:
            outcome = "another file appeared"
        yield sort, name, outcome


def one_case(path, use, reference, right, watch):
    """Return the outcome of loading a file, and the memory that it took."""
    before = reset_peak()
    loaded, outcome = watched_load(path, watch)
    extra = peak() - before
    if watch.seen:
        outcome, watch.seen = f"ran: {watch.seen}", []
    return outcome or used(loaded, use, reference, right), extra


def watched_load(path, watch):
    """Return the loaded object, or the error."""
    signal.alarm(SECONDS)
    watch.on = True
    try:
        return skae.load(path), None
    except skae.FileFormatError:
        return None, "refused"
    except BaseException:
        return None, f"load failed: {traceback.format_exc()}"
    finally:
        watch.on = False
        signal.alarm(0)


def used(loaded, use, reference, right):
    """Return the outcome of using a loaded model."""
    signal.alarm(SECONDS)
    try:
        repr(loaded)
        found = use(loaded)
    except ValueError as error:
        return "ValueError" if right else f"unlike: {error}"
    except BaseException:
        return f"use failed: {traceback.format_exc()}"
    finally:
        signal.alarm(0)
    try:
        np.testing.assert_equal(found, reference)
        return "identical"
    except (AssertionError, ValueError):  # the latter for sparse matrices
        return "another that works" if right else "unlike: other numbers"


def reset_peak():
    """Reset the peak of resident memory, and return the resident memory (Linux only)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return of_status("VmRSS")


def peak():
    """Return the peak of resident memory since the reset."""
    return of_status("VmHWM")


def of_status(name):
    """Return an entry of /proc/self/status in bytes, or 0 if it does not exist."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(name))


def report(found, n_wrong, seconds):
    """Print the table."""
    sorts = list(dict.fromkeys(sort for sort, _ in found))
    outcomes = sorted({outcome for _, outcome in found})
    print("| sort | " + " | ".join(outcomes) + " |")
    print("|---" * (len(outcomes) + 1) + "|")
    for sort in sorts:
        print(f"| {sort} | " + " | ".join(str(found[sort, o]) for o in outcomes) + " |")
    print(f"\n{sum(found.values())} files in {seconds:.0f} s, {n_wrong} of them did wrong")


if __name__ == "__main__":
    sys.exit(main())
