"""Each finding about the meaning of a program, with a program that gives it."""

import pytest

from pyflame.csl import check, compile_program

GOOD_HEAD = "const c = @get_color(2);\nconst iq = @get_input_queue(2);\nconst oq = @get_output_queue(2);\n"
RUN = "fn f() void {{ {} }}\ncomptime {{ @export_symbol(f); }}"
EXPORT = '  @export_name("f", fn () void);'

# code, PE program, the marked source text, a word of the message
PE = [
    # names
    ("unknown-name", "export var a: u16 = widht;\nconst width = 3;", "widht", "widht"),
    ("unknown-field", "const s = .{ .depth = 1 };\nexport var a: u16 = s.dept;", "dept", "dept"),
    ("unknown-builtin", "export var a: u16 = @get_colour(1);", "@get_colour(1)", "get_colour"),
    ("unknown-builtin", "export var a: u64 = @pyflame_tsc();", "@pyflame_tsc()", "pyflame_tsc"),
    ("duplicate-name", "const a = 1;\nvar a: u16 = 2;", "a", "line 1"),
    ("duplicate-field", "export var a: u16 = (.{ .x = 1, .x = 2 }).x;", ".x = 2", "x"),
    ("duplicate-field", "const s = @concat_structs(.{ .x = 1 }, .{ .x = 2 });\nexport var a: u16 = s.x;", None, "x"),
    ("global-cycle", "export var a: u16 = b;\nconst b: u16 = d;\nconst d: u16 = b + 1;", "b", "b -> d -> b"),
    ("import-not-found", 'const m = @import_module("none.csl");', '"none.csl"', "none.csl"),
    ("import-not-found", 'const m = @import_module("<nope>");', '"<nope>"', "<nope>"),
    ("import-not-found", 'const m = @import_module("<../../compiler>");', None, "compiler"),
    ("import-depth", 'const m = @import_module("pe.csl");', None, "nest"),
    ("missing-param", "param n: u16;\nexport var a: u16 = n;", "n", "'n'"),
    # types and values
    ("type-mismatch", 'export var a: u16 = "text";', '"text"', "comptime_string"),
    ("type-mismatch", "export var a: u16 = @as(u16, 1) + @as(i16, 2);", "@as(u16, 1) + @as(i16, 2)", "u16 and i16"),
    ("type-mismatch", "export var a: bool = 1 < true;", "1 < true", "bool"),
    ("type-mismatch", "export var a: u16 = if (1) 2 else 3;", "1", "bool"),
    ("type-mismatch", "export var a: u16 = !3;", "!3", "comptime_int"),
    ("type-mismatch", "export var a: u16 = 1.5;", "1.5", "u16"),
    ("type-mismatch", "var a = 3;\nexport var p: *i16 = &a;", "a", "size"),
    ("type-mismatch", "export var a: f32 = @bitcast(f32, @as(u16, 1));", None, "size"),
    ("wrong-arity", "fn g(a: u16) u16 { return a; }\nexport var a: u16 = g(1, 2);", "g(1, 2)", "1 arguments, 2"),
    ("wrong-arity", "export var a: u16 = @as(u16);", "@as(u16)", "2 arguments, 1"),
    ("wrong-arity", "export var a = [3]u16 { 1, 2 };", "[3]u16 { 1, 2 }", "3 elements"),
    ("wrong-context", "comptime { @set_rectangle(1, 1); }", None, "layout block"),
    (
        "wrong-context",
        ("const x = g();\nfn g() u16 { @activate(@get_local_task_id(9)); return 1; }\nexport var a = x;"),
        None,
        "comptime block",
    ),
    ("value-range", "export var a: u8 = 300;", "300", "0 to 255"),
    ("value-range", "const c = @get_color(24);\nexport var a: u16 = @get_int(c);", "@get_color(24)", "0 to 23"),
    ("value-range", "const c = @get_local_task_id(3);\nexport var a = @get_int(c);", None, "wse3"),
    ("value-range", "export var a = @zeros([9000, 9000]f32);", None, "81000000"),
    ("arithmetic", "export var a: u16 = 1 / 0;", "1 / 0", "division by zero"),
    ("arithmetic", "export var a: u16 = 1 << -1;", "1 << -1", "negative"),
    ("index-bounds", "const v = [2]u16 { 1, 2 };\nexport var a: u16 = v[2];", "2", "0..1"),
    ("not-assignable", "fn g() u16 { const n: u16 = 1; n = 2; return n; }\nexport var a: u16 = g();", "n", "'n'"),
    ("unused-value", "fn g() u16 { 3 + 4; return 1; }\nexport var a: u16 = g();", "3 + 4;", "not used"),
    ("missing-return", "fn g() u16 { }\nexport var a: u16 = g();", "g", "u16"),
    ("comptime-required", "comptime { n = 2; }\nvar n: u16 = 1;", "n", "while compiling"),
    ("assert-failed", 'comptime { @comptime_assert(2 < 1, "order"); }', None, "2 < 1 does not hold: order"),
    ("step-limit", "fn g() u16 { while (true) { } return 1; }\nexport var a: u16 = g();", None, "1000 steps"),
    ("call-depth", "fn g(n: u32) u32 { return g(n + 1); }\nexport var a: u32 = g(0);", "g(n + 1)", "200"),
    (
        "unknown-field",
        GOOD_HEAD + "export var d = @get_dsd(fabin_dsd, .{ .extent = 1, .input_queue = iq, .simd_mode = .{} });",
        None,
        "simd_64",
    ),
    (
        "unsupported",
        GOOD_HEAD + "export var d = @get_dsd(fabout_dsd, .{ .extent = 1, .output_queue = oq, .control = true, "
        ".simd_mode = .{ .simd_32 = true } });",
        None,
        "no room",
    ),
    (
        "unsupported",
        GOOD_HEAD
        + "export var d = @get_dsd(fabin_dsd, .{ .extent = 1, .input_queue = iq, .control_transform = true });",
        None,
        "control_transform",
    ),
    (
        "unsupported",
        "var x = @zeros([4]u16);\nexport var d = @allocate_fifo(x, .{ .full_action = .{ .stall = true } });",
        None,
        "full_action",
    ),
    (
        "unsupported",
        "var x = @zeros([4]u16);\n"
        "const d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{4} -> x[i] });\n"
        "comptime { @load_to_dsr(@get_dsr(dsr_dest, 1), d, .{ .single_step = true }); }",
        None,
        "single_step",
    ),
    (
        "unsupported",
        "var x = @zeros([4]u16);\n"
        "const d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{4} -> x[i] });\n"
        "comptime { @load_to_dsr(@get_dsr(dsr_dest, 1), d, .{ .priority = .{ .high = true } }); }",
        None,
        "priority",
    ),
    ("unsupported", "const S = union { x: u16, y: i16 };\nvar a: S;\ncomptime { @export_symbol(a); }", None, "union"),
    ("unsupported", "const S = packed struct { x: u16 };\nexport var a: u16 = S{ .x = 1 }.x;", None, "packed struct"),
    ("unsupported", "const S = struct { x: u16 = 3 };\nexport var a: u16 = S{ .x = 1 }.x;", "3", "defaults"),
    ("duplicate-field", "const S = struct { x: u16, x: u16 };\nexport var a: u16 = S{ .x = 1 }.x;", "x: u16", "twice"),
    ("missing-field", "const S = struct { x: u16, y: u16 };\nexport var a: S = .{ .x = 1 };", ".{ .x = 1 }", "'y'"),
    ("unknown-field", "const S = struct { x: u16 };\nexport var a: S = .{ .x = 1, .z = 1 };", None, "'z'"),
    ("unknown-field", "const S = struct { x: u16 };\nvar s: S;\nexport var a: u16 = s.y;", "y", "'y'"),
    (
        "type-mismatch",
        "const S = struct { x: u16 };\nconst s = S{ .x = 1 };\nexport var a: bool = s == s;",
        "s == s",
        "compare",
    ),
    ("type-mismatch", "const s = [1]u16{ 1 };\nexport var a: u16 = switch (s) { else => 1 };", "s", "switch"),
    ("type-mismatch", "export var a = u16{ .x = 1 };", "u16{ .x = 1 }", "struct type"),
    (
        "type-mismatch",
        "const S = struct { x: u16 };\nvar s: [4]S;\n"
        "export var d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{4} -> s[i] });",
        "s",
        "descriptor",
    ),
    (
        "type-mismatch",
        "const S = struct { x: u16 };\nvar s: [4]S;\n"
        "export var d = @get_dsd(mem1d_dsd, .{ .base_address = &s, .extent = 4 });",
        None,
        "numbers",
    ),
    # descriptors
    (
        "not-affine",
        ("var v: [9]u16;\nconst d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{3} -> v[i * i] });\nexport var p = d;"),
        "i * i",
        "i * i",
    ),
    (
        "not-affine",
        ("var v: [4, 4]u16;\nexport var d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i,j|{2, 2} -> v[i, j] });"),
        None,
        "one stride",
    ),
    (
        "stride-range",
        ("var v: [999]u16;\nexport var d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i|{3} -> v[200 * i] });"),
        None,
        "200",
    ),
    (
        "extent-range",
        ("var v: [9]u16;\nexport var d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 70000 });"),
        "70000",
        "70000",
    ),
    ("missing-field", "export var d = @get_dsd(mem1d_dsd, .{ .extent = 3 });", None, "base_address"),
    ("unknown-field", "export var d = @get_dsd(fabin_dsd, .{ .extnt = 3 });", "3", "extnt"),
    (
        "too-many-dsrs",
        "const r = @get_dsr(dsr_dest, 16);\ncomptime { @load_to_dsr(r, r); }",
        "@get_dsr(dsr_dest, 16)",
        "16",
    ),
    (
        "dsr-direction",
        GOOD_HEAD
        + (
            "const d = @get_dsd(fabin_dsd, .{ .extent = 1, .input_queue = iq });\n"
            "comptime { @load_to_dsr(@get_dsr(dsr_dest, 1), d); }"
        ),
        None,
        "fabin_dsd",
    ),
    # resources
    (
        "duplicate-bind",
        (
            "task a() void {} task b() void {}\n"
            "const id = @get_local_task_id(9);\n"
            "comptime { @bind_local_task(a, id); @bind_local_task(b, id); }"
        ),
        None,
        "'a'",
    ),
    ("reserved-task-id", "task a() void {}\ncomptime { @bind_local_task(a, @get_local_task_id(28)); }", None, "28"),
    (
        "reserved-color",
        ("comptime { @set_local_color_config(@get_color(22), .{ .routes = .{ .rx = .{RAMP}, .tx = .{RAMP} } }); }"),
        None,
        "22",
    ),
    (
        "queue-shared",
        GOOD_HEAD
        + ("comptime { @initialize_queue(iq, .{ .color = c }); @initialize_queue(iq, .{ .color = @get_color(3) }); }"),
        None,
        "input queue 2",
    ),
    (
        "queue-uninitialised",
        GOOD_HEAD + "task a(x: u16) void {}\ncomptime { @bind_data_task(a, @get_data_task_id(iq)); }",
        None,
        "input queue 2",
    ),
    ("unbound-activate", "comptime { @activate(@get_local_task_id(9)); }", None, "9"),
    ("unbound-task", "task a() void {}\ncomptime { @activate(a); }", None, "'a'"),
    (
        "never-unblocked",
        ("task a() void {}\nconst id = @get_local_task_id(9);\ncomptime { @bind_local_task(a, id); @block(id); }"),
        None,
        "9",
    ),
    (
        "route-two-inputs",
        (
            "comptime { @set_local_color_config(@get_color(2), .{ .routes = .{ .rx = .{EAST, WEST}, "
            ".tx = .{RAMP} } }); }"
        ),
        None,
        "2 directions",
    ),
    ("unknown-export", "fn g() void {}\ncomptime { @export_symbol(g); }", None, "'g'"),
    ("out-of-memory", "export var big: [13000]f32;", None, "big 52,000 B"),
]

