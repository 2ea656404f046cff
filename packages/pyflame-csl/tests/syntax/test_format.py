from textwrap import dedent

import pytest

from pyflame.csl import CSLError, format, parse

CASES = {
    "spaces": (
        "const  x:[ 4 ]f32=@zeros( [4]f32 ) ;",
        "const x: [4]f32 = @zeros([4]f32);",
    ),
    "operators": (
        "const x=a*-b+~c<<2 == d.*[ i,j ]and!e or f . g;",
        "const x = a * -b + ~c << 2 == d.*[i, j] and !e or f.g;",
    ),
    "types": (
        "param f:fn ( [ * ] const f32,*u16 )void;",
        "param f: fn([*]const f32, *u16) void;",
    ),
    "literals": (
        "const x=.{.a=1,.b=.{RAMP},.c=.{ }, .d=[2]u16 {1,2}};",
        "const x = .{ .a = 1, .b = .{ RAMP }, .c = .{}, .d = [2]u16{ 1, 2 } };",
    ),
    "access": (
        "const d=@get_dsd(mem1d_dsd,.{.tensor_access=| i,j | { N, M }->A[i,j]});",
        "const d = @get_dsd(mem1d_dsd, .{ .tensor_access = |i, j|{N, M} -> A[i, j] });",
    ),
    "block": (
        "fn f( )void{x=1;if(a){y=2;}else{z=3;}}",
        """
        fn f() void {
          x = 1;
          if (a) { y = 2; } else { z = 3; }
        }
        """,
    ),
    "loops": (
        "fn f() void { while(i<4):(i+=1){ } for(@range(i16,4))|i|{\ng(i);break;} }",
        """
        fn f() void {
          while (i < 4) : (i += 1) {}
          for (@range(i16, 4)) |i| {
            g(i);
            break;
          }
        }
        """,
    ),
    "braces join": (
        "fn f() void\n{\n  if (a)\n  {\n    x = 1;\n  }\n  else\n  {\n    y = 1;\n  }\n}\n",
        """
        fn f() void {
          if (a) {
            x = 1;
          } else {
            y = 1;
          }
        }
        """,
    ),
    "continuation": (
        "const x: u16 =\nif (a) 1\nelse 2;\nconst y = a +\n b;\nfn f(a: u16,\nb: u16) void {\nreturn;\n}\n",
        """
        const x: u16 =
          if (a) 1
          else 2;
        const y = a +
          b;
        fn f(a: u16,
          b: u16) void {
          return;
        }
        """,
    ),
    "bodies without braces": (
        "fn f() void {\nif (a)\nx = 1\nelse\ny = 2;\nfor (v) |i|\nif (i) {\nz = 3;\n}\n}",
        """
        fn f() void {
          if (a)
            x = 1
          else
            y = 2;
          for (v) |i|
            if (i) {
              z = 3;
            }
        }
        """,
    ),
    "arguments": (
        "layout {\n@set_tile_code(0, 0, \"pe.csl\", .{\n.a = 1,\n      .b = .{\n 2, 3 },\n});\n}",
        """
        layout {
          @set_tile_code(0, 0, "pe.csl", .{
            .a = 1,
            .b = .{
              2, 3 },
          });
        }
        """,
    ),
    "comments": (
        "//a\n\n\n\nvar x = 1;  // one  \nvar yy = 2;  // two\n\n"
        "fn f() void { // f\n\n    // inside\n  x = 1;\n  // last\n}\n// end",
        """
        //a

        var x = 1; // one
        var yy = 2; // two

        fn f() void { // f

          // inside
          x = 1;
          // last
        }
        // end
        """,
    ),
    "aligned comments": (
        "var x = 1;    // one\nvar yyyy = 2; // two\nvar z = 3; // three\n",
        """
        var x = 1;    // one
        var yyyy = 2; // two
        var z = 3; // three
        """,
    ),
    "jumps": (
        "fn f() void { break :l x; continue :l; l: { x = 1; } }",
        """
        fn f() void {
          break :l x;
          continue :l;
          l: { x = 1; }
        }
        """,
    ),
    "switch": (
        "fn f() void {\nswitch(s){\n0,2=>g(),\n.A=>{\nx=1;},\nelse=>return,\n}\n}",
        """
        fn f() void {
          switch (s) {
            0, 2 => g(),
            .A => {
              x = 1;
            },
            else => return,
          }
        }
        """,
    ),
    "items": ("var x = 1; var y = 2; task t() void {}", "var x = 1;\nvar y = 2;\ntask t() void {}"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_layout(text, expected):
    assert format(text) == dedent(expected).strip() + "\n"
    assert format(format(text)) == format(text)
    assert parse(format(text)) == parse(text)


def test_an_empty_text_stays_empty():
    assert format("") == "" and format("\n \n") == ""


def test_other_scripts_and_line_ends():
    assert format('// é 🔥\r\nconst s = "ё";\r\n') == '// é 🔥\nconst s = "ё";\n'


def test_a_text_with_errors_is_not_formatted():
    with pytest.raises(CSLError, match="f.csl:1:9"):
        format("var x = ;", "f.csl")
