"""Operations, a log and a command for PyFlame.

The functions here need no plugin; loading `pyflame_plugin_example.plugin` gives them names in PyFlame.
"""

from .integrations import CsvLog as CsvLog
from .ops import relu6 as relu6, swish as swish