# code, body of a run-time function, what precedes it, the marked text, a word of the message
BODIES = [
    ("comptime-required", "inline while (x < 3) : (x += 1) {}", "var x: u16 = 0;", "x < 3", "inline while"),
    (
        "comptime-required",
        "comptime var i = 0; inline while (i < 3) : (i += 1) { if (x == 1) break; }",
        "var x: u16 = 0;",
        None,
        "run time cannot decide",
    ),
    (
        "too-complex",
        "comptime var i = 0; inline while (i < 9999) : (i += 1) { x += 1; }",
        "var x: u16 = 0;",
        None,
        "4096",
    ),
    (
        "comptime-required",
        "g(.{ .a = x });",
        "var x: u16 = 0;\nfn g(comptime s: comptime_struct) void { x = s.a; }",
        ".{ .a = x }",
        "must be known",
    ),
    ("comptime-required", "comptime const y = x;", "var x: u16 = 0;", "x", "while compiling"),
    ("comptime-required", "x = comptime x;", "var x: u16 = 0;", "x", "while compiling"),
    ("comptime-required", "comptime { @comptime_assert(x == 0); }", "var x: u16 = 0;", "x", "while compiling"),
    ("type-mismatch", "switch (s) { else => {} }", "var s = @zeros([2]u16);", "s", "switch"),
    ("implicit-conversion", "var a: i16 = 1; var b: u16 = a;", "", "a", "u16"),
    ("type-mismatch", "var a: i16 = 1; var b: u16 = 2; a = a + b;", "", None, "i16 and u16"),
    ("type-mismatch", "var a = 3;", "", "a", "comptime_int"),
    ("type-mismatch", "if (n) { }", "var n: u16 = 1;", "n", "bool"),
    (
        "implicit-conversion",
        "@fadds(d, d, n);",
        ("var v: [2]f32;\nvar n: u16 = 1;\nconst d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 2 });"),
        "n",
        "f32",
    ),
    (
        "type-mismatch",
        "@fadds(n, d, 1.0);",
        ("var v: [2]f32;\nvar n: f32;\nconst d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 2 });"),
        "n",
        "pointer",
    ),
    ("type-mismatch", "t();", "task t() void {}", "t()", "task 't'"),
    ("wrong-arity", "g();", "fn g(a: u16) void {}", "g()", "'g'"),
    (
        "wrong-arity",
        "@fmacs(d, d, d);",
        "var v: [2]f32;\nconst d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 2 });",
        None,
        "4 to 5",
    ),
    (
        "unknown-field",
        "@fmovs(d, 1.0, .{ .asinc = true });",
        "var v: [2]f32;\nconst d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 2 });",
        None,
        "asinc",
    ),
    (
        "async-required",
        "@fmovs(d, 1.0, .{ .activate = t });",
        ("task t() void {}\nvar v: [2]f32;\nconst d = @get_dsd(mem1d_dsd, .{ .base_address = &v, .extent = 2 });"),
        None,
        "asynchronous",
    ),
    (
        "dsr-direction",
        "@fmovs(i, 1.0);",
        "const i = @get_dsd(fabin_dsd, .{ .extent = 1, .input_queue = @get_input_queue(2) });",
        "i",
        "destination",
    ),
    ("dsr-direction", "@fmovs(@get_dsr(dsr_dest, 1), @get_dsr(dsr_dest, 2));", "", None, "source"),
    ("not-assignable", "n = 2;", "const n: u16 = 1;", "n", "'n'"),
    ("not-assignable", "v[n] = 2;", "const v = [2]u16 { 1, 2 };\nvar n: u16 = 0;", "v[n]", ""),
    ("index-bounds", "v[3] = 2;", "var v: [2]u16;", "3", "0..1"),
    ("comptime-required", "const v = @zeros([n]u16);", "var n: u16 = 4;", "n", "while compiling"),
    ("comptime-required", "var s = .{ .a = 1 }; if (n == 4) { s = .{ .a = 2 }; }", "var n: u16 = 4;", "s", "run time"),
    ("unknown-name", "missing = 3;", "", "missing", "missing"),
    ("wrong-context", "break;", "", "break;", "loop"),
    ("wrong-context", "@bind_local_task(t, @get_local_task_id(9));", "task t() void {}", None, "comptime block"),
    ("missing-return", "g();", "var n: u16 = 1;\nfn g() u16 { if (n == 1) { return 2; } }", "g", "u16"),
    ("duplicate-name", "switch (n) { 1 => {}, 1 => {}, else => {} }", "var n: u16 = 1;", "1", "two prongs"),
    ("arithmetic", "n = n / 0;", "var n: u16 = 1;", None, "zero"),
]


