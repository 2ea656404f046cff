"""Compare simulated with published cycle counts: small programs that do what published micro-benchmarks do.

Prints one line a number: group, architecture, measured, simulated, error; then the median and the largest error. The
measured values are those of public sources; the programs are our own. The constants in costs_*.json of the simulator
were fitted on these very numbers: the errors here are no forecast for other programs. Exit code 1 if the median error
is larger than --limit.

With CSL_EXAMPLES_DIR, or --examples, follow the public programs of csl_official.py, on which nothing was fitted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from csl_official import results

import pyflame as pf
from pyflame.csl.sim import Simulator

LAYOUT = """
param width: u16;
const memcpy = @import_module("<memcpy/get_params>", .{{ .width = width, .height = 1 }});
const c: color = @get_color(1);
layout {{
  @set_rectangle(width, 1);
  for (@range(u16, width)) |x| {{
    @set_tile_code(x, 0, "pe.csl", .{{ .memcpy_params = memcpy.get_params(x), .x = x, .width = width }});
    if (width > 1) {{
      {routes}
    }}
  }}
  @export_name("main", fn()void);
}}
"""
# Every hop ends at the core, which sends the message on with the other color: a relay.
RELAY_ROUTES = """
      const even: color = @get_color(2);
      const odd: color = @get_color(3);
      const mine = if (x % 2 == 0) even else odd;
      const theirs = if (x % 2 == 0) odd else even;
      if (x + 1 < width) @set_color_config(x, 0, mine, .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ EAST } } });
      if (x > 0) @set_color_config(x, 0, theirs, .{ .routes = .{ .rx = .{ WEST }, .tx = .{ RAMP } } });
"""
THROUGH_ROUTES = """
      if (x == 0) @set_color_config(x, 0, c, .{ .routes = .{ .rx = .{ RAMP }, .tx = .{ EAST } } })
      else if (x + 1 == width) @set_color_config(x, 0, c, .{ .routes = .{ .rx = .{ WEST }, .tx = .{ RAMP } } })
      else @set_color_config(x, 0, c, .{ .routes = .{ .rx = .{ WEST }, .tx = .{ EAST } } });
