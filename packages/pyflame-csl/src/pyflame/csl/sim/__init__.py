"""The wafer simulator: values exact, cycles approximate."""

from __future__ import annotations

from .diagnostics import RunDiagnostic as RunDiagnostic, SimulationError as SimulationError
from .hostdata import DataType as DataType, Order as Order
from .seeds import check_seeds as check_seeds
from .simulate import simulate as simulate
from .simulator import Simulator as Simulator
from .transfers import Transfer as Transfer
