"""The table of import maps: (domain, operator, version) -> function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import onnx.defs

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Map:
    """One way to compute one version of an operator.

    Attributes:
        function: takes the node's inputs in order, and its attributes by keyword.
        counts_outputs: whether `function` takes `outputs`, the number of results that are used.
    """

    function: Callable[..., Any]
    counts_outputs: bool = False


TABLE: dict[tuple[str, str, int], Map] = {}


def maps(op: str, *versions: int, domain: str = "", counts_outputs: bool = False) -> Callable[[Function], Function]:
    """Register the decorated function for versions of an operator.

    Args:
        op: the operator's name.
        versions: the versions it implements, each the opset that introduced it.
        domain: the operator's domain.
        counts_outputs: pass the number of used results as `outputs`.

    Raises:
        ValueError: one of them has a map already.
    """

    def register(function: Function) -> Function:
        for version in versions:
            key = (domain, op, version)
            if key in TABLE:
                raise ValueError(f"[onnx] {op}-{version} of domain {domain!r} has a map already: {TABLE[key].function}")
            TABLE[key] = Map(function, counts_outputs)
        return function

    return register


def since_version(op: str, opset: int, domain: str = "") -> int | None:
    """Return the version of an operator that an opset selects; None if there is no such operator in it."""
    try:
        return int(onnx.defs.get_schema(op, opset, domain).since_version)
    except onnx.defs.SchemaError:
        return None


def find(op: str, opset: int, domain: str = "") -> Map | None:
    """Return the map of an operator in an opset; None if there is none."""
    version = since_version(op, opset, domain)
    if version is None:  # a domain that onnx does not know: what a plugin registered, the newest up to the opset
        known = [v for (d, name, v) in TABLE if (d, name) == (domain, op) and v <= opset and domain]
        version = max(known, default=None)
    return None if version is None else TABLE.get((domain, op, version))


def supported(domain: str = "") -> dict[str, tuple[int, ...]]:
    """Return operator -> versions that have a map."""
    found: dict[str, list[int]] = {}
    for owner, op, version in sorted(TABLE):
        if owner == domain:
            found.setdefault(op, []).append(version)
    return {op: tuple(versions) for op, versions in found.items()}
