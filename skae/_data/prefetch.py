"""The next piece of work, done in the background."""

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
    """Yield ``function(argument)`` for each argument, the next one computed in one thread.

    No more than two results exist: the one in use, if it is let go of before the next is asked
    for, and the one that is prepared meanwhile. What the function raises is raised where its
    result is asked for. The thread ends with the iteration, whoever ends it.

    Parameters
    ----------
    function : callable
        Best one that leaves the interpreter to others, as numpy does in large loops. It is never
        called twice at a time.

    arguments : iterable
        What it is called with.
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
