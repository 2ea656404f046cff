"""The base of all layers, and hooks on all of them."""

from __future__ import annotations

from ..everywhere import (
    register_module_forward_hook as register_module_forward_hook,
    register_module_forward_pre_hook as register_module_forward_pre_hook,
    register_module_full_backward_hook as register_module_full_backward_hook,
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
)
from ..module import Module as Module
