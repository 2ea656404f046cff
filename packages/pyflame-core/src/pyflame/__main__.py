"""`python -m pyflame` is the command `pyflame`."""

import sys

from .cli import main

sys.exit(main())
