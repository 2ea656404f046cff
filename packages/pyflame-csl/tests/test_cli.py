import json

import pytest

from pyflame.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csl").write_text("var x: u16 = 1;\n")
    (tmp_path / "plain.csl").write_text("var  x:u16=1;\n")
    return tmp_path


def test_check_lists_findings_with_the_line(folder, capsys):
    assert main(["csl", "check", "."]) == 0
    assert "2 files, 0 findings" in capsys.readouterr().out
    (folder / "bad.csl").write_text("var x = ;\n")
    assert main(["csl", "check", "--time", "bad.csl"]) == 1
    shown = capsys.readouterr().out
    assert "bad.csl:1:9: error" in shown and "  var x = ;" in shown and "median" in shown


def test_check_writes_json_for_editors(folder, capsys):
    (folder / "bad.csl").write_text('// 🔥\nvar x = "🔥" 1;\n')
    assert main(["csl", "check", "--json", "bad.csl"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert found["code"] == "expected-token" and found["range"][0] == [1, 13]


def test_fmt_writes_in_place(folder, capsys):
    assert main(["csl", "fmt", "."]) == 0
    assert (folder / "plain.csl").read_text() == "var x: u16 = 1;\n"
    assert capsys.readouterr().out == "formatted plain.csl\n"


def test_fmt_only_looks(folder, capsys):
    assert main(["csl", "fmt", "--check", "."]) == 1
    assert main(["csl", "fmt", "--diff", "plain.csl"]) == 0
    assert "-var  x:u16=1;\n+var x: u16 = 1;\n" in capsys.readouterr().out
    assert (folder / "plain.csl").read_text() == "var  x:u16=1;\n"


def test_fmt_leaves_broken_files_alone(folder, capsys):
    (folder / "bad.csl").write_text("var x = ;\n")
    (folder / "latin.csl").write_bytes(b"// \xff\n")
    assert main(["csl", "fmt", "bad.csl", "latin.csl", "good.csl"]) == 1
    errors = capsys.readouterr().err
    assert "bad.csl:1:9" in errors and "latin.csl" in errors


def test_fmt_pipes(folder, capsys, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("var  y=2;"))
    assert main(["csl", "fmt", "-"]) == 0
    assert capsys.readouterr().out == "var y = 2;\n"
