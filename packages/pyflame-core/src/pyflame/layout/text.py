"""The text form of a layout: one call such as `grid(4, 4, dim_to_pe={-1: 0})`."""

from __future__ import annotations

import ast
from typing import Any

from .tiles import OwnerFn


def format_call(name: str, args: tuple[int, ...], keywords: dict[str, Any]) -> str:
    parts = [*map(str, args), *(f"{key}={value!r}" for key, value in keywords.items())]
    return f"{name}({', '.join(parts)})"


def parse_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Call):
            args = [ast.literal_eval(arg) for arg in node.args]
            keywords = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg is not None}
            if len(keywords) == len(node.keywords):
                return ast.unparse(node.func).removeprefix("MeshLayout."), args, keywords
    except (SyntaxError, ValueError):
        pass
    raise ValueError(f"[layout] cannot read {text!r}: write it like 'grid(4, 4)' or 'row_partition(8)'")


def owner_name(owner_fn: OwnerFn) -> str:
    """`module:name` of the function, whether or not another process could find it by that name."""
    module = getattr(owner_fn, "__module__", type(owner_fn).__module__)
    return f"{module}:{getattr(owner_fn, '__qualname__', type(owner_fn).__qualname__)}"


def stored_owner_name(owner_fn: OwnerFn) -> str:
    name = owner_name(owner_fn)
    if "<" in name:
        raise ValueError(
            f"[layout] owner_fn {name} has no name a reader could find it by: define it with def at module level"
        )
    return name


def check_owner(name: object, owner_fn: OwnerFn | None) -> OwnerFn:
    # A file must not choose which function runs, so the reader hands it over and the name only confirms it.
    if owner_fn is None:
        raise ValueError(f"[layout] a custom layout needs its function: pass owner_fn={name}")
    if owner_name(owner_fn) != name:
        raise ValueError(f"[layout] owner_fn is {owner_name(owner_fn)}, the stored layout was made with {name}")
    return owner_fn
