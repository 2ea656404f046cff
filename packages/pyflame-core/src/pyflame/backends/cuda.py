"""There are no NVIDIA devices; the module answers code that asks for them."""


def is_available() -> bool:
    """Whether there are NVIDIA devices: False.

    Example:
        >>> is_available()
        False
    """
    return False
