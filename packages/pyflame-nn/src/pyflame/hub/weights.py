"""Weights that are known by name, each with the SHA-256 of its file."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyflame as pf
from pyflame import Tensor, nn

from .cache import check_name, get_cache_dir
from .download import check_sha256, download_file, sha256_of
from .errors import WeightsError

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class WeightInfo:
    """Registered weights.

    Args:
        name: of the weights; those named as a model are what `pretrained=True` loads.
        source: path of a local file, or an address that begins with http:// or https://.
        sha256: of the file's content, 64 hexadecimal digits.
        model: name of the model they belong to.
        description: where they come from.
    """

    name: str
    source: str
    sha256: str
    model: str
    description: str = ""

    @property
    def is_local(self) -> bool:
        """Whether the source is a file of this machine."""
        return not is_address(self.source)


REGISTERED: dict[str, WeightInfo] = {}


def is_address(source: str) -> bool:
    return urllib.parse.urlsplit(source).scheme in ("http", "https")


def register_weights(
    name: str,
    source: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    model: str | None = None,
    description: str = "",
    overwrite: bool = False,
) -> WeightInfo:
    """Make a file of weights known by a name; one named as a model is what its `pretrained=True` loads.

    Args:
        name: letters, digits, '.', '_', '+' and '-'.
        source: a local file, or an address that begins with http:// or https://. Files may be safetensors, .pf, .npz,
            or what `torch.save` wrote.
        sha256: of the content, checked at each use. For a local file it may be left out: what the file holds now is
            then what it must hold later.
        model: name of the model they belong to, `name` by default.
        overwrite: replace weights of the same name.

    Raises:
        ValueError: a bad name or hash, an address without hash, or a name that is taken.
        FileNotFoundError: there is no such file.

    Example:
        >>> import os, tempfile
        >>> import pyflame as pf
        >>> from pyflame import hub, models
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pf.save(models.LeNet(), os.path.join(folder, "digits.safetensors"))
        ...     info = hub.register_weights("digits", os.path.join(folder, "digits.safetensors"), model="lenet")
        ...     model = hub.load_pretrained(models.LeNet(), "digits")
        >>> hub.unregister_weights("digits")
    """
    check_name("register_weights", name)
    text = os.fspath(source)
    if name in REGISTERED and not overwrite:
        raise ValueError(
            f"[register_weights] {name!r} is registered for {REGISTERED[name].source}: choose another name, or pass "
            f"overwrite=True"
        )
    if is_address(text):
        if sha256 is None:
            raise ValueError(f"[register_weights] {text} has no hash: give the sha256 of the file")
        digest = check_sha256("register_weights", sha256)
    else:
        text = os.path.abspath(text)
        digest = file_sha256(Path(text)) if sha256 is None else check_sha256("register_weights", sha256)
    REGISTERED[name] = WeightInfo(name, text, digest, name if model is None else model, description)
    return REGISTERED[name]


def unregister_weights(name: str) -> None:
    """Forget registered weights; files stay.

    Raises:
        WeightsError: there are none of that name.
    """
    weight_info(name)
    del REGISTERED[name]


def file_sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return sha256_of(file)


def weight_info(name: str) -> WeightInfo:
    """Return what is registered under a name.

    Raises:
        WeightsError: nothing is.

    Example:
        >>> from pyflame import hub
        >>> try:
        ...     hub.weight_info("resnet18")
        ... except hub.WeightsError as error:
        ...     print(str(error).split(" (")[0])
        [hub] no weights are registered as 'resnet18'
    """
    if name not in REGISTERED:
        known = ", ".join(sorted(REGISTERED)) or "none"
        raise WeightsError(
            f"[hub] no weights are registered as {name!r} (registered: {known}): PyFlame ships none; register a file "
            f"or an address with hub.register_weights({name!r}, source, sha256=...), or make the model without weights"
        )
    return REGISTERED[name]


def list_pretrained(model: str | None = None) -> list[str]:
    """List the names of registered weights.

    Args:
        model: only those that belong to this model.

    Example:
        >>> from pyflame import hub
        >>> hub.list_pretrained("resnet18")
        []
    """
    return sorted(name for name, info in REGISTERED.items() if model in (None, info.model))


def cached_path(info: WeightInfo) -> Path:
    """Where downloaded weights lie; another hash is another file."""
    suffix = Path(urllib.parse.urlsplit(info.source).path).suffix
    safe = suffix if suffix[1:].isalnum() and len(suffix) < 16 else ""
    return get_cache_dir() / f"{info.name}-{info.sha256[:16]}{safe}"


def get_weight_path(name: str) -> Path | None:
    """Return the file of registered weights, or None while it has not been downloaded.

    Raises:
        WeightsError: nothing is registered under the name.
    """
    info = weight_info(name)
    path = Path(info.source) if info.is_local else cached_path(info)
    return path if path.is_file() else None


def download_weights(name: str, force: bool = False, progress: bool = True) -> Path:
    """Return the file of registered weights, downloaded if it is not here and checked in any case.

    Args:
        force: download anew.
        progress: print the progress of a download, where the standard error stream is a terminal.

    Raises:
        WeightsError: nothing is registered under the name, the file cannot be had, or its SHA-256 is another one.
    """
    info = weight_info(name)
    path = get_weight_path(name)
    if info.is_local:
        if path is None:
            raise WeightsError(f"[hub] the file of weights {name!r} is gone: {info.source}")
        actual = file_sha256(path)
        if actual != info.sha256:
            raise WeightsError(
                f"[hub] {path} has SHA-256 {actual}, registered for {name!r} is {info.sha256}: it has been changed; "
                f"restore it, or register it again"
            )
        return path
    if path is not None and not force and file_sha256(path) == info.sha256:
        return path
    return download_file(info.source, cached_path(info), sha256=info.sha256, progress=progress)


def load_state_dict(name: str | os.PathLike[str], *, progress: bool = True) -> dict[str, Tensor]:
    """Load weights by the name they are registered under, or a file.

    Args:
        name: registered name, or the path of a file.
        progress: print the progress of a download, where the standard error stream is a terminal.

    Raises:
        WeightsError: nothing is registered under the name and no file has it, or it holds no tensors by name.
        SerializationError: the file is damaged, or not of a known format.
    """
    is_file = name not in REGISTERED and os.path.isfile(name)
    path = Path(name) if is_file else download_weights(os.fspath(name), progress=progress)
    content = pf.load(path)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        kind = type(content).__name__
        inner = [key for key in content if isinstance(content[key], Mapping)] if isinstance(content, Mapping) else []
        advice = f"; it has dicts under {', '.join(map(repr, inner))}: load it with pyflame.load" if inner else ""
        raise WeightsError(f"[hub] {path} holds a {kind} that is no dict of tensors{advice}")
    return dict(content)


def load_pretrained(
    model: Model, weights: str | os.PathLike[str], *, strict: bool = True, progress: bool = True
) -> Model:
    """Load weights into a model, by the name they are registered under or from a file, and return the model.

    Args:
        weights: registered name, or the path of a file.
        strict: whether names must agree exactly.
        progress: print the progress of a download, where the standard error stream is a terminal.

    Raises:
        WeightsError: there are no such weights, or they are not what was registered.
        RuntimeError: names or shapes do not fit the model.
    """
    model.load_state_dict(load_state_dict(weights, progress=progress), strict=strict)
    return model
