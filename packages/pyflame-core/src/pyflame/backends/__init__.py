"""Where graphs are evaluated: the core's CPU, and backends registered by name or offered by an entry point."""

from __future__ import annotations

from . import cuda as cuda, cudnn as cudnn, mps as mps
from .active import Backend as Backend, use_backend as use_backend
from .devices import device_info as device_info, get_device as get_device, set_device as set_device
from .protocol import BackendBase as BackendBase
from .registry import (
    get as get,
    is_available as is_available,
    list as list,
    register as register,
    unregister as unregister,
)
