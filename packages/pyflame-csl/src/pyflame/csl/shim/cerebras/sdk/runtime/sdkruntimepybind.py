"""The simulator under the names that host scripts import."""

from pyflame.csl.host.layout import (
    SdkLayout as SdkLayout,
    SdkTarget as SdkTarget,
    SimfabConfig as SimfabConfig,
    get_platform as get_platform,
)
from pyflame.csl.host.regions import (
    Color as Color,
    Edge as Edge,
    Route as Route,
    RoutingPosition as RoutingPosition,
    get_edge_routing as get_edge_routing,
)
from pyflame.csl.host.runtime import (
    MemcpyDataType as MemcpyDataType,
    MemcpyOrder as MemcpyOrder,
    SdkRuntime as SdkRuntime,
    Task as Task,
)
