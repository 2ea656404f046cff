"""The same module as `pyflame.data.transforms`."""

import sys as _sys

from ..data import transforms as _transforms
from ..data.transforms import *  # noqa: F403  (for type checkers, which cannot follow the next line)

_sys.modules[__name__] = _transforms
