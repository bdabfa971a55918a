"""Requests side by side, within a bound."""

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice

from shared.errors import AlmanacError, InternalError
from shared.warehouse.models.queries import QueryRequest

_LOGGER = logging.getLogger(__name__)

type Answer[R] = tuple[int, R | AlmanacError]
"""The index of a request and what became of it."""


def list_answers[R](
    work: Callable[[QueryRequest], R], requests: Sequence[QueryRequest], parallelism: int
) -> list[R | AlmanacError]:
    """What `work` makes of each request, in input order; one that fails has its error in its place."""
    if len(requests) == 1:
        return [_attempt(work, requests[0])]
    iterated = iterate_answers(work, requests, parallelism, None, stop=lambda: None)
    answers = dict(answer for answer in iterated if answer is not None)
    return [answers[index] for index in range(len(requests))]


def iterate_answers[R](
    work: Callable[[QueryRequest], R],
    requests: Sequence[QueryRequest],
    parallelism: int,
    tick_seconds: float | None,
    stop: Callable[[], None],
) -> Generator[Answer[R] | None]:
    """Each answer as soon as it is there, and None whenever none came for `tick_seconds`.

    At most `parallelism` answers wait to be taken, and none is kept that was. When the generator is closed early,
    requests that have not begun are dropped, `stop` is called, and the ones that had begun are waited for: `stop`
    has to make them end soon.
    """
    if not requests:
        return
    waiting = iter(enumerate(requests))
    # Each task gets the caller's context, so that its spans are children of the caller's.
    context = copy_context()
    with ThreadPoolExecutor(min(len(requests), parallelism)) as pool:
        index_of: dict[Future[R | AlmanacError], int] = {}

        def submit(count: int) -> None:
            for index, request in islice(waiting, count):
                index_of[pool.submit(context.copy().run, _attempt, work, request)] = index

        try:
            submit(parallelism)
            while index_of:
                done = set(wait(index_of, tick_seconds, FIRST_COMPLETED).done)
                if not done:
                    yield None
                while done:
                    future = min(done, key=index_of.__getitem__)
                    done.remove(future)
                    index = index_of.pop(future)
                    submit(1)
                    yield index, future.result()
        finally:
            if index_of:
                # Nobody listens any more: what has not begun must not begin to cost.
                pool.shutdown(wait=False, cancel_futures=True)
                stop()


def _attempt[R](work: Callable[[QueryRequest], R], request: QueryRequest) -> R | AlmanacError:
    try:
        return work(request)
    except AlmanacError as error:
        return error
    except Exception:
        # A defect that one query meets is no reason to give up the others, which may have been paid for.
        _LOGGER.exception("A query failed for a reason nobody expected")
        return InternalError("The query failed inside the service.")
