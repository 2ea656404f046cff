"""Where tensors live."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class device:
    """A place for tensors: "cpu" is the only one; backends are chosen for a run, not for a tensor.

    Raises:
        RuntimeError: another device is asked for.

    Example:
        >>> import pyflame as pf
        >>> pf.device("cpu") == pf.zeros(1).device
        True
    """

    type: str
    index: int | None = None

    def __post_init__(self) -> None:
        if str(self.type) != "cpu":
            raise RuntimeError(f"[device] {self.type!r} is not available: tensors live on 'cpu'")
        object.__setattr__(self, "type", "cpu")

    def __str__(self) -> str:
        return self.type


CPU = device("cpu")
