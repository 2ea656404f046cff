"""What stands between a model and its conversion, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import UnsupportedOnnxOp

SHOWN_LOCATIONS = 3


@dataclass(frozen=True)
class Finding:
    """One operator that cannot be converted.

    Attributes:
        op: the operator, with its domain unless it is the standard one: "com.microsoft::FusedMatMul".
        version: the operator's version that the model's opset selects; 0 where the domain is unknown.
        count: how often it occurs.
        locations: where: node names, inside functions and subgraphs with their path, or source lines.
        reason: why it cannot be converted.
        suggestion: what to do about it.
    """

    op: str
    version: int
    count: int
    locations: tuple[str, ...]
    reason: str
    suggestion: str

    def __str__(self) -> str:
        shown = ", ".join(self.locations[:SHOWN_LOCATIONS])
        more = f" and {len(self.locations) - SHOWN_LOCATIONS} more" if len(self.locations) > SHOWN_LOCATIONS else ""
        version = f"-{self.version}" if self.version else ""
        return f"{self.op}{version} x{self.count} at {shown}{more}: {self.reason}\n    {self.suggestion}"


@dataclass(frozen=True)
class Report:
    """The result of a pre-flight check, in either direction.

    Attributes:
        subject: the file or model that was looked at.
        findings: the operators that cannot be converted; empty when the conversion will work.
        opsets: domain -> version.
        ops: operator -> how often it occurs, the convertible ones included.

    Example:
        >>> from pyflame.onnx.report import Report
        >>> print(Report("model.onnx", (), {"": 17}, {"Relu": 2}))
        [onnx] model.onnx: all 2 nodes can be converted (opset 17)
    """

    subject: str
    findings: tuple[Finding, ...]
    opsets: dict[str, int] = field(default_factory=dict)
    ops: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything can be converted."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        total = sum(self.ops.values())
        opsets = ", ".join(f"{domain} {n}".strip() for domain, n in sorted(self.opsets.items()))
        if self.ok:
            return f"[onnx] {self.subject}: all {total} nodes can be converted (opset {opsets})"
        count = sum(finding.count for finding in self.findings)
        lines = [f"[onnx] {self.subject}: {count} of {total} nodes cannot be converted (opset {opsets})"]
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings)])

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ready for JSON."""
        return {
            "subject": self.subject,
            "ok": self.ok,
            "opsets": dict(self.opsets),
            "ops": dict(self.ops),
            "findings": [{**vars(finding), "locations": list(finding.locations)} for finding in self.findings],
        }

    def raise_if_unsupported(self) -> None:
        """Raise the report where anything cannot be converted.

        Raises:
            UnsupportedOnnxOp: there are findings.
        """
        if self.findings:
            raise UnsupportedOnnxOp(self)


def merge(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Join findings of the same operator and reason, the most frequent first."""
    groups: dict[tuple[str, int, str, str], list[str]] = {}
    for one in found:
        groups.setdefault((one.op, one.version, one.reason, one.suggestion), []).extend(one.locations)
    joined = [
        Finding(op, version, len(places), tuple(places), reason, suggestion)
        for (op, version, reason, suggestion), places in groups.items()
    ]
    return tuple(sorted(joined, key=lambda finding: (-finding.count, finding.op)))
