"""Functions of <math> and <random> on the PE against NumPy, and while compiling."""

import numpy as np
import pytest

PE = """
const math = @import_module("<math>");
var values = @zeros([N]TYPE);
var results = @zeros([N]TYPE);
var values_ptr: [*]TYPE = &values;
var results_ptr: [*]TYPE = &results;

fn compute() void {
  for (@range(u16, N)) |i| {
    results[i] = math.NAME(values[i]);
  }
  sys_mod.unblock_cmd_stream();
}

comptime {
  @export_symbol(values_ptr, "values");
  @export_symbol(results_ptr, "results");
  @export_symbol(compute);
}
"""
VALUES = np.array([0.0, -0.0, 0.25, 1.0, -1.0, 2.5, -7.75, 100.0, np.inf, -np.inf, np.nan], np.float32)
FUNCTIONS = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "inv": lambda x: np.float32(1) / x,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "sign": np.sign,
    "sqrt_f32": np.sqrt,
    "exp_f32": np.exp,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_f32(start, name):
    pe = (
        PE.replace("NAME", name)
        .replace("TYPE", "f32")
        .replace("N]", f"{len(VALUES)}]")
        .replace("N)", f"{len(VALUES)})")
    )
    simulator = start(pe, {"values": "[*]f32", "results": "[*]f32", "compute": "fn() void"})
    simulator.memcpy_h2d("values", VALUES, 0, 0, 1, 1, len(VALUES))
    simulator.launch("compute")
    found = np.zeros_like(VALUES)
    simulator.memcpy_d2h(found, "results", 0, 0, 1, 1, len(VALUES))
    with np.errstate(all="ignore"):
        wanted = FUNCTIONS[name](VALUES.astype(np.float64)).astype(np.float32)
    if name == "sign":
        wanted[np.isnan(VALUES)] = 0  # neither above nor below zero
    np.testing.assert_allclose(found, wanted, rtol=2e-7)
    assert not np.signbit(found[1]) or name != "abs"


def test_functions_while_compiling(build):
    built = build("""
        const math = @import_module("<math>");
        const two: f32 = 2;
        export var root: f32 = math.sqrt(two);
        export var size: i16 = math.abs(@as(i16, -3));
        export var least: f16 = math.min(@as(f16, 2), 1);
        export var low: f32 = math.NEGATIVE_INF_f32;
        export var odd: bool = math.isNaN(math.NaN_f32);
    """)
    assert built.values("root") == [np.sqrt(np.float32(2))]
    assert (built.values("size"), built.values("least")) == ([3], [1.0])
    assert (built.values("low"), built.values("odd")) == ([-np.inf], [True])


def test_names_with_a_type(build):
    built = build("""
        const math = @import_module("<math>");
        const helpers = @import_module("<math/type_helpers>");
        export var below: f16 = math.floor_f16(2.75);
        export var above: f32 = math.ceil_f32(2.25);
        export var low: f16 = math.NEGATIVE_INF(f16);
        export var odd: bool = math.isNaN_f32(math.NaN(f32));
        export var larger: f16 = math.max_f16(1.0, 2.0);
        export var words = [3]u16{ helpers.word_size_of(f16), helpers.word_size_of(f32), helpers.word_size_of(u64) };
    """)
    assert (built.values("below"), built.values("above"), built.values("low")) == ([2.0], [3.0], [-np.inf])
    assert (built.values("odd"), built.values("larger"), built.values("words")) == ([True], [2.0], [1, 2, 4])


def test_a_seed_repeats_the_random_numbers(start):
    pe = """
    const random = @import_module("<random>");
    var normal = @zeros([500]f32);
    var bits = @zeros([6]u16);
    var normal_ptr: [*]f32 = &normal;
    var bits_ptr: [*]u16 = &bits;
    fn compute() void {
      @random16();
      for (@range(u16, 6)) |i| {
        if (i % 3 == 0) {
          random.set_global_prng_seed(7);
        }
        bits[i] = @random16();
      }
      for (@range(u16, 500)) |i| {
        normal[i] = random.random_normal_f32();
      }
      sys_mod.unblock_cmd_stream();
    }
    comptime {
      @export_symbol(normal_ptr, "normal");
      @export_symbol(bits_ptr, "bits");
      @export_symbol(compute);
    }
    """
    simulator = start(pe, {"normal": "[*]f32", "bits": "[*]u16", "compute": "fn() void"})
    simulator.launch("compute")
    bits, normal = np.zeros(6, np.uint32), np.zeros(500, np.float32)
    simulator.memcpy_d2h(bits, "bits", 0, 0, 1, 1, 6, data_type=1)
    simulator.memcpy_d2h(normal, "normal", 0, 0, 1, 1, 500)
    assert bits[:3].tolist() == bits[3:].tolist() and len(set(bits[:3].tolist())) == 3
    assert abs(normal.mean()) < 0.2 and abs(normal.std() - 1) < 0.15 and 2 < np.abs(normal).max() < 6


def test_random_numbers_lie_in_their_range_and_differ_between_pes(start):
    pe = """
    const random = @import_module("<random>");
    var results = @zeros([200]f32);
    var results_ptr: [*]f32 = &results;
    fn compute() void {
      for (@range(u16, 200)) |i| {
        results[i] = random.random_f32(-1.0, 3.0);
      }
      sys_mod.unblock_cmd_stream();
    }
    comptime {
      @export_symbol(results_ptr, "results");
      @export_symbol(compute);
    }
    """
    simulator = start(pe, {"results": "[*]f32", "compute": "fn() void"}, (2, 1))
    simulator.launch("compute")
    found = np.zeros(400, np.float32)
    simulator.memcpy_d2h(found, "results", 0, 0, 2, 1, 200)
    assert -1 <= found.min() < -0.9 and 2.9 < found.max() < 3
    assert abs(found.mean() - 1) < 0.25 and len(set(found.tolist())) > 390
