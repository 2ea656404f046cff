"""The look before the leap: which operators of a model have no map."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable

import onnx

from . import gradient
from .expand import definition
from .maps import find, supported
from .maps.registry import since_version
from .proto import ModelFile, Source, read, standard
from .report import Finding, Report, merge
from .validate import graphs_of


def check(source: Source) -> Report:
    """List every operator of a model that cannot be imported, before anything is converted.

    Args:
        source: a path, the bytes of a file, or a model.

    Returns:
        A report that is true when everything can be imported, and prints as a table.

    Raises:
        InvalidOnnxModel: it is not a valid model.
        OSError: the file cannot be read.

    Example:
        >>> import onnx.parser
        >>> import pyflame as pf
        >>> text = '<ir_version: 8, opset_import: ["own" : 1]> one (float[N] x) => (float[N] y) { y = own.Spin(x) }'
        >>> report = pf.onnx.check(onnx.parser.parse_model(text))
        >>> report.ok, report.findings[0].op
        (False, 'own::Spin')
    """
    return check_model(read(source))


def check_model(model: ModelFile) -> Report:
    """Look for operators without a map in a model that was read."""
    counts: Counter[str] = Counter()
    functions = {(standard(f.domain), f.name): f for f in model.proto.functions}
    called: list[tuple[str, str]] = []
    findings: list[Finding] = []

    def walk(nodes: Iterable[onnx.NodeProto], opsets: dict[str, int], path: str) -> None:
        for index, node in enumerate(nodes):
            domain = standard(node.domain)
            name = f"{domain}::{node.op_type}" if domain else node.op_type
            where = path + (node.name or f"#{index}")
            counts[name] += 1
            if (domain, node.op_type) in functions:
                if (domain, node.op_type) not in called:
                    called.append((domain, node.op_type))
            elif not is_supported(node.op_type, opsets.get(domain, 0), domain):
                findings.append(explain(node.op_type, domain, opsets.get(domain, 0), where))
            for attribute in node.attribute:
                for graph in graphs_of(attribute):
                    walk(graph.node, opsets, f"{where}/")

    walk(model.proto.graph.node, model.opsets, "")
    for key in called:  # grows while functions call others
        function = functions[key]
        own = {standard(entry.domain): entry.version for entry in function.opset_import}
        walk(function.node, {**model.opsets, **own}, f"{function.name}:")
    return Report(model.name, merge(findings), model.opsets, dict(counts))


def is_supported(op: str, opset: int, domain: str) -> bool:
    """Whether an operator has a map, or is defined by operators that have."""
    if op == "Constant" and not domain:  # read as a stored tensor
        return bool(opset)
    if (domain, op) == (gradient.DOMAIN, "Gradient"):
        return bool(opset)
    return find(op, opset, domain) is not None or definition(op, opset, domain) is not None


def explain(op: str, domain: str, opset: int, where: str) -> Finding:
    """Say why an operator has no map, and what to do."""
    name, version = (f"{domain}::{op}" if domain else op), since_version(op, opset, domain) or 0
    if not opset:
        reason = f"the model imports no opset of domain {domain or 'ai.onnx'!r}"
        return Finding(name, 0, 1, (where,), reason, "export the model anew: its opset_import is incomplete")
    versions = supported(domain).get(op, ())
    if versions:
        reason = f"version {version} has no map; those that have: {', '.join(map(str, versions))}"
        return Finding(name, version, 1, (where,), reason, "export the model with another opset_version")
    if domain and not supported(domain):
        reason = f"the operators of domain {domain!r} are not part of ONNX"
        remedy = "export without vendor optimisations, or register a map: pyflame.onnx.register_op_import"
        return Finding(name, version, 1, (where,), reason, remedy)
    close = difflib.get_close_matches(op, supported(domain), 1)
    reason = "there is no map for it" if version else f"opset {opset} has no such operator"
    remedy = f"did you mean {close[0]}? " if close and not version else ""
    return Finding(name, version, 1, (where,), reason, remedy + "register a map: pyflame.onnx.register_op_import")