@pytest.mark.parametrize(("code", "pe", "marked", "word"), PE)
def test_a_program(build, code, pe, marked, word):
    limit = 1000 if code == "step-limit" else 100_000
    found = [entry for entry in build(pe, step_limit=limit).found if entry.code == code]
    assert found, code
    assert word in found[0].message
    assert marked is None or found[0].span.text == marked


@pytest.mark.parametrize(("code", "body", "before", "marked", "word"), BODIES)
def test_a_function(build, code, body, before, marked, word):
    built = build(f"{before}\n{RUN.format(body)}", layout=EXPORT)
    assert code in built.codes, built.found
    found = next(entry for entry in built.found if entry.code == code)
    assert word in found.message
    assert marked is None or found.span.text == marked
    assert built.program is None


LAYOUTS = [
    ("unknown-export", '@export_name("a", [*]f32);', "'a'"),
    (
        "outside-rectangle",
        "@set_color_config(1, 0, @get_color(1), .{ .routes = .{ .rx = .{RAMP}, .tx = .{RAMP} } });",
        "(1, 0)",
    ),
    ("duplicate-name", '@export_name("a", [*]f32); @export_name("a", [*]f32);', "'a'"),
    ("duplicate-name", "@set_rectangle(1, 1);", "rectangle"),
    (
        "route-off-fabric",
        "@set_color_config(0, 0, @get_color(1), .{ .routes = .{ .rx = .{RAMP}, .tx = .{EAST} } });",
        "EAST",
    ),
    (
        "stream-color-routed",
        "@set_color_config(0, 0, @get_color(7), .{ .routes = .{ .rx = .{RAMP}, .tx = .{RAMP} } });",
        "MEMCPYH2D_1",
    ),
    (
        "reserved-color",
        "@set_color_config(0, 0, @get_color(21), .{ .routes = .{ .rx = .{RAMP}, .tx = .{RAMP} } });",
        "21",
    ),
]


