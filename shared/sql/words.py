"""Word lists, written as text because they are read as text."""


def make_words(*texts: str) -> frozenset[str]:
    """The words of all texts, as a set."""
    return frozenset(word for text in texts for word in text.split())
