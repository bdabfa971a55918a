"""When a function's process looks for garbage: from its first answer on.

What a function imports are 200,000 objects that stay for good. As they come, Python would look through all of them
for garbage many times and find next to none (845 objects in a process that saves): a tenth of a cold start.
"""

import gc

_USUAL = gc.get_threshold()
# Not never: a process that is asked for nothing but its health may live long. Twice what the largest import leaves: one
# look through a function that plans queries is a tenth of its first answer.
_STARTING = 1_000_000


def postpone_collection() -> None:
    """Look for garbage rarely from now on."""
    gc.set_threshold(_STARTING)


def resume_collection() -> None:
    """Look for it as usual among what comes from now on; what is there stays, and is not looked through again."""
    if gc.get_threshold()[0] == _STARTING:
        gc.set_threshold(*_USUAL)
        gc.freeze()
