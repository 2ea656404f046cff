"""Exceptions that have no built-in class of their own."""

from __future__ import annotations


class TraceError(RuntimeError):
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


class SerializationError(RuntimeError):
    """A file is corrupt, truncated, or not of the format it claims to be."""


class GraphError(ValueError):
    """A graph breaks a rule of the IR: an unknown operation, a cycle, a type that does not follow from the inputs.

    Example:
        >>> import pyflame as pf
        >>> try:
        ...     pf.Graph().node(7)
        ... except pf.GraphError as error:
        ...     print(error)
        [graph] there is no node 7
    """
