"""Run ONNX's own test cases, print the pass rates, and hold them: what passes is stored and may only grow.

`--write` stores the names of the cases that pass and writes the tables of docs/onnx.md; `--check` fails when a stored
case fails, when one that is not stored passes, or when the page is stale. The cases are those of the installed onnx,
through its BackendTest, and with `--frozen FOLDER` those in the unpacked wheel of an older onnx. Cases with random
results and with strings are left out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import unittest
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "packages/pyflame-onnx/tests/conformance.json"
PAGE = ROOT / "docs/onnx.md"
BEGIN, END = "<!-- conformance -->\n", "<!-- end of conformance -->\n"

# Results that are drawn, which no other implementation can repeat.
RANDOM = re.compile(r"bernoulli|training_dropout(_default|_mask|$)(?!.*zero)|(random|multinomial)_")
# Cases of the frozen set that stand for bfloat16 by integers, since NumPy had no such type.
STANDS_FOR_BFLOAT16 = re.compile(r"BFLOAT16")


@dataclass(frozen=True)
class Case:
    """One test case and how it went."""

    suite: str
    name: str
    ops: tuple[str, ...]
    newest: int  # the newest schema version among its operators
    passed: bool
    reason: str = ""


def schema_versions(model: Any) -> Iterator[tuple[str, int]]:
    """Yield operator and schema version of every node of a model, those of its functions included."""
    import onnx.defs

    bodies: list[tuple[Any, Any]] = [(model.graph.node, model.opset_import)]
    own = {(function.domain, function.name) for function in model.functions}
    bodies += [(function.node, [*model.opset_import, *function.opset_import]) for function in model.functions]
    for nodes, imports in bodies:
        opsets = {entry.domain: entry.version for entry in imports}
        for node in nodes:
            if (node.domain, node.op_type) not in own:
                try:
                    schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
                except onnx.defs.SchemaError:
                    continue
                yield node.op_type, schema.since_version if not node.domain else 1


def describe(model: Any) -> tuple[tuple[str, ...], int]:
    """Return the operators of a model, and the newest schema version among them."""
    found = list(schema_versions(model))
    return tuple(sorted({op for op, _ in found})), max((version for _, version in found), default=0)


def has_strings(model: Any) -> bool:
    """Whether a model takes, returns or names strings as values."""
    import onnx

    def is_string(kind: Any) -> bool:
        inner = kind.sequence_type.elem_type if kind.HasField("sequence_type") else kind
        return bool(inner.tensor_type.elem_type == onnx.TensorProto.STRING)

    return any(is_string(value.type) for value in (*model.graph.input, *model.graph.output))


def short(error: BaseException) -> str:
    """Return the class and first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


class Outcome(unittest.TestResult):
    """Keeps why the last test did not pass."""

    reason: str | None = None

    def addSuccess(self, test: Any) -> None:
        self.reason = ""

    def addFailure(self, test: Any, err: Any) -> None:
        self.reason = short(err[1])

    def addError(self, test: Any, err: Any) -> None:
        self.reason = short(err[1])

    def addSkip(self, test: Any, reason: str) -> None:
        self.reason = None


def live_cases() -> Iterator[Case]:
    """Run the cases of the installed onnx."""
    from onnx.backend.test import BackendTest
    from onnx.backend.test.case.model import collect_testcases as collect_models
    from onnx.backend.test.case.node import collect_testcases as collect_nodes

    from pyflame.onnx.backend import PyFlameBackend

    models = {case.name: case.model for case in (*collect_nodes(), *collect_models()) if case.model is not None}
    tests = BackendTest(PyFlameBackend, __name__)
    kinds = {"OnnxBackendNodeModelTest": "node"}
    for kind, suite in tests.test_cases.items():
        for label in unittest.defaultTestLoader.getTestCaseNames(suite):
            name, _, device = label.rpartition("_")
            if device != "cpu" or RANDOM.search(name):
                continue
            model = models.get(name) or stored_model(name)
            if model is not None and has_strings(model):
                continue
            outcome = Outcome()
            suite(label).run(outcome)
            if outcome.reason is None:
                continue
            ops, newest = describe(model) if model is not None else ((), 0)
            yield Case(kinds.get(kind, "model"), name, ops, newest, not outcome.reason, outcome.reason)


def stored_model(name: str) -> Any:
    """Return the model of a case that lies in a folder of onnx; None if there is none."""
    import onnx.backend.test.loader

    data = Path(onnx.backend.test.loader.DATA_DIR)
    path = next(iter(data.glob(f"*/{name}/model.onnx")), None)
    return None if path is None else onnx.load(path)


