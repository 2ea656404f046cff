import pytest

from pyflame.csl import Source, tokens
from pyflame.csl.syntax.lexer import scan


def kinds(text):
    return scan(Source(text)).kinds[:-2]


def texts(text):
    return [token.text for token in tokens(text)]


def test_tokens_have_kinds_texts_and_spans():
    found = tokens("var x = @as(f32, 1); // é")
    assert [token.kind for token in found] == (
        "keyword name operator builtin operator name operator number operator operator comment".split()
    )
    assert found[-1].text == "// é"
    assert found[3].span.column == 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p.*=5", ["p", ".*", "=", "5"]),
        ("[*]f32", ["[", "*", "]", "f32"]),
        ("0...3", ["0", "...", "3"]),
        ("a[1..n]", ["a", "[", "1", "..", "n", "]"]),
        ("1.5e-3-2", ["1.5e-3", "-", "2"]),
        ("0xe+1", ["0xe", "+", "1"]),
        ("0x1.8p-4", ["0x1.8p-4"]),
        ("1_000", ["1_000"]),
        ("a<<=b>>c", ["a", "<<=", "b", ">>", "c"]),
        ("|i|{N}->A", ["|", "i", "|", "{", "N", "}", "->", "A"]),
        ('"a\\"b" "c"', ['"a\\"b"', '"c"']),
        ("a/b//c", ["a", "/", "b", "//c"]),
    ],
)
def test_longest_token_wins(text, expected):
    assert texts(text) == expected


def test_words_with_a_meaning_in_their_place_only_are_names():
    assert kinds("task param layout fn") == ["name", "name", "name", "fn"]


def test_comments_are_kept_apart():
    found = scan(Source("a // one\r\n// two\nb"))
    assert found.kinds[:-2] == ["name", "name"]
    assert [(comment.start, comment.end) for comment in found.comments] == [(2, 8), (10, 16)]


def test_a_string_ends_on_its_line():
    found = scan(Source('x = "abc\ny'))
    assert [diagnostic.code for diagnostic in found.diagnostics] == ["unterminated-string"]
    assert found.kinds[:-2] == ["name", "=", "string", "name"]


def test_a_run_of_unknown_bytes_is_one_report():
    found = scan(Source("a ёж b $"))
    assert [diagnostic.span.text for diagnostic in found.diagnostics] == ["ёж", "$"]
    assert found.kinds[:-2] == ["name", "name"]


def test_an_empty_text_has_no_tokens():
    assert tokens("") == [] and kinds(" \t\r\n") == []
