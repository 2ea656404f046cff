"""CSL, the language of the Cerebras wafer: an open front end and simulator, and the backends that use them."""

from __future__ import annotations

from .check import check as check
from .compiler import compile_program as compile_program
from .diagnostics import CSLError as CSLError, Diagnostic as Diagnostic, Severity as Severity
from .sim import (
    SimulationError as SimulationError,
    Simulator as Simulator,
    check_seeds as check_seeds,
    simulate as simulate,
)
from .syntax.ast import Module as Module
from .syntax.format import format as format
from .syntax.lexer import Token as Token, tokens as tokens
from .syntax.parser import parse as parse
from .syntax.source import Source as Source, Span as Span
