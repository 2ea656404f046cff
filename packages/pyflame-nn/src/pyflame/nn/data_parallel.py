"""PyTorch's wrapper for several GPUs, which here is a wrapper for one device."""

from __future__ import annotations

from typing import Any

from .module import Module


class DataParallel(Module):
    """Calls a module; its state dict has the keys `module.*` that PyTorch's has.

    There is one device, so the batch is not split. `pyflame.distributed` trains in several processes.

    Args:
        module: what is called.
        device_ids: None or empty, as there are no GPUs.

    Raises:
        RuntimeError: devices are named.

    Example:
        >>> from pyflame import nn
        >>> list(nn.DataParallel(nn.Linear(2, 1)).state_dict())
        ['module.weight', 'module.bias']
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        if device_ids or output_device is not None:
            raise RuntimeError(
                f"[DataParallel] devices {device_ids or output_device}: there are no GPUs; leave device_ids None, or "
                f"use pyflame.distributed for several processes"
            )
        self.module, self.dim = module, dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
