"""Computation of the next result in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def prefetched(
    function: Callable[[Argument], Result], arguments: Iterable[Argument]
) -> Iterator[Result]:
    """Yield ``function(argument)`` for each argument; a thread computes the next one meanwhile.

    At most two results exist at a time, the current one and the next one, if the caller drops the
    current result before asking for the next. Exceptions of the function are raised when its result
    is requested. The thread ends with the iteration, even if that ends early.

    Parameters
    ----------
    function : callable
        Should release the interpreter lock, as numpy does in large loops. It is never called
        concurrently.

    arguments : iterable
        Arguments of the calls.
    """
    arguments = iter(arguments)
    with ThreadPoolExecutor(1, thread_name_prefix="skae-prefetch") as worker:

        def started() -> list[Future[Result]]:
            return [worker.submit(function, argument) for argument in islice(arguments, 1)]

        futures = started()
        while futures:
            result = futures.pop().result()
            futures = started()
            yield result