@pytest.mark.parametrize(("code", "layout", "word"), LAYOUTS)
def test_a_layout(build, code, layout, word):
    head = (
        'const m = @import_module("<memcpy/get_params>", .{ .width = 1, .height = 1, .MEMCPYH2D_1 = @get_color(7) });'
    )
    built = build("", layout=layout, head=head, fabric_dims=(8, 3), fabric_offsets=(7, 1))
    assert built.codes == [code]
    assert word in built.found[0].message and built.found[0].span is not None


def test_routes_between_pes(build):
    config = "@set_color_config({}, 0, @get_color(1), .{{ .routes = .{{ .rx = .{{{}}}, .tx = .{{{}}} }} }});"
    deaf = build("", size=(2, 1), layout=config.format(0, "RAMP", "EAST"))
    assert deaf.codes == ["route-not-received"] and "PE (1, 0)" in deaf.found[0].message
    circle = build("", size=(2, 1), layout=config.format(0, "EAST", "EAST") + config.format(1, "WEST", "WEST"))
    assert circle.codes == ["route-loop"] and "(0, 0) -> (1, 0) -> (0, 0)" in circle.found[0].message
    assert (
        build("", size=(2, 1), layout=config.format(0, "RAMP", "EAST") + config.format(1, "WEST", "RAMP")).codes == []
    )


