import statistics
import time

import pytest

from pyflame.csl import check
from pyflame.csl.comptime.session import LIBRARY, parsed


def test_texts_and_files(tmp_path):
    path = tmp_path / "a.csl"
    path.write_text("var x = ;\n")
    assert [found.code for found in check(path)] == [found.code for found in check("var x = ;\n")]
    assert check(path)[0].span.path == str(path)
    assert check("var x: u16 = 1;") == []


def test_a_function_with_comptime_arguments_is_looked_at_where_it_is_called():
    function = "fn scale(comptime l: u16, x: f32) f32 { return x * @as(f32, 1 << l); }\n"
    assert check(function) == []
    (found,) = check(function + "fn f(x: f32) f32 { return scale(-1, x); }")
    assert found.code == "value-range"


def test_a_file_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "none.csl")


def test_a_file_is_parsed_once_for_all_checks(tmp_path):
    path = tmp_path / "a.csl"
    path.write_text("var x: u16 = 1;\n")
    before = parsed.cache_info()
    assert check(path) == check(path) == []
    after = parsed.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 3)
    path.write_text("var x: u16 = true;\n")
    assert [found.code for found in check(path)] == ["type-mismatch"]


def test_a_typical_file_is_checked_in_20_ms():
    """Of the libraries, imports included; benchmarks/front_end.py measures public programs."""
    files = sorted(LIBRARY.rglob("*.csl"))
    took = []
    for path in files:
        begin = time.process_time()
        check(path)
        took.append(time.process_time() - begin)
    assert statistics.median(took) < 0.02
