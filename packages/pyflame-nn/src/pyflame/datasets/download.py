"""Files of data sets: where they are, whether they are whole, and how they get there."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

TIMEOUT = 60.0  # seconds without a byte
CHUNK = 1 << 20


def data_root(root: str | os.PathLike[str] | None, name: str) -> Path:
    """Return the folder of data sets: the given one, or that of PYFLAME_DATA_DIR."""
    chosen = os.environ.get("PYFLAME_DATA_DIR") if root is None else root
    if not chosen:
        raise ValueError(f"[{name}] root is not given: name a folder or set PYFLAME_DATA_DIR")
    return Path(chosen).expanduser()


def md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_md5(path: Path, md5: str, name: str) -> None:
    """Raise unless a file has this checksum."""
    found = md5_of(path)
    if found != md5:
        raise RuntimeError(
            f"[{name}] {path} has MD5 {found}, expected {md5}: the file is damaged or another one, remove it and "
            "download it again"
        )


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name only when it has been written completely."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def download(urls: Sequence[str], path: Path, md5: str, name: str) -> None:
    """Fetch a file from the first address that answers, unless it is there; its checksum must be right.

    Raises:
        RuntimeError: PYFLAME_OFFLINE is 1, no address answers, or the checksum differs.
    """
    if path.exists():
        check_md5(path, md5, name)
        return
    if os.environ.get("PYFLAME_OFFLINE") == "1":
        raise RuntimeError(f"[{name}] {path} is missing and PYFLAME_OFFLINE is 1: nothing is downloaded")
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in urls:
        try:
            _fetch(url, path, md5)
            return
        except (OSError, ValueError) as error:  # urllib.error.URLError is an OSError
            failures.append(f"{url}: {error}")
    raise RuntimeError(f"[{name}] {path.name} could not be downloaded: {'; '.join(failures)}")


def _fetch(url: str, path: Path, md5: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response, new_file(path) as file:
        while chunk := response.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != md5:
            raise ValueError(f"what arrived has MD5 {digest.hexdigest()}, expected {md5}")


def decompress(path: Path, name: str) -> bytes:
    """Return the contents of a gzip file."""
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, ValueError) as error:
        raise RuntimeError(f"[{name}] {path} is no gzip file: {error}") from error


def extract(archive: Path, folder: Path) -> None:
    """Unpack a tar archive; members that would leave the folder are refused."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
