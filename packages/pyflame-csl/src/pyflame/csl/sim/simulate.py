"""One call from arrays to arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ir import Program
from .hostdata import DataType
from .programs import program_of
from .simulator import Simulator


def simulate(
    program: Program | str | PathLike[str],
    inputs: Mapping[str, NDArray[Any]],
    *,
    function: str | None = None,
    outputs: Iterable[str] | None = None,
    **options: Any,
) -> dict[str, NDArray[Any]]:
    """Copy arrays to the PEs, launch a function, and return what exported variables hold then.

    Args:
        program: as for `Simulator`.
        inputs: (height, width, elements) for each exported variable to set; 16 or 32 bits an element.
        function: what to launch; the only exported function by default.
        outputs: names to return; all exported variables by default.
        options: further arguments of `Simulator`.

    Returns:
        For each output an array of (height, width, elements).

    Raises:
        ValueError: a name that is not exported, or an input of another shape.
        SimulationError: the program cannot go on.

    Example:
        >>> import tempfile, pathlib, numpy as np, pyflame as pf
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "pe.csl").write_text('''
        ... param memcpy_params: comptime_struct;
        ... const sys = @import_module("<memcpy/memcpy>", memcpy_params);
        ... var x = @zeros([3]f32);
        ... const x_ptr: [*]f32 = &x;
        ... fn double() void {
        ...   for (@range(u16, 3)) |i| { x[i] *= 2.0; }
        ...   sys.unblock_cmd_stream();
        ... }
        ... comptime { @export_symbol(x_ptr, "x"); @export_symbol(double); }''')
        >>> _ = (folder / "layout.csl").write_text('''
        ... const memcpy = @import_module("<memcpy/get_params>", .{ .width = 2, .height = 1 });
        ... layout {
        ...   @set_rectangle(2, 1);
        ...   for (@range(u16, 2)) |x| { @set_tile_code(x, 0, "pe.csl", .{ .memcpy_params = memcpy.get_params(x) }); }
        ...   @export_name("x", [*]f32, true);
        ...   @export_name("double", fn()void);
        ... }''')
        >>> pf.csl.simulate(folder / "layout.csl", {"x": np.arange(6, dtype=np.float32).reshape(1, 2, 3)})["x"].tolist()
        [[[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]]
    """
    compiled = program_of(program)
    exports = {export.name: export for tile in compiled.classes for export in tile.exports}
    functions = [name for name, export in exports.items() if export.function >= 0]
    if function is None and len(functions) != 1:
        raise ValueError(f"[csl] the program exports {', '.join(functions) or 'no function'}: say which to launch")
    simulator = Simulator(compiled, **options)
    simulator.load()
    simulator.run()
    width, height = compiled.width, compiled.height
    for name, array in inputs.items():
        if array.ndim != 3 or array.shape[:2] != (height, width) or array.dtype.itemsize not in (2, 4):
            raise ValueError(
                f"[csl] input {name} is {array.shape} of {array.dtype}: ({height}, {width}, elements) of 2 or 4 bytes"
            )
        narrow = array.dtype.itemsize == 2
        words = np.ascontiguousarray(array).view(np.uint16 if narrow else np.uint32).astype(np.uint32).ravel()
        kind = DataType.MEMCPY_16BIT if narrow else DataType.MEMCPY_32BIT
        simulator.memcpy_h2d(name, words, 0, 0, width, height, array.shape[2], data_type=kind)
    simulator.launch(function or functions[0])
    simulator.stop()
    wanted = [name for name, export in exports.items() if export.function < 0] if outputs is None else list(outputs)
    return {
        name: np.stack([np.stack([simulator.get_symbol(x, y, name) for x in range(width)]) for y in range(height)])
        for name in wanted
    }
