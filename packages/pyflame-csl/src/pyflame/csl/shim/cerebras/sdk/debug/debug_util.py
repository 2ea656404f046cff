"""Memory and traces of a run under the names that host scripts import."""

from pyflame.csl.host.debug import debug_util as debug_util
