"""`python -m pyflame` is the command `pyflame`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
