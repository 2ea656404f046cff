"""Compositions that ONNX has an operator for, found in graphs of primitives."""

from __future__ import annotations

from .finding import find_matches as find_matches
from .match import Match as Match
