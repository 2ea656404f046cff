"""There are no Apple devices; the module answers code that asks for them."""


def is_available() -> bool:
    """Whether there are Apple devices: False.

    Example:
        >>> is_available()
        False
    """
    return False
