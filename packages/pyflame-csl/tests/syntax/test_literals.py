import pytest

from pyflame.csl import CSLError, parse


def value(text):
    return parse(f"const x = {text};").items[0].value.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("0", 0), ("42", 42), ("1_000", 1000), ("007", 7), ("0xFF", 255), ("0b1010", 10), ("0o17", 15)),
        *(("1.5", 1.5), ("1e3", 1000.0), ("2.5e-1", 0.25), ("0x1.8p1", 3.0), ("1_0.5", 10.5)),
        ("18446744073709551616", 1 << 64),
    ],
)
def test_numbers(text, expected):
    assert value(text) == expected and type(value(text)) is type(expected)


@pytest.mark.parametrize("text", ["0xg", "12ab", "0b2", "0x", "1e", "9" * 5000, "0x1p99999999"])
def test_what_is_no_number_is_reported(text):
    with pytest.raises(CSLError, match="invalid-number"):
        value(text)


def test_escapes_in_strings():
    assert value(r'"a\n\t\\\"\x41\u{1F525}\0"') == 'a\n\t\\"A🔥\0'
    assert value('"é"') == "é"


@pytest.mark.parametrize("text", [r'"\q"', r'"\u{D800}"', r'"\u{110000}"', r'"\xZ1"'])
def test_an_unknown_escape_is_reported(text):
    with pytest.raises(CSLError, match="invalid-escape"):
        value(text)