def frozen_cases(folder: Path) -> Iterator[Case]:
    """Run the cases that an older onnx keeps as files."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    from pyflame.onnx.backend import PyFlameBackend

    def read(path: Path, kind: Any) -> Any:
        data = path.read_bytes()
        if kind.HasField("sequence_type"):
            return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
        if kind.HasField("optional_type"):
            return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
        return numpy_helper.to_array(onnx.TensorProto.FromString(data))

    def equal(want: Any, have: Any) -> None:
        if want is None:
            assert have is None, "a value where there should be none"
        elif isinstance(want, list):
            assert len(want) == len(have), f"{len(have)} entries, {len(want)} are right"
            for left, right in zip(want, have):
                equal(left, right)
        else:
            assert want.dtype == have.dtype, f"dtype {have.dtype}, {want.dtype} is right"
            np.testing.assert_allclose(have, want, rtol=1e-3, atol=1e-7)

    found = sorted(folder.glob("**/backend/test/data/node/test_*/model.onnx"))
    if not found:
        raise FileNotFoundError(f"no cases below {folder}: unpack the wheel of onnx 1.12.0 there")
    for path in found:
        name, model = path.parent.name, onnx.load(path)
        if RANDOM.search(name) or STANDS_FOR_BFLOAT16.search(name) or has_strings(model):
            continue
        reason = ""
        try:
            runner = PyFlameBackend.prepare(model)
            for data in sorted(path.parent.glob("test_data_set_*")):
                inputs = [read(data / f"input_{i}.pb", value.type) for i, value in enumerate(model.graph.input)]
                outputs = [read(data / f"output_{i}.pb", value.type) for i, value in enumerate(model.graph.output)]
                equal(outputs, list(runner.run(inputs)))
        except Exception as error:  # whatever happens is what the table tells
            reason = short(error)
        yield Case("frozen", name, *describe(model), not reason, reason)


def rate(cases: Sequence[Case]) -> str:
    passed = sum(case.passed for case in cases)
    return f"{passed} of {len(cases)} ({100 * passed / len(cases):.1f} %)" if cases else "-"


def tables(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the lines of the page's tables."""
    nodes = [case for case in cases if case.suite == "node"]
    models = [case for case in cases if case.suite == "model"]
    frozen = [case for case in cases if case.suite == "frozen"]
    old = [case for case in nodes if case.newest <= 17]
    yield "| cases | passed |"
    yield "|---|---:|"
    yield f"| node cases of the installed onnx | {rate(nodes)} |"
    yield f"| of them, with schema versions up to 17 | {rate(old)} |"
    yield f"| model cases of the installed onnx | {rate(models)} |"
    if frozen:
        yield f"| node cases stored by onnx 1.12 | {rate(frozen)} |"
    yield "\n| newest schema version in the case | passed |"
    yield "|---:|---:|"
    for version in sorted({case.newest for case in nodes}):
        yield f"| {version} | {rate([case for case in nodes if case.newest == version])} |"
    yield "\nOperators whose cases do not all pass:\n"
    yield "| operator | passed | what happens |"
    yield "|---|---:|---|"
    ops = sorted({op for case in nodes for op in case.ops})
    whole = 0
    for op in ops:
        own = [case for case in nodes if op in case.ops and (len(case.ops) == 1 or not case.name.endswith("_expanded"))]
        failed = [case for case in own if not case.passed]
        if not failed:
            whole += 1
            continue
        reasons = Counter(case.reason.partition(":")[0] for case in failed)
        names = ", ".join(f"`{case.name}`" for case in failed[:3]) + (", ..." if len(failed) > 3 else "")
        yield f"| {op} | {len(own) - len(failed)} of {len(own)} | {', '.join(reasons)}: {names} |"
    yield f"\nAll cases pass for the other {whole} operators."


def differences(cases: Sequence[Case], stored: dict[str, list[str]]) -> Iterator[str]:
    """Yield what has changed against the stored names."""
    for suite in sorted({case.suite for case in cases}):
        known = set(stored.get(suite, ()))
        own = {case.name: case for case in cases if case.suite == suite}
        for name, case in own.items():
            if name in known and not case.passed:
                yield f"{suite} case {name} passed before: {case.reason}"
            elif case.passed and name not in known:
                yield f"{suite} case {name} passes now: run python ci/onnx_conformance.py --write"
        for name in sorted(known - own.keys()):
            yield f"{suite} case {name} is stored but does not exist: run python ci/onnx_conformance.py --write"


def with_tables(page: str, lines: Iterable[str]) -> str:
    """Return a page with its tables replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in page:
        raise ValueError(f"{PAGE.name} lacks the lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases; print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when the stored names do not hold")
    parser.add_argument("--write", action="store_true", help="store the names, and write docs/onnx.md")
    parser.add_argument("--frozen", type=Path, metavar="FOLDER", help="also run the cases of an unpacked onnx wheel")
    parser.add_argument("--failures", action="store_true", help="print every case that fails, and why")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    cases = [*live_cases(), *(frozen_cases(options.frozen) if options.frozen else ())]
    lines = list(tables(cases))
    print(*lines, sep="\n")
    if options.failures:
        print(*(f"{case.suite} {case.name}: {case.reason}" for case in cases if not case.passed), sep="\n")
    stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
    if options.write:
        suites = sorted({case.suite for case in cases})
        names = {suite: sorted(c.name for c in cases if c.suite == suite and c.passed) for suite in suites}
        STORED.write_text(json.dumps({**stored, **names}, indent=0) + "\n")
        PAGE.write_text(with_tables(PAGE.read_text(), lines))
        return 0
    problems = list(differences(cases, stored)) if options.check else []
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
