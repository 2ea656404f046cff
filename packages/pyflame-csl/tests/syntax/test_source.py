import pytest

from pyflame.csl import Source


@pytest.fixture
def source() -> Source:
    return Source("var a;\n// 🔥é\nvar b;\r\n", "f.csl")


def test_positions_count_characters_from_one(source):
    b = source.data.index(b"b;")
    assert (source.position(b).line, source.position(b).column) == (3, 5)
    assert str(source.span(b, b + 1)) == "f.csl:3:5"


def test_utf16_counts_units_from_zero(source):
    end = source.data.index("é".encode())
    assert source.utf16(end) == (1, 5)  # // and a space, then a pair of surrogates
    assert source.position(end).column == 5
    assert source.span(end, end + 2).utf16 == ((1, 5), (1, 6))


def test_offsets_are_bytes(source):
    assert source.span(10, 14).text == "🔥"
    assert len(source.text) == len(source.data)


def test_line_text_has_no_line_end(source):
    assert [source.line_text(number) for number in (1, 2, 3, 4)] == ["var a;", "// 🔥é", "var b;", ""]


def test_bytes_that_are_no_utf8_have_positions():
    source = Source(b"// \xff\xfe\nvar")
    assert source.position(6).line == 2
    assert source.span(3, 4).text == "\ufffd"
