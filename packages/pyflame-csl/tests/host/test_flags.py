from pathlib import Path

import pytest

from pyflame.csl.host.flags import UsageError, parse_flags


def test_flags_as_the_examples_write_them(monkeypatch):
    monkeypatch.setenv("CSL_IMPORT_PATH", "/a:/b")
    flags = parse_flags(
        "--arch=wse2 ./layout.csl --fabric-dims=9,4 --fabric-offsets 4,1 --params=M:4,N:6 --params=K:0x10 -o=out "
        "--memcpy --channels 1 --width-west-buf=0 --colors=red:3,blue:4 --import-path=/c --verbose".split()
    )
    assert (flags.arch, flags.layout, flags.output) == ("wse2", Path("layout.csl"), Path("out"))
    assert (flags.fabric_dims, flags.fabric_offsets) == ((9, 4), (4, 1))
    assert flags.params == {"M": "4", "N": "6", "K": "0x10"} and flags.colors == {"red": 3, "blue": 4}
    assert flags.import_paths == [Path("/a"), Path("/b"), Path("/c")] and flags.verbose and not flags.warnings


def test_values_may_stand_apart():
    flags = parse_flags(["l.csl", "--arch", "wse3", "-o", "dir", "--memcpy", "--channels", "2"])
    assert (flags.arch, flags.output) == ("wse3", Path("dir"))


def test_unknown_flags_are_warnings():
    assert parse_flags(["l.csl", "--fast=1", "--loud"]).warnings == [
        *("the flag --fast is unknown and has no effect", "the flag --loud is unknown and has no effect"),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "one layout file"),
        ("a.csl b.csl", "not 2: a.csl b.csl"),
        ("a.csl --arch=wse4", "'wse4'"),
        ("a.csl --fabric-dims=9", "two numbers"),
        ("a.csl --params=M=4", "NAME:VALUE"),
        ("a.csl --colors=red:blue", "a number"),
        ("a.csl -o", "-o wants a value"),
    ],
)
def test_what_cannot_be_used(line, message):
    with pytest.raises(UsageError, match=message):
        parse_flags(line.split())
