"""Where progress is drawn: plain lines, a bar in a terminal, rich, or a notebook's cell."""

from __future__ import annotations

import html
import shutil
import sys
import time
from importlib.util import find_spec
from typing import Any, Protocol, TextIO

REDRAWS_PER_SECOND = 10
WIDTH = 24


class Display(Protocol):
    """Draws one epoch after another."""

    def begin(self, label: str, total: int | None) -> None:
        """An epoch begins."""

    def update(self, done: int, text: str) -> None:
        """So many batches are done."""

    def end(self, line: str) -> None:
        """The epoch is done; `line` says how it went."""

    def close(self) -> None:
        """Nothing more comes."""


class Lines:
    """One line for each epoch: what a file or a pipe can take."""

    def __init__(self, file: TextIO) -> None:
        self.file = file

    def begin(self, label: str, total: int | None) -> None:
        pass

    def update(self, done: int, text: str) -> None:
        pass

    def end(self, line: str) -> None:
        self.file.write(line + "\n")
        self.file.flush()

    def close(self) -> None:
        pass


class Bar:
    """A bar that is drawn anew on the same line of a terminal."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self._label, self._drawn, self._open = "", 0.0, False
        self._total: int | None = None

    def begin(self, label: str, total: int | None) -> None:
        self._label, self._total, self._drawn = label, total, 0.0

    def update(self, done: int, text: str) -> None:
        now = time.perf_counter()
        if now - self._drawn < 1 / REDRAWS_PER_SECOND:
            return
        self._drawn = now
        filled = WIDTH * done // max(self._total or done, done)
        self._draw(f"{self._label} [{'=' * filled}{' ' * (WIDTH - filled)}] {text}")
        self._open = True

    def end(self, line: str) -> None:
        self._draw("")
        self.file.write("\r" + line + "\n")
        self.file.flush()
        self._open = False

    def close(self) -> None:
        if self._open:  # so that a traceback begins on a line of its own
            self.file.write("\n")

    def _draw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self.file.write("\r" + line[:width].ljust(width))
        self.file.flush()


class Rich:
    """A bar drawn by the package rich."""

    def __init__(self, file: TextIO, terminal: bool | None = None) -> None:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError as error:
            raise ModuleNotFoundError("[ProgressBar] this display needs rich: pip install rich") from error

        self._console = Console(file=file, force_terminal=terminal, highlight=False)
        columns = TextColumn("{task.description}"), BarColumn(WIDTH), TextColumn("{task.fields[text]}")
        self._progress = Progress(
            *columns,
            TimeRemainingColumn(),
            console=self._console,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
        )
        self._task: Any = None

    def begin(self, label: str, total: int | None) -> None:
        self.close()
        self._task = self._progress.add_task(label, total=total, text="")
        self._progress.start()

    def update(self, done: int, text: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, text=text)

    def end(self, line: str) -> None:
        self.close()
        self._console.print(line, markup=False, soft_wrap=True)

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop()
            self._progress.remove_task(self._task)
            self._task = None


class Notebook:
    """A bar in the output of a notebook's cell, below the lines of the epochs that are done."""

    def __init__(self) -> None:
        try:
            from IPython.display import HTML, display
        except ImportError as error:
            raise ModuleNotFoundError("[ProgressBar] this display needs IPython: pip install ipython") from error

        self._html, self._lines = HTML, list[str]()
        self._handle: Any = display(HTML(""), display_id=True)
        self._label, self._drawn = "", 0.0
        self._total: int | None = None

    def begin(self, label: str, total: int | None) -> None:
        self._label, self._total, self._drawn = label, total, 0.0

    def update(self, done: int, text: str) -> None:
        now = time.perf_counter()
        if now - self._drawn < 1 / REDRAWS_PER_SECOND:
            return
        self._drawn = now
        bar = f'<progress value="{done}" max="{self._total or done}"></progress>'
        self._show(f"{html.escape(self._label)} {bar} {html.escape(text)}")

    def end(self, line: str) -> None:
        self._lines.append(line)
        self._show("")

    def close(self) -> None:
        self._show("")

    def _show(self, last: str) -> None:
        lines = "\n".join(map(html.escape, self._lines))
        self._handle.update(self._html(f"<pre>{lines}</pre>{last}"))


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def display_for(file: TextIO | None, live: bool | None) -> Display:
    """Choose how to draw.

    Args:
        file: where to, standard output if None.
        live: draw a moving bar; if None, when the file is a terminal or a notebook's cell.
    """
    if file is None and live is not False and in_notebook():
        return Notebook()
    target = file or sys.stdout
    if not (target.isatty() if live is None else live):
        return Lines(target)
    return Rich(target) if target.isatty() and find_spec("rich") else Bar(target)
