import pytest

from pyflame.csl import check


def test_texts_and_files(tmp_path):
    path = tmp_path / "a.csl"
    path.write_text("var x = ;\n")
    assert [found.code for found in check(path)] == [found.code for found in check("var x = ;\n")]
    assert check(path)[0].span.path == str(path)
    assert check("var x: u16 = 1;") == []


def test_a_file_that_is_not_there_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "none.csl")
