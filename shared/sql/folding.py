"""How BigQuery compares names whose case does not matter: by the letters A to Z alone.

`str.lower` knows more letters than BigQuery does and makes some equal that are not: U+212A, the sign for
kelvin, becomes a plain k, and two names that BigQuery tells apart would be one.
"""

import string

_TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_TO_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def fold_name(name: str) -> str:
    """The name with A to Z in lower case, and nothing else changed."""
    return name.lower() if name.isascii() else name.translate(_TO_LOWER)


def upper_name(name: str) -> str:
    """The name with a to z in upper case, and nothing else changed."""
    return name.upper() if name.isascii() else name.translate(_TO_UPPER)
