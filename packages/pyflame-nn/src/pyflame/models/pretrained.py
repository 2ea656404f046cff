"""Models that are read from and written to folders as Hugging Face's are: `config.json` and files of weights."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import pyflame as pf
from pyflame import Tensor, nn

from .config import Config

# Files of weights, the first of which that is there is read; an index lists the files of weights in several parts.
FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


class PretrainedModel(nn.Module):
    """A model with a configuration, in a folder or registered under a name."""

    config_class: ClassVar[type[Config]]
    # The attribute that holds the model without a head: files of the one can be read into the other.
    base_model_prefix: ClassVar[str] = ""
    # Names that stand for the same parameter: the copy, and what it is a copy of.
    tied: ClassVar[Mapping[str, str]] = {}
    # Entries of files that have no place in the model, such as constants, as a pattern.
    ignored: ClassVar[str] = r"(^|\.)position_ids$"

    config: Any

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike[str],
        *,
        config: Config | None = None,
        strict: bool = True,
        **options: Any,
    ) -> Self:
        """Make a model with the weights of a folder, or with registered ones, in evaluation mode.

        Args:
            source: a folder with `config.json` and weights in `model.safetensors` or `pytorch_model.bin`, whole or in
                parts, or the name of weights that are registered with `pyflame.hub`.
            config: instead of the folder's; registered weights need it.
            strict: raise an error unless each parameter has its weights. With False a warning names those that keep
                their first values, such as a new head to be trained.
            options: further arguments of the model.

        Raises:
            FileNotFoundError: the folder has no configuration, or no weights.
            RuntimeError: names or shapes do not fit the model.
            WeightsError: nothing is registered under the name.
        """
        if os.path.isdir(source):
            folder = Path(source)
            if config is None:
                config = cls.config_class.from_json(folder / "config.json")
            state = folder_weights(folder)
        else:
            from pyflame.hub import load_state_dict

            state = load_state_dict(source)
            if config is None:
                kind = cls.config_class.__name__
                raise ValueError(f"[from_pretrained] {source} has no configuration: give config={kind}(...)")
        model = cls(config, **options)
        model.load_weights(state, strict)
        return model.eval()

    def load_weights(self, state: Mapping[str, Tensor], strict: bool = True) -> None:
        """Load weights whose names may lack, or have, the prefix of the model without its head.

        Args:
            state: tensors by name.
            strict: raise an error unless each parameter has its weights.

        Raises:
            RuntimeError: names or shapes do not fit the model.
        """
        wanted = self.state_dict()
        found = {name: value for name, value in state.items() if not re.search(self.ignored, name)}
        prefix = f"{self.base_model_prefix}."
        if not found.keys() & wanted.keys():
            if any(prefix + name in wanted for name in found):
                found = {prefix + name: value for name, value in found.items()}
            elif any(name.startswith(prefix) for name in found):
                found = {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
        for copy, original in self.tied.items():
            if copy in wanted and original in wanted and wanted[copy].shape == wanted[original].shape:
                if copy not in found and original in found and self._is_tied(copy, original):
                    found[copy] = found[original]
        missing = [name for name in wanted if name not in found]
        if missing and not strict:
            warnings.warn(
                f"[from_pretrained] no weights for {', '.join(missing)}: they keep their first values", stacklevel=3
            )
        surplus = [name for name in found if name not in wanted]
        if surplus and not strict:
            warnings.warn(f"[from_pretrained] weights that are not used: {', '.join(surplus)}", stacklevel=3)
        self.load_state_dict(found, strict=strict)

    def _is_tied(self, copy: str, original: str) -> bool:
        return self.get_parameter(copy) is self.get_parameter(original)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write `config.json` and `model.safetensors`, which Hugging Face's library reads too.

        Args:
            folder: is made if need be.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        state = self.state_dict()
        for copy, original in self.tied.items():
            if copy in state and original in state and self._is_tied(copy, original):
                del state[copy]
        pf.save(state, target / "model.safetensors", metadata={"format": "pt"})
        self.config.to_json(target / "config.json")


def folder_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of the first kind of file that is there."""
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise FileNotFoundError(f"[from_pretrained] {folder} has no weights: expected one of {', '.join(FILES)}")
    if path.suffix != ".json":
        return tensors_of(path)
    index = json.loads(path.read_text(encoding="utf-8"))
    parts = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
        raise pf.SerializationError(f"[from_pretrained] {path} has no weight_map from names to files")
    state: dict[str, Tensor] = {}
    for part in sorted(set(parts.values())):
        if not re.fullmatch(r"[\w.-]+", part) or part.startswith("."):
            raise pf.SerializationError(f"[from_pretrained] {path} names {part!r}, which is no file of the folder")
        state |= tensors_of(folder / part)
    return state


def tensors_of(path: Path) -> dict[str, Tensor]:
    content = pf.load(path)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise pf.SerializationError(f"[from_pretrained] {path} holds no tensors by name")
    return dict(content)


def draw_normal(module: nn.Module, std: float) -> None:
    """Draw matrices and embeddings around 0; biases are 0, and embeddings of padding too."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.normal_(part.weight, 0.0, std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with pf.no_grad():
                part.weight[part.padding_idx] = 0.0