def test_layout_and_program_agree_about_a_color(build):
    route = ".{ .routes = .{ .rx = .{ RAMP }, .tx = .{ RAMP } }, .teardown = BOOL }"
    local = f"comptime {{ @set_local_color_config(@get_color(1), {route.replace('BOOL', 'false')}); }}"
    same = f"@set_color_config(0, 0, @get_color(1), {route.replace('BOOL', 'false')});"
    assert build(local, layout=same).codes == []
    both = same + f"@set_color_config(1, 0, @get_color(1), {route.replace('BOOL', 'true')});"
    (found,) = build(local, size=(2, 1), layout=both).found
    assert found.code == "duplicate-name" and "color 1" in found.message
    assert found.span is not None and found.span.path.endswith("pe.csl")
    ((place, text),) = found.notes
    assert place.path.endswith("layout.csl") and "(1, 0)" in text


def test_wse2_has_one_space_for_colors_and_local_tasks(build):
    pe = """
      task a() void {} task b(x: u16) void {}
      comptime { @bind_local_task(a, @get_local_task_id(4)); @bind_data_task(b, @get_data_task_id(@get_color(4))); }
    """
    assert build(pe, arch="wse2").codes == ["id-clash"]


def test_reserved_queues(build):
    pe = """
      const o = @get_dsd(fabout_dsd, .{
        .extent = 1, .output_queue = @get_output_queue(1), .fabric_color = @get_color(1) });
      export var d = o;
      comptime { @initialize_queue(@get_output_queue(1), .{ .color = @get_color(1) }); }
    """
    assert build(pe, arch="wse3").codes == ["reserved-queue"]
    assert build(pe, arch="wse2").codes == []


