"""Configurations of models: dataclasses that are read from and written to JSON files."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pyflame.io.atomic import atomic_file


@dataclasses.dataclass
class Config:
    """What the sizes and options of models share.

    Fields have Hugging Face's names and defaults. Other entries of a `config.json` say what no computation here depends
    on and are left out; options that would change the result, and that are not implemented, raise an error.
    """

    model_type: ClassVar[str] = ""
    # Options of Hugging Face that are not implemented: name -> the values that mean the same as leaving them out.
    fixed: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, with the type of the model."""
        return {"model_type": self.model_type, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a configuration of the fields among these values.

        Raises:
            ValueError: the values belong to another type of model.
            NotImplementedError: an option asks for something that is not implemented.
        """
        kind = values.get("model_type", cls.model_type)
        if kind != cls.model_type:
            raise ValueError(f"[config] model_type is {kind!r}: {cls.__name__} is for {cls.model_type!r}")
        for name, accepted in cls.fixed.items():
            if name in values and values[name] not in accepted:
                raise NotImplementedError(
                    f"[config] {name} is {values[name]!r}: {cls.__name__} implements {', '.join(map(repr, accepted))}"
                )
        if "id2label" in values and "num_labels" not in values:
            values = {**values, "num_labels": len(values["id2label"])}
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the configuration as JSON, and write it to a file if a path is given."""
        text = json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"
        if path is not None:
            with atomic_file(path) as file:
                file.write(text.encode())
        return text

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> Self:
        """Make a configuration of JSON text, or of a file that holds it.

        Args:
            source: text that begins with "{", or a path.

        Raises:
            ValueError: it is no JSON object, or one for another type of model.
            FileNotFoundError: there is no such file.
        """
        is_text = isinstance(source, str) and source.lstrip().startswith("{")
        text = str(source) if is_text else Path(source).read_text(encoding="utf-8")
        values = json.loads(text)
        if not isinstance(values, dict):
            where = "the text" if is_text else source
            raise ValueError(f"[config] {where} holds a {type(values).__name__}: expected an object")
        return cls.from_dict(values)


def activation_of(name: str) -> Any:
    """The function of an activation's name."""
    from pyflame.nn import functional as F

    known = {
        "gelu": F.gelu,
        "gelu_new": lambda x: F.gelu(x, "tanh"),
        "gelu_pytorch_tanh": lambda x: F.gelu(x, "tanh"),
        "relu": F.relu,
        "silu": F.silu,
        "swish": F.silu,
        "tanh": F.tanh,
    }
    if name not in known:
        raise ValueError(f"[config] the activation is {name!r}: expected one of {', '.join(known)}")
    return known[name]
