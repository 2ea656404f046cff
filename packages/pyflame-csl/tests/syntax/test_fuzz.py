"""Any bytes give a tree and diagnostics. `--mutations 50000` damages that many programs."""

import os
import random
import time
from pathlib import Path

from hypothesis import given, strategies as st

import pyflame.csl
from pyflame.csl import Source, format, parse, tokens
from pyflame.csl.diagnostics import has_errors
from pyflame.csl.syntax import ast
from pyflame.csl.syntax.lexer import KEYWORDS, OPERATORS
from pyflame.csl.syntax.parser import parse_source

PIECES = [
    *(
        word.encode()
        for word in (*OPERATORS, *sorted(KEYWORDS), "task ", "param ", "layout {", "@as(", '"', "//", "\n")
    ),
    *(b"\xff", b"\xc3\xa9", b"0x", b"1e9", b"\\", b"\0", b"'", b"@", b"x", b"fn f() void {", b"if (", b"|i|{"),
]
LIBRARY = Path(pyflame.csl.__file__).with_name("lib")


def check_whole(data: bytes) -> bool:
    """Parse, and format what has no errors; return whether it has none."""
    module, diagnostics = parse_source(Source(data))
    for node in ast.walk(module):
        assert 0 <= node.start <= node.end <= len(data)
    for found in diagnostics:
        assert found.span is not None and str(found) and found.span.utf16
    if has_errors(diagnostics):
        return False
    text = data.decode(errors="replace")
    formatted = format(text)
    assert parse(formatted) == parse(text)
    assert format(formatted) == formatted
    assert [token.text.rstrip() for token in tokens(text)] == [token.text for token in tokens(formatted)]
    return True


@given(st.binary(max_size=400))
def test_any_bytes(data):
    check_whole(data)


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_tokens(pieces):
    check_whole(b" ".join(pieces))


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Cut, repeat, insert or exchange a few stretches."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 12))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                del changed[at : at + chance.randrange(1, 30)]
            case 1:
                changed[at:at] = chance.choice(PIECES) * chance.choice((1, 1, 2, 60, 400))
            case 2:
                start = chance.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + chance.randrange(200)]
            case _:
                changed[at : at + 3] = chance.randbytes(3)
    return bytes(changed)


def test_damaged_programs(request):
    """The library's own files, and with CSL_EXAMPLES_DIR the public examples."""
    folders = [LIBRARY, *([Path(os.environ["CSL_EXAMPLES_DIR"])] if os.environ.get("CSL_EXAMPLES_DIR") else [])]
    programs = [path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.csl"))]
    sound, slowest = 0, 0.0
    for seed in range(request.config.getoption("--mutations")):
        chance = random.Random(seed)
        data = mutate(chance.choice(programs), chance)
        begin = time.process_time()
        sound += check_whole(data)
        slowest = max(slowest, time.process_time() - begin)
    print(f"{sound} of the damaged programs are sound; the slowest took {slowest:.2f} s")
    assert sound and slowest < 10
