"""The table of import maps: (domain, operator, version) -> function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import onnx.defs

from pyflame import Tensor

from ..values import Carried, ElementType, carry, check_count, lift, to_array

Function = TypeVar("Function", bound=Callable[..., Any])
EVERY = "*"


@dataclass(frozen=True)
class Map:
    """One way to compute one version of an operator.

    Attributes:
        op: the operator.
        function: takes the node's inputs in order, and its attributes by keyword.
        host: names of the parameters that are read on the host, as shapes and axes are; "*" for all.
        carried: what happens to types that PyFlame has no dtype for: "refuse", "same" for operators that only move
            elements, "own" for a function that takes them as they are, or a function (values, kind, attributes).
        counts_outputs: whether `function` takes `outputs`, the number of results that are used.
        random: whether the result is drawn anew at each call.
        version: the version it is registered for.
        places: the numbers of the inputs that are read on the host.
        attributes: names of the attributes.
        required: names of those that have no default.
    """

    op: str
    function: Callable[..., Any]
    host: tuple[str, ...] = ()
    carried: str | Callable[..., Any] = "refuse"
    counts_outputs: bool = False
    random: bool = False
    version: int = 0
    places: frozenset[int] = field(init=False)
    attributes: frozenset[str] = field(init=False)
    required: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.function).parameters
        positional = [name for name, p in parameters.items() if p.kind != p.KEYWORD_ONLY]
        places = range(64) if EVERY in self.host else [i for i, name in enumerate(positional) if name in self.host]
        object.__setattr__(self, "places", frozenset(places))
        required = (n for n, p in parameters.items() if p.kind == p.KEYWORD_ONLY and p.default is p.empty)
        object.__setattr__(self, "required", frozenset(required))
        object.__setattr__(self, "attributes", frozenset(n for n, p in parameters.items() if p.kind == p.KEYWORD_ONLY))

    def __call__(self, *values: Any, **attributes: Any) -> Any:
        """Compute the operator; where all values are known on the host, so is the result."""
        # Functions that read everything on the host return arrays themselves where they can.
        known = EVERY not in self.host and bool(values) and all(v is None or isinstance(v, np.ndarray) for v in values)
        places = self.places
        ready = [
            lift(value) if isinstance(value, np.ndarray) and place not in places else value
            for place, value in enumerate(values)
        ]
        if any(isinstance(value, Carried) for value in ready) and self.carried != "own":
            result = self.compute_carried(ready, attributes)
        else:
            result = self.function(*ready, **attributes)
        if isinstance(result, Tensor):  # recorded, not computed: there is still time
            check_count(result.numel(), self.op)
        return to_array(result) if known and not self.random else result

    def compute_carried(self, values: Sequence[Any], attributes: dict[str, Any]) -> Any:
        kind = next(value.type for value in values if isinstance(value, Carried))
        if self.carried == "refuse":
            raise NotImplementedError(f"[{self.op}] of {kind.name} tensors has no map: cast to another type before it")
        plain = [value.tensor if isinstance(value, Carried) else value for value in values]
        if self.carried == "same":
            return carry_all(self.function(*plain, **attributes), kind)
        assert callable(self.carried)
        return self.carried(self.function, plain, kind, attributes)


def carry_all(result: Any, kind: ElementType) -> Any:
    """Give tensors their element type back."""
    if isinstance(result, Tensor):
        return carry(result, kind)
    return type(result)(carry_all(part, kind) for part in result) if isinstance(result, (tuple, list)) else result


TABLE: dict[tuple[str, str, int], Map] = {}


def maps(
    op: str,
    *versions: int,
    domain: str = "",
    host: str | Sequence[str] = (),
    carried: str | Callable[..., Any] = "refuse",
    counts_outputs: bool = False,
    random: bool = False,
) -> Callable[[Function], Function]:
    """Register the decorated function for versions of an operator.

    Args:
        op: the operator's name.
        versions: the versions it implements, each the opset that introduced it.
        domain: the operator's domain.
        host: names of the parameters that are read on the host.
        carried: what happens to element types without a dtype; see `Map`.
        counts_outputs: pass the number of used results as `outputs`.
        random: the result is drawn anew at each call.

    Raises:
        ValueError: one of them has a map already.
    """

    def register(function: Function) -> Function:
        places = (host,) if isinstance(host, str) else tuple(host)
        for version in versions:
            add(domain, version, Map(op, function, places, carried, counts_outputs, random))
        return function

    return register


def add(domain: str, version: int, entry: Map) -> None:
    """Register a map.

    Raises:
        ValueError: there is one already.
    """
    key = (domain, entry.op, version)
    if key in TABLE:
        raise ValueError(f"[onnx] {entry.op}-{version} of domain {domain!r} has a map already: {TABLE[key].function}")
    TABLE[key] = replace(entry, version=version)


def operator(op: str, version: int, domain: str = "") -> Map:
    """Return the map of one version of an operator, as written-out models call it.

    Raises:
        KeyError: there is none.
    """
    if (domain, op, version) not in TABLE:
        raise KeyError(f"[onnx] {op}-{version} of domain {domain or 'ai.onnx'!r} has no map in this pyflame-onnx")
    return TABLE[domain, op, version]


def since_version(op: str, opset: int, domain: str = "") -> int | None:
    """Return the version of an operator that an opset selects; None if there is no such operator in it."""
    try:
        schema = onnx.defs.get_schema(op, opset, domain)
    except onnx.defs.SchemaError:
        return None
    return None if schema.deprecated else int(schema.since_version)


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
