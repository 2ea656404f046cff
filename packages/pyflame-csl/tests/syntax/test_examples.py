"""The public examples parse without a finding, and keep their tree when formatted."""

from pyflame.csl import format, parse


def test_every_example_parses_and_formats(examples):
    files = sorted(examples.rglob("*.csl"))
    assert len(files) > 150
    for path in files:
        module = parse(path.read_bytes(), str(path))
        formatted = format(path.read_text())
        assert parse(formatted) == module, path
        assert format(formatted) == formatted, path
