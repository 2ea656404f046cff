"""Files that are either written completely or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

# A file being written is called `.<name>.<random>.part` and stands beside the one it will replace.
PART = ".part"


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Write to a file beside `path`, flush it to the disk, then let it take the name.

    A reader sees the old file or the new one; after an error, or a crash, the old one is still there. The new file has
    the permissions of the old one, and a symbolic link goes on pointing at what it points at.
    """
    target = Path(os.path.realpath(path))
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.", suffix=PART)
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), permissions(target))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name itself
    finally:
        os.close(directory)


def permissions(target: Path) -> int:
    """Those of the file to be replaced; for a new one what `open` would give it, as mkstemp is stricter."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


@contextmanager
def opened_for_writing(path_or_file: Any) -> Iterator[IO[bytes]]:
    """A path is written atomically; a file object is written to where it stands."""
    if isinstance(path_or_file, str | os.PathLike):
        with atomic_file(path_or_file) as file:
            yield file
    else:
        yield path_or_file
