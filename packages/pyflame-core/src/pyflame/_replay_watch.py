"""Calling a function under observation: which code ran, and whether another call would do the same and nothing else."""

from __future__ import annotations

import builtins
import dis
import gc
import importlib
import sys
import sysconfig
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import _core
from ._core import TensorBase
from ._replay_state import State, Unseen, is_module, trusted

# Opcodes that change what outlives the call, as far as can be told from the code.
STORES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR", "STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"}
IMPURE_BUILTINS = {"print", "open", "input", "exec", "eval", "globals", "locals", "vars", "setattr", "delattr", "id"}
IMPURE_BUILTINS |= {"__import__", "breakpoint", "dir", "compile"}
# Attributes of tensors whose values no replay compares.
UNSEEN_NAMES = {
    "grad",
    "grad_fn",
    "_version",
    "data_ptr",
    "is_leaf",
    "is_lazy",
    "is_evaluated",
}
UNSEEN_NAMES |= {"register_hook", "retain_grad", "manual_seed"}
PURE_OWNERS = (str, bytes, int, float, complex, tuple, frozenset, range, slice, TensorBase)
MUTABLE_OWNERS = (list, dict, set)
READERS = {
    "copy",
    "count",
    "index",
    "get",
    "items",
    "keys",
    "values",
    "union",
    "intersection",
    "difference",
    "issubset",
}
READERS |= {"issuperset", "isdisjoint", "__contains__", "__getitem__", "__len__", "__iter__"}


FIND_AND_LOAD: types.CodeType = importlib._bootstrap._find_and_load.__code__  # type: ignore[attr-defined]


