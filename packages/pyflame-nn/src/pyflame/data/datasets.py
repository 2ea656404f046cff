"""The same module as `pyflame.datasets`."""

import sys as _sys

from .. import datasets as _datasets
from ..datasets import *  # noqa: F403  (for type checkers, which cannot follow the next line)

_sys.modules[__name__] = _datasets
