"""Where tensors are computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class device:
    """A place where tensors are computed: "cpu", or a backend that is registered and can run here.

    Values lie in the memory of the process, whichever backend computes them.

    Raises:
        RuntimeError: there is no such device.

    Example:
        >>> import pyflame as pf
        >>> pf.device("cpu") == pf.zeros(1).device
        True
    """

    type: str
    index: int | None = None

    def __post_init__(self) -> None:
        name, _, number = str(self.type).rpartition(":")
        if name and number.isdigit():
            object.__setattr__(self, "type", name)
            object.__setattr__(self, "index", int(number))
        if self.type != "cpu":
            object.__setattr__(self, "type", str(self.type))
            from .backends.active import usable

            try:
                usable(self.type)
            except RuntimeError as error:
                raise RuntimeError(f"[device] {self.type!r} cannot be used: {error}") from error

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"


CPU = device("cpu")
