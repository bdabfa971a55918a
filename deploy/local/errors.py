"""The errors of the local stack's commands."""


class StackError(Exception):
    """What keeps a command from doing its work: one sentence for the terminal, what to change included."""
