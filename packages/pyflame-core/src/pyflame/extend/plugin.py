"""What a plugin is, and what is known about one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

API_VERSION = (1, 0)
"""Version of what plugins may rely on: a minor version adds, a major version changes."""

CAPABILITIES = frozenset(
    {"custom_ops", "batching_rules", "cost_models", "onnx_maps", "csl_templates", "backends", "passes", "serializers"}
    | {"models", "integrations", "cli"}
)
"""What this version offers beyond the base; a plugin names what it cannot do without in `requires`."""


class PluginError(RuntimeError):
    """A plugin cannot be loaded or unloaded."""


class Plugin(ABC):
    """Something that adds operations, backends, models, integrations or commands.

    A subclass sets `name` and what it wants of the rest. Loading calls `setup`, then registers what the `get_` methods
    give; if anything raises, all of it is taken back. Unloading calls `teardown` and takes everything back, also what
    `setup` registered itself through the functions of PyFlame.

    Example:
        >>> from pyflame import extend
        >>> class Squares(extend.Plugin):
        ...     name = "doc-squares"
        ...     def get_custom_ops(self):
        ...         return {"doc_square": lambda x: x * x}
        >>> _ = extend.register_plugin(Squares)
        >>> _ = extend.load_plugin("doc-squares")
        >>> extend.get_custom_op("doc_square").name
        'doc_square'
        >>> extend.unload_plugin("doc-squares")
        >>> extend.list_custom_ops()
        []
    """

    version: ClassVar[str] = "0"
    description: ClassVar[str] = ""
    dependencies: ClassVar[tuple[str, ...]] = ()
    api: ClassVar[str] = ">=1,<2"
    requires: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique name, set as a class attribute; that of the entry point if there is one."""

    def setup(self) -> None:  # noqa: B027  # few need it
        """Prepare; may register anything."""

    def teardown(self) -> None:  # noqa: B027  # few need it
        """Release what `setup` acquired. Registrations are taken back afterwards."""

    def get_custom_ops(self) -> Mapping[str, Callable[..., Any] | Mapping[str, Any]]:
        """Operations: {name: forward function, or the keywords of `register_custom_op`}."""
        return {}

    def get_models(self) -> Mapping[str, Callable[..., Any]]:
        """Models: {name: what makes one}."""
        return {}

    def get_backends(self) -> Mapping[str, Callable[[], Any]]:
        """Backends: {name: what makes one}."""
        return {}

    def get_integrations(self) -> Mapping[str, Any]:
        """Integrations: {name: object}."""
        return {}

    def get_cli(self) -> Mapping[str, Callable[[Any], None]]:
        """Commands of `pyflame`: {name: function of the argparse subparsers}."""
        return {}

    def get_info(self) -> dict[str, Any]:
        """Name, version, description and dependencies."""
        return {
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "dependencies": list(self.dependencies),
        }


@dataclass(frozen=True)
class PluginInfo:
    """A row of `list_plugins`.

    Args:
        name: that of the entry point or the class.
        version: that of the class once it is imported, before that of its distribution.
        description: one line.
        state: "found" (installed, not imported), "registered" (by `register_plugin`), "loaded", or "broken".
        target: "module:Class".
        distribution: what it is installed by, or empty.
        error: why it is broken, and what to do.
        traceback: of the exception, if its code raised one.
    """

    name: str
    version: str = ""
    description: str = ""
    state: str = "found"
    target: str = ""
    distribution: str = ""
    error: str = ""
    traceback: str = ""

    def as_dict(self) -> dict[str, str]:
        """The row as plain data."""
        return asdict(self)


_CLAUSE = re.compile(r"\s*(>=|<=|==|!=|<|>)\s*(\d+(?:\.\d+)*)\s*$")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}


def check_api(name: str, stated: str) -> None:
    """Compare what a plugin was written for with what there is.

    Args:
        name: of the plugin.
        stated: versions it works with, such as ">=1,<2".

    Raises:
        PluginError: they do not meet, or `stated` is no list of versions.
    """
    for part in stated.split(","):
        clause = _CLAUSE.match(part)
        if clause is None:
            raise PluginError(f"[plugin] {name} states api {stated!r}: expected clauses such as '>=1,<2'")
        wanted = tuple(int(number) for number in clause[2].split("."))
        width = max(len(wanted), len(API_VERSION))
        have, want = (version + (0,) * (width - len(version)) for version in (API_VERSION, wanted))
        if not _COMPARE[clause[1]](have, want):
            now = ".".join(map(str, API_VERSION))
            newer = "pyflame-core" if clause[1] in (">", ">=") else f"{name}"
            raise PluginError(f"[plugin] {name} needs plugin api {stated}, this is {now}: update {newer}")


def check_requires(name: str, requires: tuple[str, ...]) -> None:
    """Compare the capabilities a plugin needs with those there are.

    Raises:
        PluginError: some are missing.
    """
    missing = [item for item in requires if item not in CAPABILITIES]
    if missing:
        raise PluginError(
            f"[plugin] {name} requires {', '.join(missing)}, which this pyflame-core has not: update pyflame-core"
        )
