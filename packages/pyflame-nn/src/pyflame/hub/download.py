"""Files from the network, complete and checked, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyflame as pf
from pyflame.io.atomic import atomic_file

from .cache import check_name, get_cache_dir
from .errors import WeightsError

CHUNK = 1 << 20


def download_file(
    url: str,
    destination: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    progress: bool = False,
    timeout: float = 30.0,
) -> Path:
    """Download a file; it takes its name when it is complete and its SHA-256 is right, and never before.

    Args:
        url: begins with http:// or https://.
        destination: path of the file; an existing file is replaced.
        sha256: 64 hexadecimal digits the content must hash to, or None.
        progress: print the progress to the standard error stream, where that is a terminal.
        timeout: seconds without an answer after which the download fails.

    Raises:
        WeightsError: there is no such file, it is incomplete, its SHA-256 is another one, or PYFLAME_OFFLINE is 1.
        ValueError: the URL or the hash is none.
    """
    expected = None if sha256 is None else check_sha256("download", sha256)
    target = Path(destination)
    with opened(url, timeout) as answer:
        stated = answer.headers.get("Content-Length", "")
        total = int(stated) if stated.isascii() and stated.isdigit() else None
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as file:
            digest, size = hashlib.sha256(), 0
            for chunk in chunks(answer, url):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                if progress and sys.stderr.isatty():
                    share = f" of {total / 1e6:.1f}" if total else ""
                    print(f"\r{target.name}: {size / 1e6:.1f}{share} MB", end="", file=sys.stderr, flush=True)
            if progress and sys.stderr.isatty():
                print(file=sys.stderr)
            if total is not None and size != total:
                raise WeightsError(f"[download] {url} ended after {size} of {total} bytes: try again")
            if expected is not None and digest.hexdigest() != expected:
                raise WeightsError(
                    f"[download] {url} has SHA-256 {digest.hexdigest()}, expected is {expected}: the file is damaged "
                    f"or another one; nothing was kept"
                )
    return target


def opened(url: str, timeout: float) -> Any:
    """The answer of the server, of which redirections may lead to http and https only."""
    scheme = urllib.parse.urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise ValueError(f"[download] {url!r} is no address that begins with http:// or https://")
    if os.environ.get("PYFLAME_OFFLINE") == "1":
        raise WeightsError(f"[download] {url} is on the network and PYFLAME_OFFLINE is 1: unset it, or use a file")
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    request = urllib.request.Request(url, headers={"User-Agent": f"pyflame/{pf.__version__}"})
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise WeightsError(f"[download] {url}: the server answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise WeightsError(f"[download] {url} cannot be reached: {reason}") from error


def chunks(answer: Any, url: str) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise WeightsError(f"[download] {url} broke off: {error}") from error
        if not chunk:
            return
        yield chunk


def check_sha256(op: str, value: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise ValueError(f"[{op}] sha256 is {value!r}: expected 64 hexadecimal digits")
    return value.lower()


def sha256_of(file: IO[bytes]) -> str:
    """The SHA-256 of the rest of a file."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
    *,
    sha256: str | None = None,
) -> Any:
    """Load a file of weights from the network, or from the cache if it has been downloaded before.

    Args:
        url: begins with http:// or https://; the file is safetensors, .pf, .npz, or what `torch.save` wrote.
        model_dir: folder of downloads; that of the hub by default.
        progress: print the progress, where the standard error stream is a terminal.
        check_hash: the name ends in -<the first digits of its SHA-256>.<suffix>, as PyTorch's do: check them.
        file_name: name of the file in the folder; that of the URL by default.
        sha256: 64 hexadecimal digits the content must hash to.

    Raises:
        WeightsError: the file cannot be had, or its hash is another one.
        SerializationError: the file is damaged, or not of a known format.
        ValueError: the URL has no file name that is safe, or none with a hash.
    """
    given = urllib.parse.unquote(urllib.parse.urlsplit(url).path.rpartition("/")[2]) if file_name is None else file_name
    name = check_name("load_state_dict_from_url", given)
    folder = get_cache_dir() if model_dir is None else Path(model_dir)
    prefix = ""
    if check_hash:
        found = re.search(r"-([a-f0-9]{8,64})\.", name)
        if found is None:
            raise ValueError(
                f"[load_state_dict_from_url] {name} has no hash in its name: give sha256, or check_hash=False"
            )
        prefix = found[1]
    prefix = prefix if sha256 is None else check_sha256("load_state_dict_from_url", sha256)
    path = folder / name
    if not path.exists():
        download_file(url, path, sha256=sha256, progress=progress)
    with open(path, "rb") as file:
        actual = sha256_of(file)
        if not actual.startswith(prefix):
            raise WeightsError(
                f"[load_state_dict_from_url] {path} has SHA-256 {actual}, expected is {prefix}: delete it and try again"
            )
        file.seek(0)
        return pf.load(file, map_location, weights_only=weights_only)
