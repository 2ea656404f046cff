"""Extending PyFlame from outside: custom operations, plugins, and registries."""

from __future__ import annotations

from .check import CheckReport as CheckReport, Finding as Finding, check as check
from .custom_ops import (
    clear_custom_ops as clear_custom_ops,
    custom_op as custom_op,
    get_custom_op as get_custom_op,
    list_custom_ops as list_custom_ops,
    register_custom_op as register_custom_op,
    unregister_custom_op as unregister_custom_op,
)
from .declaration import CSLTemplateInfo as CSLTemplateInfo, CustomOp as CustomOp
