"""Extending PyFlame from outside: custom operations, plugins, and registries."""

from __future__ import annotations

from ..autograd.function import Function as _Function
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
from .manager import PluginManager as PluginManager
from .plugin import (
    API_VERSION as API_VERSION,
    CAPABILITIES as CAPABILITIES,
    Plugin as Plugin,
    PluginError as PluginError,
    PluginInfo as PluginInfo,
)
from .plugins import (
    diagnose as diagnose,
    discover_plugins as discover_plugins,
    get_plugin as get_plugin,
    list_plugins as list_plugins,
    load_plugin as load_plugin,
    register_plugin as register_plugin,
    unload_plugin as unload_plugin,
)
from .registry import (
    register_backend as register_backend,
    register_integration as register_integration,
    register_pass as register_pass,
    register_serializer as register_serializer,
)

AutogradFunction = _Function
