"""Devices: the backend that evaluates, as code written for other frameworks chooses it."""

from __future__ import annotations

from typing import Any

from .._device import device
from . import active, registry


def set_device(spec: str | device) -> None:
    """Choose the backend of the process.

    Args:
        spec: "cpu", "cerebras", "cerebras:simulator", or the name of a registered backend.

    Raises:
        RuntimeError: it does not exist or cannot run here.

    Example:
        >>> import pyflame as pf
        >>> pf.set_device("cpu")
        >>> pf.get_device()
        device(type='cpu', index=None)
    """
    active.set_default(str(spec))


def get_device() -> device:
    """The device that evaluates here."""
    return device(active.current())


def device_info(spec: str | device | None = None) -> dict[str, Any]:
    """What a device is.

    Args:
        spec: name, by default that of the device in force.

    Raises:
        RuntimeError: there is no such device.

    Example:
        >>> import pyflame as pf
        >>> pf.device_info()["type"]
        'cpu'
    """
    name = active.current() if spec is None else str(spec)
    backend = registry.get(name)
    available = bool(backend.is_available()) if hasattr(backend, "is_available") else True
    described = backend.device_info() if hasattr(backend, "device_info") else {"name": name}
    return {**described, "available": available}
