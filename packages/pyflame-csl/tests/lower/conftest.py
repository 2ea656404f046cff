"""A function of one PE, run by the simulator."""

import numpy as np
import pytest

from pyflame.csl.sim.simulator import Simulator

HOST = '  @export_name("f", fn ({}) void);'
HEAD = """
const memcpy = @import_module("<memcpy/get_params>", .{ .width = 1, .height = 1 });
"""
PROGRAM = """
param memcpy_params: comptime_struct;
const sys = @import_module("<memcpy/memcpy>", memcpy_params);
{before}
fn f({params}) void {{
{body}
  sys.unblock_cmd_stream();
}}
comptime {{ @export_symbol(f); }}
"""


@pytest.fixture
def run(build):
    """Run the body of a function on one PE; gives a function from variable name to values."""

    def go(body, before="", arguments=(), params="", types="", arch="wse3"):
        built = build(
            PROGRAM.format(body=body, before=before, params=params),
            arch=arch,
            params=".{ .memcpy_params = memcpy.get_params(0) }",
            head=HEAD,
            layout=HOST.format(types),
        )
        assert built.found == [], "\n".join(map(str, built.found))
        simulator = Simulator(built.program)
        simulator.load()
        simulator.run()
        simulator.launch("f", *arguments)
        simulator.stop()
        kinds = {symbol.name: symbol.scalar for symbol in built.program.classes[0].symbols}
        names = {"f16": "float16", "f32": "float32", "bool": "bool"} | {
            f"{short}{bits}": f"{long}{bits}"
            for short, long in (("i", "int"), ("u", "uint"))
            for bits in (8, 16, 32, 64)
        }
        return lambda name: simulator.read_symbol(0, 0, name, np.dtype(names[kinds[name]])).tolist()

    return go
