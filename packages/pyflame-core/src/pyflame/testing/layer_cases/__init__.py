"""Random calls of `nn.functional`, written as expressions that mean the same here and in PyTorch."""

from .case import Case as Case, Draw as Draw, outcome as outcome
from .families import FAMILIES as FAMILIES