class Watch:
    """What happened during one call: the user's code that ran, and what it called."""

    def __init__(self) -> None:
        self.codes: dict[types.CodeType, dict[str, Any]] = {}
        self.reason: str | None = None
        self._overlooked_runs = self._overlooked_changes = 0
        self._thread = threading.get_ident()
        self._interrupted: tuple[Any, int, int] = (None, 0, 0)  # profile function, runs, changes before a collection
        self._imports = 0  # one within the other
        self._written: list[tuple[Any, str]] = []
        self._own = tuple(f"{path}/" for path in sys.modules[__package__].__path__)
        self._standard = (sysconfig.get_path("stdlib"), "<frozen ")
        self._helpers: set[types.CodeType] = set()  # of the standard library, called by the library's own code

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The function's result."""
        runs, changes = _core.thread_runs(), _core.changes()
        gc.callbacks.insert(0, self._before_collection)  # so that callbacks of others are not watched either
        gc.callbacks.append(self._after_collection)
        sys.setprofile(self._event)
        try:
            result = function(*args, **kwargs)
        finally:
            sys.setprofile(None)
            gc.callbacks.remove(self._before_collection)
            gc.callbacks.remove(self._after_collection)
        if _core.thread_runs() != runs + self._overlooked_runs:
            self._refuse("asks for the values of tensors while it runs")
        if _core.changes() != changes + self._overlooked_changes:
            self._refuse("changes attributes of modules")
        return result

    def overlook(self, method: Callable[[], Any], running: types.CodeType) -> None:
        """Call a method, which runs already, again: replays do so too, so what it does does not matter here."""
        runs = _core.thread_runs()
        sys.setprofile(None)
        try:
            method()
        finally:
            sys.setprofile(self._event)
        self.codes.pop(running, None)
        self._overlooked_runs += _core.thread_runs() - runs

    def _before_collection(self, phase: str, info: dict[str, int]) -> None:
        """Look away while garbage is collected: what finalizers do is no part of the function that they interrupt."""
        if phase == "start" and threading.get_ident() == self._thread:
            self._interrupted = sys.getprofile(), _core.thread_runs(), _core.changes()
            sys.setprofile(None)

    def _after_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and threading.get_ident() == self._thread:
            watching, runs, changes = self._interrupted
            self._overlooked_changes += _core.changes() - changes
            if watching is not None:  # else `overlook` counts the runs
                self._overlooked_runs += _core.thread_runs() - runs
            sys.setprofile(watching)

    def _refuse(self, reason: str) -> None:
        self.reason = self.reason or reason

    def _event(self, frame: types.FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if self._in_import(event, frame):
            return
        if event == "call":
            self._ran(code, frame)
        elif event == "c_call":
            outside = getattr(argument, "__module__", None) in ("io", "_io", "posix", "nt")
            if outside or not self._is_own(code):
                self._called(argument, f"{code.co_name}, line {frame.f_lineno},")

    def _in_import(self, event: str, frame: types.FrameType) -> bool:
        """Whether it belongs to an import by the library, which finders and the imported modules take part in."""
        if frame.f_code is FIND_AND_LOAD and event in ("call", "return"):
            by_library = frame.f_back is not None and self._is_own(frame.f_back.f_code)
            if self._imports or by_library:
                self._imports += 1 if event == "call" else -1
                return True
        return self._imports > 0

    def _ran(self, code: types.CodeType, frame: types.FrameType) -> None:
        file, caller = code.co_filename, frame.f_back
        if file.startswith(self._own):
            return
        standard = file.startswith(self._standard) and "-packages" not in file
        if standard and caller is not None and self._is_own(caller.f_code) and code not in self.codes:
            self._helpers.add(code)
        else:
            self._helpers.discard(code)
            self.codes[code] = frame.f_globals

    def _is_own(self, code: types.CodeType) -> bool:
        return code.co_filename.startswith(self._own) or code in self._helpers

    def _called(self, function: Any, where: str) -> None:
        owner, name = getattr(function, "__self__", None), function.__name__
        if isinstance(owner, types.ModuleType):
            if not trusted(owner.__name__) or owner is builtins and name in IMPURE_BUILTINS:
                self._refuse(f"{where} calls {name}")
        elif isinstance(owner, MUTABLE_OWNERS):
            if name not in READERS:
                self._written.append(
                    (owner, f"{where} calls {name} of a {type(owner).__name__} that outlives the call")
                )
        elif isinstance(owner, type):
            if not issubclass(owner, (*PURE_OWNERS, *MUTABLE_OWNERS)):
                self._refuse(f"{where} calls {owner.__name__}.{name}")
        elif (
            not isinstance(owner, PURE_OWNERS)
            and type(owner).__name__ != "PyCapsule"
            and not trusted(type(owner).__module__)
        ):
            if owner is not None or not trusted(getattr(function, "__module__", None)):
                self._refuse(f"{where} calls {name}")

    def state(self, function: Callable[..., Any]) -> State:
        """What the function read.

        Raises:
            Unseen: it cannot be replayed; the text says why.
        """
        if self.reason:
            raise Unseen(self.reason)
        names: set[str] | None = set()
        loads: list[tuple[dict[str, Any], str]] = []
        for code, variables in self.codes.items():
            for name, kind in scan(code):
                if kind == "global":
                    loads.append((variables, name))
                    if name in ("getattr", "hasattr") and name not in variables:
                        names = None
                elif names is not None:
                    names.add(name)
        if names is not None and (found := names & UNSEEN_NAMES):
            raise Unseen(f"uses {min(found)}, which depends on more than values")
        state = State(names)
        if is_module(function) or isinstance(function, types.MethodType):
            state.add(function, "the module" if is_module(function) else "self")
        elif not isinstance(function, types.FunctionType):
            state.add(function, "the callable")
        for variables, name in loads:
            if name in variables:
                state.add_item(variables, name, name)
            elif name in IMPURE_BUILTINS:
                raise Unseen(f"calls {name}")
            else:
                state.guards.add_missing(variables, name)
        for found_function in self._functions():
            for name, cell in zip(found_function.__code__.co_freevars, found_function.__closure__ or ()):
                if not is_empty(cell):
                    state.add_cell(cell, name)
            for value in (found_function.__defaults__ or ()) + tuple((found_function.__kwdefaults__ or {}).values()):
                state.add(value, f"a default of {found_function.__name__}")
        for owner, reason in self._written:
            if owner in state:
                raise Unseen(reason)
        return state

    def _functions(self) -> Iterator[types.FunctionType]:
        """Functions whose code ran, without those made during the call: their variables come from it."""
        inner = {constant for code in self.codes for constant in code.co_consts if isinstance(constant, types.CodeType)}
        outer = [code for code in self.codes if code not in inner]
        for found in gc.get_referrers(*outer) if outer else ():
            if isinstance(found, types.FunctionType) and found.__code__ in self.codes:
                yield found


def is_empty(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def scan(code: types.CodeType) -> Iterator[tuple[str, str]]:
    """Names that the code reads, each with "global" or "attribute".

    Raises:
        Unseen: it changes something that outlives the call.
    """
    for instruction in dis.get_instructions(code):
        name, what = instruction.opname, instruction.argval
        if name in STORES or name in ("STORE_DEREF", "DELETE_DEREF") and what in code.co_freevars:
            raise Unseen(f"{code.co_name} changes a variable, attribute or item: {name} {what or ''}".rstrip())
        if name == "IMPORT_NAME" and not trusted(what):
            raise Unseen(f"{code.co_name} imports {what} while it runs")
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield what, "global"
        elif name in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"):
            yield what, "attribute"
