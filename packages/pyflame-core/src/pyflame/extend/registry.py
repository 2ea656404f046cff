"""What extensions may register besides custom operations."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from .._journal import Registry, note

if TYPE_CHECKING:
    from ..graph import Graph
    from ..io.source import Source
    from ..optimize import Pass

models: Registry[Callable[..., Any]] = Registry("models", "model")
integrations: Registry[Any] = Registry("integrations", "integration")
commands: Registry[Callable[[Any], None]] = Registry("cli", "command")


def register_pass(name: str, pass_: Pass | Callable[[Graph], Graph]) -> None:
    """Make a pass known by a name; see `pyflame.optimize.register_pass`.

    Args:
        name: new name.
        pass_: pass, or function from graph to graph.

    Raises:
        ValueError: the name is taken.
    """
    from .. import optimize

    optimize.register_pass(name, pass_)


def register_backend(name: str, factory: Callable[[], Any]) -> None:
    """Make a backend known by a name; see `pyflame.backends.register`.

    Args:
        name: new name.
        factory: makes the backend when it is first used.

    Raises:
        ValueError: the name is taken.
    """
    from .. import backends

    backends.register(name, factory)


def register_integration(name: str, integration: Any) -> None:
    """Make an integration known by a name.

    Args:
        name: new name.
        integration: any object; `registry.integrations.get(name)` gives it back.

    Raises:
        ValueError: the name is taken.

    Example:
        >>> from pyflame.extend import registry
        >>> register_integration("doc-board", print)
        >>> registry.integrations.remove("doc-board")
        <built-in function print>
    """
    integrations.add(name, integration)


def register_serializer(
    name: str, suffix: str, save: Callable[[Any, IO[bytes]], None], load: Callable[[IO[bytes]], Any]
) -> None:
    """Make a file format known: `pyflame.save` and `pyflame.load` use it.

    Args:
        name: of the format.
        suffix: ending of its files, such as ".gguf"; it decides where the content belongs to no built-in format.
        save: `save(obj, file)` writes to a binary file; a module comes as its state dict.
        load: `load(file)` gives what was saved.

    Raises:
        ValueError: the name or the ending is taken, or the ending has no dot.

    Example:
        >>> import io
        >>> import pyflame as pf
        >>> from pyflame.io.formats import FORMATS
        >>> register_serializer("text", ".text", lambda obj, f: f.write(obj.encode()), lambda f: f.read().decode())
        >>> file = io.BytesIO()
        >>> pf.save("hello", file, format="text")
        >>> pf.load(io.BytesIO(file.getvalue()), format="text")
        'hello'
        >>> del FORMATS["text"]
    """
    from ..io.formats import FORMATS, Format

    taken = {ending: known.name for known in FORMATS.values() for ending in known.suffixes}
    if name in FORMATS or suffix in taken or not suffix.startswith("."):
        owner = taken.get(suffix, name)
        problem = (
            f"the format {owner!r} has it" if name in FORMATS or suffix in taken else "an ending begins with a dot"
        )
        raise ValueError(f"[register_serializer] {name!r} with ending {suffix!r}: {problem}")

    def inspect(source: Source) -> Any:
        raise source.refuse(f"files of format {name} can be loaded, not inspected")

    row = Format(
        name,
        (suffix,),
        lambda obj, file, compress, metadata: save(obj, file),
        lambda source: load(BytesIO(source.read(0, source.size, "the file"))),
        inspect,
    )
    FORMATS[name] = row
    note(lambda: FORMATS.pop(name, None))