"""
HEAD = """
param memcpy_params: comptime_struct;
param x: u16;
param width: u16;
const sys = @import_module("<memcpy/memcpy>", memcpy_params);
const math = @import_module("<math>");
"""
TAIL = """
comptime { @export_symbol(main); }
"""
# The last PE's completion task ends the measurement.
MESSAGE = """
const n: u16 = {words};
const last: bool = x + 1 == width;
const into: color = @get_color({into});
const out: color = @get_color({out});
const iq = @get_input_queue(3);
const oq = @get_output_queue(2);
const done_id: local_task_id = @get_local_task_id(9);
var buffer = @zeros([n]f32);
const mem = @get_dsd(mem1d_dsd, .{{ .tensor_access = |i|{{n}} -> buffer[i] }});
const rx = @get_dsd(fabin_dsd, .{{ .extent = n, .fabric_color = into, .input_queue = iq }});
const tx = @get_dsd(fabout_dsd, .{{ .extent = n, .fabric_color = out, .output_queue = oq }});
task done() void {{
  if (!last) {{ @fmovs(tx, mem, .{{ .async = true }}); }}
  sys.unblock_cmd_stream();
}}
fn main() void {{
  if (x == 0) {{
    @fmovs(tx, mem, .{{ .async = true }});
    sys.unblock_cmd_stream();
  }} else if (last or {relays}) {{
    @fmovs(mem, rx, .{{ .async = true, .activate = done_id }});
  }} else {{
    sys.unblock_cmd_stream();
  }}
}}
comptime {{
  @bind_local_task(done, done_id);
  if (@is_arch("wse3")) {{
    @initialize_queue(iq, .{{ .color = into }});
    @initialize_queue(oq, .{{ .color = out }});
  }}
}}
"""


@dataclass(frozen=True)
class Case:
    """One number: `body` is the PE program; the task that ends last on the last PE ends the measurement.

    `per` divides the cycles, for numbers given per element.
    """

    group: str
    arch: str
    name: str
    measured: float
    body: str
    per: float = 1.0
    width: int = 1
    routes: str = ""
    banks: bool = False


def loop(n: int, declarations: str, statement: str) -> str:
    code = f"fn main() void {{ for (@range(u16, {n})) |i| {{ {statement} }} sys.unblock_cmd_stream(); }}"
    return f"{declarations}\n{code}"


def once(declarations: str, statements: str) -> str:
    return f"{declarations}\nfn main() void {{ {statements} sys.unblock_cmd_stream(); }}"


def arrays(n: int, kind: str, names: str = "abc", pad: int = 0) -> str:
    text = ""
    for place, name in enumerate(names):
        text += f"var {name}: [{n} + {pad * place}]{kind} align(16) = @zeros([{n} + {pad * place}]{kind});\n"
        access = f"|i|{{{n}}} -> {name}[i + {pad * place}]"
        text += f"const d{name} = @get_dsd(mem1d_dsd, .{{ .tensor_access = {access} }});\n"
    return text


def preloaded(n: int, pad: int) -> str:
    """Two arrays, the second `pad` elements off the alignment of the first, and registers for a product in place."""
    text = arrays(n, "f32", "ab", max(pad, 0))
    for name, kind in (("c", "dest"), ("a", "src0"), ("b", "src1")):
        text += f"const r{name} = @get_dsr(dsr_{kind}, 1);\n"
    return text


def load_dsrs() -> str:
    return "@load_to_dsr(rc, da); @load_to_dsr(ra, da); @load_to_dsr(rb, db);"


def alternating(text: str) -> str:
    """The code with colors that alternate along the row."""
    text = text.replace("@get_color({into})", "if (x % 2 == 0) @get_color(3) else @get_color(2)")
    return text.replace("@get_color({out})", "if (x % 2 == 0) @get_color(2) else @get_color(3)")


def message(words: int, relay: bool) -> str:
    if relay:
        return alternating(MESSAGE).format(words=words, relays="true")
    return MESSAGE.format(words=words, into=1, out=1, relays="false")


def gemm(size: int) -> str:
    body = f"""
  for (@range(u16, {size})) |i| {{
    for (@range(u16, {size})) |j| {{
      var sum: f32 = 0.0;
      for (@range(u16, {size})) |k| {{ sum += a[i * {size} + k] * b[k * {size} + j]; }}
      c[i * {size} + j] = sum;
    }}
  }}"""
    return once(arrays(size * size, "f32"), body)


def outer_products(nt: int, kt: int, m: int) -> str:
    """GEMM as columns: nt * kt multiply-adds of vectors of length m."""
    body = f"""
  var cd = dc;
  for (@range(u16, {nt})) |j| {{
    var ad = da;
    for (@range(u16, {kt})) |k| {{
      @fmacs(cd, cd, ad, b[k]);
      ad = @increment_dsd_offset(ad, 4, f32);
    }}
  }}"""
    return once(arrays(m, "f32", "ac") + f"var b = @zeros([{kt}]f32);\nvar spare = @zeros([{kt} * 4]f32);", body)


SUM = """
var a = @zeros([128]f32);
var total: f32 = 0.0;
fn local() f32 { var sum: f32 = 0.0; for (@range(u16, 128)) |i| { sum += a[i]; } return sum; }
"""
_REDUCE_QUEUES = MESSAGE.split("task done")[0]
REDUCE = (
    SUM
    + alternating(_REDUCE_QUEUES).format(words=1)
    + """
