"""`pyflame onnx export`: a model of the command line's naming becomes an ONNX file."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyflame as pf
from pyflame.errors import SerializationError
from pyflame.graph.ir import Graph


def add_export(actions: Any) -> None:
    """Add `export` and `explain` to the subcommands of `pyflame onnx`."""
    for name, run, text in (
        ("export", run_export, "write a model as an ONNX file"),
        ("explain", run_explain, "list what of a model cannot be exported; exit code 1 if there is any"),
    ):
        parser = actions.add_parser(name, help=text)
        parser.add_argument("model", help="module:factory, called without arguments, or a saved graph file")
        parser.add_argument(
            "--input", action="append", default=[], metavar="[NAME=]SHAPE[:DTYPE]",
            help="type of an argument, such as 1x3x224x224 or ids=1x16:int64; once for each; not for graph files",
        )  # fmt: skip
        parser.set_defaults(run=run)
        if name == "export":
            parser.add_argument("output", help="the .onnx file to write")
            parser.add_argument("--opset", type=int, default=17, help="version of the operators, 17 by default")
            parser.add_argument(
                "--dynamic", action="append", default=[], metavar="NAME:AXIS=LABEL",
                help="an axis whose size may change, such as x:0=batch; once for each",
            )  # fmt: skip
            parser.add_argument("--output-name", action="append", default=[], help="name of an output; once for each")
            parser.add_argument("--no-verify", action="store_true", help="do not run the model and compare")


def run_export(options: argparse.Namespace) -> int:
    from .exporter import ONNXExporter

    model, args, names = load(options.model, options.input)
    exporter = ONNXExporter(
        opset_version=options.opset, input_names=names, output_names=options.output_name or None,
        dynamic_axes=dynamic_axes(options.dynamic), verify=not options.no_verify, verbose=True,
    )  # fmt: skip
    if isinstance(model, Graph):
        exporter.export_traced(model, options.output)
    else:
        exporter.export(model, args, options.output)
    return 0


def run_explain(options: argparse.Namespace) -> int:
    from .exporter import explain

    model, args, _ = load(options.model, options.input)
    report = explain(model, args)
    print(report)
    return 0 if report.ok else 1


def load(name: str, inputs: list[str]) -> tuple[Any, tuple[pf.Tensor, ...], list[str]]:
    """A model, example arguments and their names.

    Raises:
        ValueError: the text names no model, or a type that is none.
    """
    if Path(name).is_file():
        try:
            return Graph.load(name), (), [text.partition("=")[0] for text in inputs]
        except SerializationError as error:
            raise ValueError(f"[onnx] {name}: {error}") from None
    if ":" not in name:
        raise ValueError(f"[onnx] {name!r} is no file: give a saved graph, or module:factory")
    if not inputs:
        raise ValueError("[onnx] a factory's model needs --input SHAPE for each argument, such as --input 1x3x224x224")
    parsed = [argument(text) for text in inputs]
    given = [one for one, _ in parsed if one]
    if given and len(given) < len(parsed):
        raise ValueError("[onnx] give every --input a name, or none")
    return factory(name)(), tuple(tensor for _, tensor in parsed), given


def factory(name: str) -> Callable[[], Any]:
    """The object behind `module:name`, looked for in the current directory too."""
    module, _, attribute = name.partition(":")
    before = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"[onnx] {name!r}: there is no module {error.name!r}") from None
    finally:
        sys.path[:] = before
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ValueError(f"[onnx] {name!r}: {module} has no {attribute!r}")
        found = getattr(found, part)
    made: Callable[[], Any] = found
    return made


def argument(text: str) -> tuple[str, pf.Tensor]:
    """Name and example of `[NAME=]SHAPE[:DTYPE]`; whole numbers are 0 or 1, so that they can be indices."""
    name, _, rest = text.rpartition("=")
    sizes, _, kind = rest.partition(":")
    dtype = getattr(pf, kind or "float32", None)
    if not isinstance(dtype, pf.DType):
        raise ValueError(f"[onnx] --input {text}: {kind!r} is no dtype")
    try:
        shape = [int(one) for one in sizes.split("x")] if sizes else []
    except ValueError:
        raise ValueError(f"[onnx] --input {text}: expected a shape such as 1x3x224x224") from None
    drawn = pf.randn(*shape) if dtype.is_floating_point else pf.randint(0, 2, tuple(shape))
    return name, drawn.to(dtype)


def dynamic_axes(texts: list[str]) -> dict[str, dict[int, str]]:
    """The axes of texts such as x:0=batch."""
    found: dict[str, dict[int, str]] = {}
    for text in texts:
        place, _, label = text.partition("=")
        name, _, axis = place.rpartition(":")
        if not (name and label and axis.lstrip("-").isdigit()):
            raise ValueError(f"[onnx] --dynamic {text}: expected NAME:AXIS=LABEL, such as x:0=batch")
        found.setdefault(name, {})[int(axis)] = label
    return found
