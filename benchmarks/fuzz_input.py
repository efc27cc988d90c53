"""Fuzz test of inputs and parameters, with many more cases than the tests.

    python benchmarks/fuzz_input.py [n_examples] [--all]

Runs tests/test_input.py, test_parameters.py and test_odd_arguments.py with this number of random
examples per test, and with --all also every parameter with every value, and every input format with
every estimator. Prints the number of calls by group: those that returned a result, and those that
raised a ValueError or TypeError that names the argument. Any other outcome is a failure.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent / "tests"
ESTIMATORS = TESTS / "estimators"
NAMES = ("input", "parameters", "odd_arguments")


def all_pairs() -> Iterator[tuple]:
    """Yield every combination once, as a function and its arguments."""
    import test_input
    import test_odd_arguments
    import test_parameters
    from support.calls import BUILDS
    from support.strategies import FORMS, LABELS, NO_ROWS, VALUES, WEIGHTS

    for argument in test_input.arguments_of_rows():
        for name in NO_ROWS:
            yield test_input.check_no_rows, (*argument, name)
    for value in VALUES:
        for parameter in test_parameters.PARAMETERS:
            yield test_parameters.check_parameter, (*parameter, value)
        for parameter in test_parameters.PARTS:
            yield test_parameters.check_part, (*parameter, value)
    for argument in test_parameters.arguments_of_methods():
        more = {"y": LABELS, "sample_weight": WEIGHTS}.get(argument[-1], {})
        for value in [*VALUES, *more.values()]:
            yield test_parameters.check_argument, (*argument, value)
    for name, argument in test_odd_arguments.arguments():
        for value in [*VALUES, *(NO_ROWS.values() if argument in test_odd_arguments.ROWS else [])]:
            yield test_odd_arguments.check_odd_argument, (name, argument, value)
    for build in BUILDS:
        for form in FORMS:
            for which in ("both", "fit", "later"):
                yield test_input.check_form, (build, form, 0, 6, 3, which)


def run_all() -> int:
    """Print a line for each combination that fails, and return their number."""
    n_failures = 0
    for check, arguments in all_pairs():
        try:
            check(*arguments)
        except Exception as error:
            n_failures += 1
            first = str(error).strip().splitlines()[:1]
            print("FAILED", check.__name__, [str(a)[:40] for a in arguments], *first, flush=True)
    return n_failures


def print_counts(seconds: float) -> None:
    """Print the number of calls by group and outcome."""
    from outcomes import TALLY

    print(f"\n{'group':32}{'results':>10}{'refused':>10}")
    for group in sorted({group for group, _ in TALLY}):
        print(f"{group:32}{TALLY[group, 'result']:10}{TALLY[group, 'refused']:10}")
    print(f"{sum(TALLY.values())} calls in {seconds:.0f} s", flush=True)


def main() -> int:
    """Run the tests, print the counts even if interrupted, and return the number of failures."""
    numbers = [argument for argument in sys.argv[1:] if argument.isdigit()]
    os.environ["SKAE_FUZZ_EXAMPLES"] = numbers[0] if numbers else "500"
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.path[:0] = [str(TESTS), str(ESTIMATORS)]
    start, failed = time.perf_counter(), 0
    try:
        if "--all" in sys.argv:
            failed += run_all()
        files = [str(ESTIMATORS / f"test_{name}.py") for name in NAMES]
        failed += int(
            pytest.main(["-q", "--timeout=0", "--assert=plain", "-p", "no:cacheprovider", *files])
        )
    finally:
        print_counts(time.perf_counter() - start)
    return failed


if __name__ == "__main__":
    sys.exit(main())
