import pytest

from pyflame.csl import CSLError, Diagnostic, Severity, Source
from pyflame.csl.diagnostics import has_errors, render

SOURCE = Source("fn f() void {\n\tx = ёж y;\n}\n", "f.csl")


def diagnostic(**more):
    start = SOURCE.data.index(b"y;")
    return Diagnostic("expected-token", Severity.ERROR, SOURCE.span(start, start + 1), "what", **more)


def test_text_has_place_message_code_and_hint():
    note = (SOURCE.span(0, 2), "called here")
    shown = str(diagnostic(hint="do that", notes=(note,)))
    assert shown.splitlines() == [
        "f.csl:2:9: error: what [expected-token]",
        "  f.csl:1:1: note: called here",
        "  hint: do that",
    ]


def test_render_marks_the_place():
    assert render(diagnostic()).splitlines()[1:] == ["  \tx = ёж y;", "  \t       ^"]


def test_a_code_must_be_in_the_table():
    with pytest.raises(ValueError, match="no-such"):
        Diagnostic("no-such", Severity.ERROR, None, "what")


def test_errors_list_errors_and_keep_the_rest():
    warning = Diagnostic("expected-token", Severity.WARNING, None, "maybe")
    error = CSLError([warning, diagnostic()])
    assert "maybe" not in str(error) and len(error.diagnostics) == 2
    assert has_errors(error.diagnostics) and not has_errors([warning])
