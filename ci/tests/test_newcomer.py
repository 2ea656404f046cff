from pathlib import Path

import newcomer
import pytest


def test_blocks_are_one_program() -> None:
    assert newcomer.blocks("a\n```python\nx = 1\n```\n```\nshell\n```\n```python\ny = x\n```\n") == "x = 1\n\ny = x\n"


def test_the_pages_of_this_repository_are_played() -> None:
    names, commands = zip(*newcomer.steps(newcomer.ROOT))
    assert names == ("make quickstart", "the code of README.md", "the code of docs/tutorials/first-model.md")
    for command in commands[1:]:
        compile(command[-1], "page", "exec")
        assert "fit(" in command[-1] or "backward()" in command[-1]


@pytest.mark.parametrize(
    "readme, reason", [("make other", "make quickstart"), ("    make quickstart\n", "README.md has no")]
)
def test_pages_that_have_changed_are_refused(tmp_path: Path, readme: str, reason: str) -> None:
    page = tmp_path / newcomer.TUTORIAL
    page.parent.mkdir(parents=True)
    page.write_text("nothing")
    (tmp_path / "README.md").write_text(readme)
    with pytest.raises(ValueError, match=reason):
        list(newcomer.steps(tmp_path))
