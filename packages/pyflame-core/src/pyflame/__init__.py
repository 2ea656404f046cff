"""PyFlame: lazy tensors for the Cerebras wafer."""

# Modules come in under private names: what is public here is exactly what dir(pyflame) shows.
import importlib as _importlib
import pkgutil as _pkgutil
import typing as _typing

# Finds parts installed elsewhere, editable ones too.
__path__ = _pkgutil.extend_path(__path__, __name__)

# <public names>
from ._layouts import (
    get_tile_shape as get_tile_shape,
    memory_usage_per_pe as memory_usage_per_pe,
    to_layout as to_layout,
)
from .errors import GraphError as GraphError
from .graph import (
    Graph as Graph,
    Node as Node,
    NodeType as NodeType,
    TensorSpec as TensorSpec,
    execute_graph as execute_graph,
    get_graph as get_graph,
    get_node as get_node,
    ir as ir,
    print_graph as print_graph,
    trace as trace,
)

# </public names>

# sub-package -> the distribution that ships it
_PARTS = {
    "nn": "pyflame-nn",
    "optim": "pyflame-nn",
    "data": "pyflame-nn",
    "datasets": "pyflame-nn",
    "metrics": "pyflame-nn",
    "training": "pyflame-nn",
    "models": "pyflame-nn",
    "hub": "pyflame-nn",
    "distributed": "pyflame-nn",
    "csl": "pyflame-csl",
    "tools": "pyflame-tools",
    "benchmarks": "pyflame-tools",
    "onnx": "pyflame-onnx",
    "serving": "pyflame-serve",
    "integrations": "pyflame-integrations",
    "lsp": "pyflame-lsp",
}

if _typing.TYPE_CHECKING:
    from . import data as data, nn as nn, optim as optim, training as training

    __version__: str
else:  # unseen by type checkers, to which a module __getattr__ would make every misspelt name valid

    def __getattr__(name: str):
        if name == "__version__":
            from importlib.metadata import version

            return version("pyflame-core")
        if name not in _PARTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        qualified = f"{__name__}.{name}"
        try:
            return _importlib.import_module(qualified)
        except ModuleNotFoundError as error:
            if error.name != qualified:  # the part is here, something it needs is not
                raise
            message = f"{qualified} is not installed: pip install {_PARTS[name]}"
            raise ModuleNotFoundError(message, name=qualified) from None


def __dir__() -> list[str]:
    present = {module.name for module in _pkgutil.iter_modules(__path__)} & _PARTS.keys()
    return sorted({name for name in globals() if not name.startswith("_")} | present)