def test_the_calls_that_led_to_an_error(build):
    built = build("""
      fn inner(n: u16) u16 { return 10 / n; }
      fn outer(n: u16) u16 { return inner(n - 1); }
      export var a: u16 = outer(1);
    """)
    (found,) = built.found
    assert found.code == "arithmetic" and found.span.text == "10 / n"
    assert [(span.text, text) for span, text in found.notes] == [
        ("inner(n - 1)", "in the call of 'inner' here"),
        ("outer(1)", "in the call of 'outer' here"),
    ]


def test_one_mistake_is_told_once(build):
    built = build("const a = missing;\nexport var b: u16 = a;\nexport var d: u16 = a + 1;")
    assert built.codes == ["unknown-name"]


def test_the_dead_side_of_a_known_condition_is_not_looked_at(build):
    built = build(
        'fn f() void { if (@is_arch("wse2")) { nothing.of(this); } else { } }\ncomptime { @export_symbol(f); }',
        layout=EXPORT,
    )
    assert built.codes == []


def test_layouts_that_say_too_little(tmp_path):
    for text, code in (
        ("", "no-layout"),
        ("layout { }", "no-layout"),
        ("layout { @set_rectangle(1, 2); }", "no-tile-code"),
    ):
        (tmp_path / "l.csl").write_text(text)
        program, found = compile_program(tmp_path / "l.csl")
        assert program is None and [entry.code for entry in found] == [code]


def test_unknown_parameters_are_warnings(build):
    built = build("", params=".{ .n = 1 }")
    assert built.codes == ["unknown-param"] and built.program is not None


def test_checking_a_file_alone():
    text = """
      param n: u16;
      var a: [n]f32;
      const wrong: u8 = 256;
      fn f() void { var x: u16 = 1.5; }
      comptime { @export_symbol(f); @comptime_assert(n > 0); }
    """
    assert [entry.code for entry in check(text)] == ["value-range", "type-mismatch"]
    assert [entry.code for entry in check(text, params={"n": 0})] == ["assert-failed", "value-range", "type-mismatch"]


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("too-complex", "var s: comptime_struct = .{}; for (@range(i32, 9000)) |i| { s = .{ .a = s }; }"),
        ("too-complex", "var T: type = u16; for (@range(i32, 9000)) |i| { T = *T; }"),
        ("value-range", 'var s: comptime_string = "ab"; for (@range(i32, 90)) |i| { s = @strcat(s, s); }'),
        ("arithmetic", "var n = 2; for (@range(i32, 90)) |i| { n = n * n; }"),
    ],
)
def test_values_without_bounds(build, code, body):
    assert build(f"comptime {{ {body} }}").codes == [code]


def test_specialisation_without_end(build):
    text = "fn g(comptime n: i16) void { g(n + 1); }\nfn f() void { g(0); }\ncomptime { @export_symbol(f); }"
    built = build(text, layout=EXPORT)
    assert built.codes == ["call-depth"]


def test_a_symbol_may_be_exported_in_both_ways(build):
    built = build("export var a: u16 = 1;\ncomptime { @export_symbol(a); }", layout='@export_name("a", u16);')
    assert built.codes == [] and [entry.name for entry in built.program.classes[0].exports] == ["a"]
