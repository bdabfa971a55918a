"""What is built on first use and then kept, once also when several threads ask at the same time."""

from collections.abc import Callable
from functools import cached_property
from threading import RLock
from typing import Any, Self, overload

# One for all: what is built asks for other things that are built once, and locks of their own could then wait for
# each other in a circle. Nothing waits here after the first requests of a process.
BUILDING = RLock()


class once[T](cached_property[T]):  # noqa: N801 - a decorator
    """A `functools.cached_property` that builds a single value per instance.

    The standard library's has no lock since Python 3.12: two threads that meet an empty one build two values, and each
    goes on with its own. A value that is there is read as an ordinary attribute, without a call and without the lock.
    """

    def __init__(self, build: Callable[[Any], T]) -> None:
        super().__init__(build)

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Self | T:
        """The value of `instance`, built now if it is not there yet."""
        if instance is None:
            return self
        with BUILDING:
            return super().__get__(instance, owner)
