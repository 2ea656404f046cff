"""What is wrong with a program, without running it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .compiler import ARCHES, compile_program, parameter
from .comptime import types as t
from .comptime.faults import Fault
from .comptime.layout import Layout
from .comptime.modules import Instance
from .comptime.session import Session, deep_recursion, parsed
from .comptime.values import FunctionRef, Register, Storage, Value
from .diagnostics import Diagnostic, has_errors
from .lower.function import Lowering
from .syntax import ast
from .syntax.source import Source

STEP_LIMIT = 200_000
# Of a function on its own these are no errors: it may be meant for arguments known while compiling.
_DEPENDS_ON_USE = frozenset(
    ("comptime-required", "assert-failed", "unsupported", "missing-return", "wrong-context")
    + ("import-not-found", "implicit-conversion")
)


def check(
    program: str | bytes | os.PathLike[str],
    params: Mapping[str, object] | None = None,
    target: str = "wse3",
    path: str | os.PathLike[str] | None = None,
) -> list[Diagnostic]:
    """Return what is wrong with a CSL file or text; nothing is raised for what it holds.

    A layout whose parameters all have values is compiled with all its programs. Of other files everything is looked at
    that does not depend on a parameter without a value.

    Args:
        program: a text, or the Path of a file.
        params: values of parameters.
        target: "wse2" or "wse3".
        path: where a text is from, for messages and imports; without it imports are not followed.

    Raises:
        OSError: the file cannot be read.
        ValueError: `target` is neither "wse2" nor "wse3".

    Example:
        >>> import pyflame as pf
        >>> for found in pf.csl.check("const size: u8 = 300;"):
        ...     print(found)
        <text>:1:18: error: 300 does not fit into u8, which holds 0 to 255 [value-range]
          hint: choose a wider type, or cut it with @as(u8, ...)
    """
    if target not in ARCHES:
        raise ValueError(f"[csl] target is {target!r}: wse2 and wse3 are known")
    if isinstance(program, str | bytes):
        source = Source(program, "<text>" if path is None else str(path))
    else:
        source = Source(Path(program).read_bytes(), str(program))
    module, found = parsed(source.data, source.path)
    if has_errors(found):
        return list(found)
    given = dict(params or {})
    declared = {item.name.id: item for item in module.items if isinstance(item, ast.ParamDecl)}
    layout = any(isinstance(item, ast.LayoutBlock) for item in module.items)
    if (
        layout
        and not isinstance(program, str | bytes)
        and all(p.default or name in given for name, p in declared.items())
    ):
        return compile_program(Path(program), target, given)[1]
    return _check_alone(source, given, target)


def _check_alone(source: Source, params: Mapping[str, object], target: str) -> list[Diagnostic]:
    session = Session(target, step_limit=STEP_LIMIT, tolerant=True)
    with deep_recursion():
        try:
            file = session.add(source.data, source.path)
            values = {name: parameter(name, given) for name, given in params.items()}
            _check_instance(session, Instance(session, file, values, ("check",)))
        except Fault as fault:
            session.report.fault(fault)
        except RecursionError:
            session.report.error("call-depth", None, "the program nests deeper than this front end follows")
    here = source.path != "<text>"
    return [found for found in session.report.all() if here or found.code != "import-not-found"]


def _check_instance(session: Session, instance: Instance) -> None:
    session.prepare(instance)
    block = instance.file.layout
    if block is not None:
        session.layout = Layout()
        session.attempt(lambda: session.evaluator.block(block.body, instance.scope))
        session.layout = None
    for name in instance.file.decls:
        session.attempt(lambda name=name: _check_global(session, instance, name))


def _check_global(session: Session, instance: Instance, name: str) -> None:
    found = instance.get(name)
    if isinstance(found, Storage) or not isinstance(found, Value) or not isinstance(found.data, FunctionRef):
        return
    if any(param.comptime for param in found.data.decl.params):
        return  # it needs its arguments while compiling
    signature = session.evaluator.signature(found.data)
    if signature is None or signature[1] == t.ANY:
        return
    types, result = signature
    plain = [type_ for type_ in types if t.is_runtime(type_) and type_ not in t.IDS | {t.VOID, t.DIRECTION}]
    if len(plain) != len(types) or not t.is_runtime(result) or t.in_memory(result):
        return  # it needs its arguments while compiling
    before = dict(session.report.found)
    try:
        binding = [Register(type_, number) for number, type_ in enumerate(types)]
        Lowering(session).specialised(found.data, list(binding), list(types), result)
    except Fault as fault:
        session.report.fault(fault)
    for key in session.report.found.keys() - before.keys():
        if session.report.found[key].code in _DEPENDS_ON_USE:
            del session.report.found[key]
