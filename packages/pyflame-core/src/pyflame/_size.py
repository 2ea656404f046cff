"""The shape of a tensor."""

from __future__ import annotations

from . import _core


class Size(tuple[int, ...]):
    """A shape: a tuple of sizes.

    Example:
        >>> import pyflame as pf
        >>> pf.zeros(2, 3).shape
        pyflame.Size([2, 3])
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape.

        Example:
            >>> import pyflame as pf
            >>> pf.Size([2, 3]).numel()
            6
        """
        count = 1
        for size in self:
            count *= size
        return count

    def __repr__(self) -> str:
        return f"pyflame.Size({list(self)})"


_core.register_size(Size)
