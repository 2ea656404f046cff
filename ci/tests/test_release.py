from pathlib import Path

import pytest

from release import ReleaseError, main, read_release, section

CHANGELOG = "# Changes\n\n## 0.2.0 (2026-01-02)\n\n### Added\n\n- new\n\n## 0.1.0 (2026-01-01)\n\n- old\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    package = tmp_path / "packages/pyflame-nn"
    (package / "changelog.d").mkdir(parents=True)
    (package / "pyproject.toml").write_text('[project]\nname = "pyflame-nn"\nversion = "0.2.0"\n')
    (package / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_tag_gives_package_version_and_notes(root: Path) -> None:
    release = read_release("pyflame-nn-v0.2.0", root)
    assert (release.name, release.version, release.notes) == ("pyflame-nn", "0.2.0", "### Added\n\n- new")


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("v0.2.0", "not of the form"),
        ("pyflame-nn-0.2.0", "not of the form"),
        ("pyflame-nn-v0.2", "not of the form"),
        ("pyflame-csl-v0.2.0", "no packages/pyflame-csl"),
        ("pyflame-nn-v0.3.0", "says 0.2.0"),
    ],
)
def test_wrong_tag_is_refused(root: Path, tag: str, message: str) -> None:
    with pytest.raises(ReleaseError, match=message):
        read_release(tag, root)


def test_missing_section_is_refused(root: Path) -> None:
    (root / "packages/pyflame-nn/CHANGELOG.md").write_text(CHANGELOG.replace("0.2.0", "0.1.9"))
    with pytest.raises(ReleaseError, match="no section"):
        read_release("pyflame-nn-v0.2.0", root)


def test_unfolded_fragment_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "packages/pyflame-nn/changelog.d/7.fixed.md").write_text("x")
    assert main(["pyflame-nn-v0.2.0", "--root", str(root)]) == 1
    assert "towncrier build" in capsys.readouterr().err


def test_section_ends_at_the_next_version() -> None:
    assert section(CHANGELOG, "0.1.0") == "- old"
    assert section(CHANGELOG, "0.1") == ""
