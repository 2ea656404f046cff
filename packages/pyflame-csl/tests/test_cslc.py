from pyflame.csl.cslc import main


def test_errors_go_to_stderr_with_the_line(tmp_path, capsys):
    (tmp_path / "layout.csl").write_text("layout {\n  @set_rectangle(1, );\n}\n")
    assert main([str(tmp_path / "layout.csl"), "-o", str(tmp_path / "out")]) == 1
    shown = capsys.readouterr().err
    assert "layout.csl:2:3: error" in shown and "  @set_rectangle(1, );" in shown
    assert not (tmp_path / "out").exists()


def test_a_useless_command_line_shows_the_usage(capsys):
    assert main(["--arch=wse9", "x.csl"]) == 2
    assert "usage: cslc" in capsys.readouterr().err


def test_unknown_flags_are_told(tmp_path, capsys):
    (tmp_path / "layout.csl").write_text('layout { @set_rectangle(1, 1); @set_tile_code(0, 0, "pe.csl", .{}); }')
    (tmp_path / "pe.csl").write_text("")
    assert main([str(tmp_path / "layout.csl"), "--turbo", "-o", str(tmp_path / "out"), "--verbose"]) == 0
    told = capsys.readouterr()
    assert "--turbo is unknown" in told.err and "1 x 1 PEs" in told.out
