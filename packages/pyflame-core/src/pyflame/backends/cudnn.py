"""There is no cuDNN: its settings may be set, and change nothing. Results are the same in each run without them."""

enabled = False
benchmark = False
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """Whether there is cuDNN: False.

    Example:
        >>> is_available()
        False
    """
    return False
