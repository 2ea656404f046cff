"""Parameters and buffers: the tensors a module owns."""

from __future__ import annotations

from pyflame import Parameter as Parameter, Tensor


class Buffer(Tensor):
    """A tensor that a module registers as a buffer when it is assigned to an attribute.

    Args:
        data: the values; the buffer is another handle on the same tensor.
        persistent: whether the buffer is part of `state_dict()`.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import nn
        >>> class Scaled(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = nn.Buffer(pf.tensor(2.0))
        >>> list(Scaled().state_dict())
        ['scale']
    """

    persistent: bool

    def __new__(cls, data: Tensor, *, persistent: bool = True) -> Buffer:
        self = super().__new__(cls, data)
        self.persistent = persistent
        return self
