"""Random modules and calls of them, written as expressions that mean the same here and in PyTorch."""

from .case import ModuleCase as ModuleCase, outcome as outcome, state_of as state_of
from .families import FAMILIES as FAMILIES