task done() void {
  if (x > 0) total += buffer[0];
  buffer[0] = total;
  if (!last) { @fmovs(tx, mem, .{ .async = true }); }
  sys.unblock_cmd_stream();
}
fn main() void {
  total = local();
  if (x == 0) { @activate(done_id); } else { @fmovs(mem, rx, .{ .async = true, .activate = done_id }); }
}
comptime {
  @bind_local_task(done, done_id);
  if (@is_arch("wse3")) {
    @initialize_queue(iq, .{ .color = into });
    @initialize_queue(oq, .{ .color = out });
  }
}
"""
)
SIGMOID = "1.0 / (1.0 + math.exp(0.0 - a[i]))"
CASES = [
    Case(
        "A", "wse3", "fmovh, elements a cycle over 4096", 8.0, once(arrays(4096, "f16", "ac"), "@fmovh(dc, da);"), -4096
    ),
    Case(
        "A", "wse3", "fmovs, elements a cycle over 4096", 4.0, once(arrays(4096, "f32", "ac"), "@fmovs(dc, da);"), -4096
    ),
    Case("A", "wse3", "fmach of 4096", 1040, once(arrays(4096, "f16"), "@fmach(dc, da, db, @as(f16, 2.0));")),
    Case("A", "wse3", "two synchronous fmacs of 514", 1027, once(arrays(514, "f32"), 2 * "@fmacs(dc, da, db, 2.0);")),
    Case("A", "wse3", "8 words to the next PE", 19, message(8, False), width=2, routes=THROUGH_ROUTES),
    *(
        Case(
            "A",
            "wse3",
            f"relay of {b} words over {n} stages",
            1.001 * n * b + 16.1 * n + 16.5,
            message(b, True),
            1.0,
            n + 1,
            RELAY_ROUTES,
        )
        for n in (4, 8)
        for b in (32, 128)
    ),
    *(
        Case(
            "A",
            "wse2",
            f"fmuls of {n}, aligned to {rate} a cycle",
            cycles,
            once(preloaded(n, pad), load_dsrs() + "@fmuls(rc, ra, rb);"),
            1.0,
            1,
            "",
            pad >= 0,
        )
        for n, pad, rate, cycles in (
            (5124, 1, "2", 2597),
            (5124, -1, "1", 5130),
            (1028, -1, "1", 1034),
            (5124, 0, "1/2", 10254),
        )
    ),
    Case("A", "wse2", "GEMM 64 x 48 x 64 on one PE", 476866, outer_products(64, 48, 64), 1.0, 1, "", True),
    Case("A", "wse2", "GEMM 128 x 8 x 64 on one PE", 150760, outer_products(128, 8, 64), 1.0, 1, "", True),
    Case(
        "B",
        "wse3",
        "ReLU, cycles an element",
        23.0,
        loop(512, arrays(512, "f32"), "const v = a[i]; if (v > 0.0) { c[i] = v; } else { c[i] = 0.0; }"),
        512,
    ),
    Case(
        "B", "wse3", "SAXPY, cycles an element", 22.0, loop(512, arrays(512, "f32"), "c[i] = 2.5 * a[i] + c[i];"), 512
    ),
    Case(
        "B",
        "wse3",
        "dot product, cycles an element",
        20.0,
        once(arrays(512, "f32"), "var s: f32 = 0.0; for (@range(u16, 512)) |i| { s += a[i] * b[i]; } c[0] = s;"),
        512,
    ),
    Case("B", "wse3", "sigmoid, cycles an element", 210, loop(512, arrays(512, "f32"), f"c[i] = {SIGMOID};"), 512),
    Case(
        "B",
        "wse3",
        "GELU, cycles an element",
        217,
        loop(512, arrays(512, "f32"), "const v = a[i]; c[i] = v / (1.0 + math.exp(-1.702 * v));"),
        512,
    ),
    Case("B", "wse3", "GEMM 16^3, cycles a multiply-add", 29.1, gemm(16), 4096),
    Case("B", "wse3", "sum over 4 PEs of 128", 1990, REDUCE, 1.0, 4, RELAY_ROUTES),
]


def simulated(case: Case, folder: Path) -> float:
    """The number that the simulator gives; a negative `per` asks for elements a cycle."""
    (folder / "layout.csl").write_text(LAYOUT.format(routes=case.routes))
    (folder / "pe.csl").write_text(HEAD + case.body + TAIL)
    program, found = pf.csl.compile_program(folder / "layout.csl", case.arch, {"width": case.width})
    if program is None:
        raise SystemExit("\n".join(map(str, found)))
    simulator = Simulator(program, mode="cycle", trace=True, banks=case.banks)
    simulator.load()
    simulator.run()
    simulator.launch("main")
    simulator.stop()
    tasks = [entry for entry in simulator.trace((case.width - 1, 0)) if entry["kind"] == "task"]
    operations = [entry for entry in simulator.trace((0, 0)) if entry["kind"] == "operation"]
    if case.width == 1:
        cycles = tasks[-1]["end"] - tasks[0]["start"]
    else:  # until the completion task, from the first operation, or from the launch where code comes first
        cycles = tasks[-1]["start"] - (0 if case.group == "B" else operations[0]["start"])
    return cycles / case.per if case.per > 0 else -case.per / cycles


def line(group: str, arch: str, name: str, measured: float, found: float) -> float:
    """Print a line of the table; returns the error."""
    error = found / measured - 1
    print(f"{group:2} {arch:5} {name:44} {measured:10.1f} {found:10.1f} {100 * error:+7.1f}%", flush=True)
    return abs(error)


def summary(kind: str, errors: Sequence[float]) -> str:
    median = statistics.median(errors)
    return f"{kind}: median error {100 * median:.1f}%, largest {100 * max(errors):.1f}%, {len(errors)} numbers"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=0.15, help="largest median error, as a fraction")
    parser.add_argument("--examples", default=os.environ.get("CSL_EXAMPLES_DIR"), help="a clone of the public examples")
    options = parser.parse_args(arguments)
    errors = []
    print(f"{'':2} {'arch':5} {'number':44} {'measured':>10} {'simulated':>10} {'error':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            found = simulated(case, Path(folder))
            errors.append(line(case.group, case.arch, case.name, case.measured, found))
    print(summary("fitted", errors))
    if options.examples:
        unfitted = []
        for program, cycles in results(Path(options.examples)):
            if isinstance(cycles, str):
                print(f"C  wse3  {program.name:44} {program.measured:10.1f} {cycles}")
            else:
                unfitted.append(line("C", "wse3", program.name, program.measured, cycles))
        print(summary("not fitted", unfitted) if unfitted else "none of group C has run")
    return int(statistics.median(errors) > options.limit)


if __name__ == "__main__":
    sys.exit(main())
