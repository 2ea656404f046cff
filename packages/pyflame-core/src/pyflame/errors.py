"""Exceptions that have no built-in class of their own, and codes that say what an error means.

Errors keep the classes that PyTorch raises. Those of the core, and those that are defined here, carry their code as
`error.code`; `code_of` finds the code of any error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._error_kinds import Kind


class _Coded(Exception):
    @property
    def code(self) -> str | None:
        """The code of this error; see `explain`."""
        return code_of(self)


class TraceError(_Coded, RuntimeError):
    """A traced function needed the value of a tensor, which is not known while tracing.

    Example:
        >>> import pyflame as pf
        >>> def branch(x):
        ...     return x if x.sum() > 0 else -x
        >>> try:
        ...     pf.trace(branch, pf.ones(2))
        ... except pf.TraceError as error:
        ...     print("cannot trace")
        cannot trace
    """


class SerializationError(_Coded, RuntimeError):
    """A file is corrupt, truncated, or not of the format it claims to be."""


class LinAlgError(_Coded, RuntimeError):
    """A matrix has not the property that a function of `pyflame.linalg` needs, such as an inverse.

    Example:
        >>> import pyflame as pf
        >>> try:
        ...     pf.linalg.inv(pf.zeros(2, 2)).eval()
        ... except pf.linalg.LinAlgError:
        ...     print("singular")
        singular
    """


class GraphError(_Coded, ValueError):
    """A graph breaks a rule of the IR: an unknown operation, a cycle, a type that does not follow from the inputs.

    Example:
        >>> import pyflame as pf
        >>> try:
        ...     pf.Graph().node(7)
        ... except pf.GraphError as error:
        ...     print(error)
        [graph] there is no node 7
    """


def kind_of(error: BaseException) -> Kind | None:
    import re

    from ._error_kinds import KINDS

    message = str(error)
    if not message.startswith("[") and " is not installed: pip install " not in message:
        return None  # of Python itself, or of another library
    names = {base.__name__ for base in type(error).__mro__}
    return next((kind for kind in KINDS if names & {*kind.raised} and re.search(kind.pattern, message)), None)


def code_of(error: BaseException) -> str | None:
    """The code of an error, None for one that PyFlame did not raise.

    Args:
        error: a caught exception.

    Example:
        >>> import pyflame as pf
        >>> try:
        ...     pf.ones(2) + pf.ones(3)
        ... except RuntimeError as error:
        ...     pf.errors.code_of(error)
        'PF0019'
    """
    kind = kind_of(error)
    return None if kind is None else kind.code


def attach_code(error: BaseException) -> None:
    """Set `error.code`; the core calls this for what it raises."""
    if not isinstance(error, _Coded) and (code := code_of(error)) is not None:
        error.code = code  # type: ignore[attr-defined]


def explain(what: str | BaseException) -> str:
    """Explain an error: its cause, an example that raises it, and the remedy.

    Args:
        what: a code such as "PF0019", or a caught exception.

    Raises:
        ValueError: there is no such code, or the exception is not one of PyFlame's.

    Example:
        >>> import pyflame as pf
        >>> print(pf.errors.explain("PF0017"))
        PF0017: An index is out of range
        <BLANKLINE>
        An element, row or class was asked for that is not there. ...
    """
    import textwrap

    from ._error_kinds import KINDS

    if isinstance(what, str):
        kind = next((kind for kind in KINDS if kind.code == what.upper()), None)
        if kind is None:
            raise ValueError(f"[explain] there is no code {what!r}: docs/errors/README.md lists them")
    else:
        kind = kind_of(what)
        if kind is None:
            raise ValueError(f"[explain] {what!r} was not raised by PyFlame: its traceback says where it comes from")
    example = textwrap.indent(kind.example, "    ")
    corrected = textwrap.indent(kind.corrected, "    ")
    return (
        f"{kind.code}: {kind.title}\n\n{textwrap.fill(kind.cause, 100)}\n\n{example}\n\n"
        f"{textwrap.fill(kind.remedy, 100)}\n\n{corrected}\n\nSee docs/errors/{kind.code}.md"
    )
