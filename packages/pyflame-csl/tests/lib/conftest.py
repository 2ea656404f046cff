"""Programs that use the libraries, compiled and started."""

from collections.abc import Callable
from typing import Any

import pytest

from pyflame.csl.sim.simulator import Simulator

HEAD = 'const memcpy = @import_module("<memcpy/get_params>", .{{ .width = {}, .height = {} }});\n'
PE = """
param memcpy_params: comptime_struct;
const sys_mod = @import_module("<memcpy/memcpy>", memcpy_params);
"""


@pytest.fixture
def start(build) -> Callable[..., Simulator]:
    """A simulator that runs PE code; `exports` maps names to types, `params` are further fields for the PEs."""

    def make(
        pe: str,
        exports: dict[str, str],
        size: tuple[int, int] = (1, 1),
        arch: str = "wse3",
        head: str = "",
        params: str = "",
        **options: Any,
    ) -> Simulator:
        layout = "".join(f'@export_name("{name}", {kind}, true);\n' for name, kind in exports.items())
        built = build(
            PE + pe,
            arch,
            size,
            layout=layout.replace(", true", "") if all("fn" in kind for kind in exports.values()) else layout,
            params=f".{{ .memcpy_params = memcpy.get_params(x), {params} }}",
            head=HEAD.format(*size) + head,
        )
        assert built.program is not None, "\n".join(map(str, built.found))
        simulator = Simulator(built.program, **options)
        simulator.load()
        simulator.run()
        return simulator

    return make
