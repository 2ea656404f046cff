"""Points and rectangles under the names that host scripts import."""

from pyflame.csl.host.geometry import IntRectangle as IntRectangle, IntVector as IntVector
