"""Whether somebody wants it."""

from deploy.stage import Stage
from deploy.stages.revisions import UnchangedError


def confirm(stage: Stage, *, is_confirmed: bool) -> None:
    """Have the stage's name typed, unless it `is_confirmed` already. Raises UnchangedError."""
    if is_confirmed:
        return
    try:
        typed = input(f"Type {stage.name} to go on: ")
    except EOFError:
        typed = ""
    if typed.strip() != stage.name:
        raise UnchangedError("not confirmed; nothing was changed (--yes confirms without a question)")
