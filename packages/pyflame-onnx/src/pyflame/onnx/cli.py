"""`pyflame onnx`: what a model is, whether it can be imported, and its weights or source."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .cli_export import add_export

# Weights, but for the last one, which is source.
TARGETS = (".pf", ".safetensors", ".npz", ".py")


def add(commands: Any) -> None:
    """Add the subcommand and its own subcommands."""
    parser = commands.add_parser("onnx", help="check, describe, import and export ONNX models")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    checker = action(actions, "check", run_check, "list what cannot be imported; exit code 1 if there is any")
    checker.add_argument("--json", action="store_true", help="print the report as JSON")
    describer = action(actions, "info", run_info, "print inputs, outputs, operators and size")
    describer.add_argument("--json", action="store_true", help="print it as JSON")
    importer = action(actions, "import", run_import, "write the weights, or the model as Python source")
    importer.add_argument("target", help=".pf, .safetensors or .npz for the weights, .py for source")
    add_export(actions)


def action(actions: Any, name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
    parser = actions.add_parser(name, help=text)
    parser.add_argument("model", help="an .onnx file")
    parser.set_defaults(run=run)
    return parser


def run_check(options: argparse.Namespace) -> int:
    from .check import check

    report = check(options.model)
    print(json.dumps(report.to_dict(), indent=2) if options.json else report)
    return 0 if report.ok else 1


def run_info(options: argparse.Namespace) -> int:
    from .module import ONNXModel

    info = ONNXModel(options.model).info()
    if options.json:
        print(json.dumps(info, indent=2))
        return 0
    print(f"{info['name']}: {info['nodes']} nodes, {info['parameters']:,} parameters")
    for domain, version in sorted(info["opsets"].items()):
        print(f"  opset {version} {domain}".rstrip())
    for title in ("inputs", "outputs"):
        print(f"  {title}")
        for slot in info[title]:
            shape = "of any shape" if slot["shape"] is None else f"[{', '.join(map(str, slot['shape']))}]"
            print(f"    {slot['name']}: {slot['dtype'] or 'a sequence or any type'} {shape}")
    print(f"  operators: {', '.join(f'{op} {count}' for op, count in info['ops'].items())}")
    for name, value in info["metadata"].items():
        print(f"  {name}: {str(value).splitlines()[0][:80] if value else ''}")
    return 0


def run_import(options: argparse.Namespace) -> int:
    import pyflame as pf

    from .module import ONNXModel

    target = Path(options.target)
    if target.suffix not in TARGETS:
        raise ValueError(f"[onnx] {target} does not say what to write: end it in one of {', '.join(TARGETS)}")
    model = ONNXModel(options.model)
    if target.suffix == ".py":
        target.write_text(model.to_python())
    else:
        pf.save(model.state_dict(), target)
    print(f"{target}: {len(model.state_dict())} tensors of {model.name}")
    return 0
