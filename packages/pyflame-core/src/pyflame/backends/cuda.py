"""There are no NVIDIA devices; the module answers code that asks for them, as PyTorch does where there are none."""

from types import SimpleNamespace

# Settings of products on such devices: they may be set, and change nothing.
matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
)


def is_available() -> bool:
    """Whether there are NVIDIA devices: False.

    Example:
        >>> is_available()
        False
    """
    return False


def device_count() -> int:
    """How many NVIDIA devices there are: 0.

    Example:
        >>> device_count()
        0
    """
    return 0


def is_bf16_supported() -> bool:
    """Whether NVIDIA devices compute with bfloat16: False, as there are none.

    Example:
        >>> is_bf16_supported()
        False
    """
    return False


def manual_seed(seed: int) -> None:
    """Seed an NVIDIA device, of which there is none; `pyflame.manual_seed` seeds what there is.

    Example:
        >>> manual_seed(0)
    """


def manual_seed_all(seed: int) -> None:
    """Seed all NVIDIA devices, of which there are none; `pyflame.manual_seed` seeds what there is.

    Example:
        >>> manual_seed_all(0)
    """


def empty_cache() -> None:
    """Return the memory of NVIDIA devices, of which there are none; `pyflame.empty_cache` returns what there is.

    Example:
        >>> empty_cache()
    """
