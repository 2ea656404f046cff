"""Export every model of pyflame.models that is meant for inference, run it in onnxruntime, and read it back.

Each model is exported with a dynamic batch axis and checked at the batch of the example, 1 and 3, in onnxruntime; what
is read back by `pyflame.onnx.import_onnx` is compared with the original. `--write` writes the table of docs/onnx.md,
`--check` fails when a model does not agree or the page has another list of models.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/onnx.md"
BEGIN, END = "<!-- models -->\n", "<!-- end of models -->\n"
ROUND_TRIP = 1e-6  # of the largest value


@dataclass(frozen=True)
class Case:
    """A model to export.

    Attributes:
        name: in the table.
        make: makes it.
        args: makes example arguments.
        axes: input -> axis -> label of the dynamic axes.
    """

    name: str
    make: Callable[[], Any]
    args: Callable[[], tuple[Any, ...]]
    axes: dict[str, dict[int, str]]


@dataclass(frozen=True)
class Row:
    """What became of one model."""

    name: str
    nodes: int
    operators: str
    cases: int
    difference: float
    round_trip: float
    reason: str = ""

    @property
    def passed(self) -> bool:
        return not self.reason and self.round_trip <= ROUND_TRIP


def cases() -> list[Case]:
    """The models, with the sizes they are made for where that is quick enough."""
    import pyflame as pf
    from pyflame import models as m

    def images(name: str, size: int, make: Callable[[], Any] | None = None, channels: int = 3) -> Case:
        made = make or getattr(m, name)
        return Case(name, made, lambda: (pf.randn(2, channels, size, size),), {"x": {0: "batch"}})

    def tokens(name: str, make: Callable[[], Any], words: int = 100, *, lengths: bool = True) -> Case:
        axes = {"input_ids": {0: "batch", **({1: "length"} if lengths else {})}}
        return Case(name, make, lambda: (pf.randint(1, words, (2, 7)),), axes)

    bert = m.BertConfig(num_hidden_layers=4, hidden_size=256, num_attention_heads=4, intermediate_size=512)
    gpt = m.GPT2Config(n_layer=4, n_embd=256, n_head=4, n_positions=256)
    llama = m.LlamaConfig(
        num_hidden_layers=4, hidden_size=256, intermediate_size=512, num_attention_heads=4, num_key_value_heads=2
    )
    t5 = m.T5Config(num_layers=3, d_model=256, d_ff=512, num_heads=4)
    vit = m.ViTConfig(num_hidden_layers=4, hidden_size=192, num_attention_heads=3, intermediate_size=384)
    network = m.TransformerConfig(vocab_size=1000, d_model=128, num_heads=4, d_ff=256, max_len=64)
    pair = {"input_ids": {0: "batch", 1: "length"}, "decoder_input_ids": {0: "batch", 1: "target"}}
    return [
        Case("MLP", m.MLP, lambda: (pf.randn(2, 784),), {"x": {0: "batch"}}),
        images("LeNet", 28, channels=1),
        images("CNN", 28, channels=1),
        images("alexnet", 224),
        images("vgg11", 64),
        images("vgg11_bn", 64),
        images("resnet18", 224),
        images("resnet50", 224),
        images("resnext50_32x4d", 64),
        images("wide_resnet50_2", 64),
        images("densenet121", 64),
        images("mobilenet_v2", 224),
        images("efficientnet_b0", 224),
        images("squeezenet1_0", 224),
        images("squeezenet1_1", 224),
        images("vit_b_16", 224),
        Case(
            "ViTForImageClassification", lambda: m.ViTForImageClassification(vit), lambda: (pf.randn(2, 3, 224, 224),),
            {"pixel_values": {0: "batch"}},
        ),
        tokens("BertModel", lambda: m.BertModel(bert)),
        tokens("BertForMaskedLM", lambda: m.BertForMaskedLM(bert)),
        tokens("BertForSequenceClassification", lambda: m.BertForSequenceClassification(bert)),
        tokens("BertForTokenClassification", lambda: m.BertForTokenClassification(bert)),
        tokens("GPT2LMHeadModel", lambda: m.GPT2LMHeadModel(gpt)),
        tokens("LlamaForCausalLM", lambda: m.LlamaForCausalLM(llama)),
        Case(
            "T5Model", lambda: m.T5Model(t5),
            lambda: (pf.randint(1, 100, (2, 7)), {"decoder_input_ids": pf.randint(1, 100, (2, 5))}), pair,
        ),
        tokens("LSTMClassifier", lambda: m.LSTMClassifier(bidirectional=True, num_layers=2)),
        tokens("GRUClassifier", m.GRUClassifier),
        tokens("LSTMLanguageModel", m.LSTMLanguageModel),
        tokens("TransformerEncoder", lambda: m.TransformerEncoder(network)),
        Case(
            "Transformer", lambda: m.Transformer(network),
            lambda: (pf.randint(1, 100, (2, 7)), pf.randint(1, 100, (2, 5))), pair,
        ),
    ]  # fmt: skip


def leaves(result: Any) -> list[Any]:
    """The tensors of a result of any structure."""
    import pyflame as pf

    if isinstance(result, pf.Tensor):
        return [result]
    if isinstance(result, dict):
        return [leaf for value in result.values() for leaf in leaves(value)]
    return [leaf for value in result for leaf in leaves(value)] if isinstance(result, list | tuple) else []


def randomise(model: Any) -> None:
    """Statistics and scales as after training, so that a wrong one shows."""
    import pyflame as pf

    for name, tensor in model.named_buffers():
        if name.endswith("running_mean"):
            tensor.data = pf.randn(*tensor.shape) * 0.1
        elif name.endswith("running_var"):
            tensor.data = pf.rand(*tensor.shape) * 0.5 + 0.75
    for tensor in model.parameters():
        if tensor.ndim > 1 and not tensor.any().item():  # a head that begins with zeros says nothing
            tensor.data = pf.randn(*tensor.shape) * 0.02


def run(case: Case, opset: int) -> Row:
    """Export a model, compare, read it back and compare again."""
    import numpy as np

    import pyflame as pf
    from pyflame.onnx import ONNXExporter, import_onnx

    pf.manual_seed(0)
    model = case.make()
    randomise(model)
    model.eval()
    args = case.args()
    exporter = ONNXExporter(opset_version=opset, dynamic_axes=case.axes, runtime="onnxruntime")
    try:
        exported = exporter.export(model, args)
        counts = Counter(node.op_type for node in exported.graph.node)
        positional = [one for one in args if not isinstance(one, dict)]
        keywords = {key: value for one in args if isinstance(one, dict) for key, value in one.items()}
        with pf.no_grad():
            wanted = leaves(model(*positional, **keywords))
            found = leaves(import_onnx(exported)(*positional, *keywords.values()))
        worst = 0.0
        for have, want in zip(found, wanted):
            a, b = have.numpy().astype(np.float64), want.numpy().astype(np.float64)
            worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
    except Exception as error:  # whatever it is, it is the finding
        return Row(case.name, 0, "", 0, float("inf"), float("inf"), f"{type(error).__name__}: {error}".splitlines()[0])
    operators = ", ".join(f"{kind} {count}" for kind, count in counts.most_common(4))
    return Row(
        case.name, len(exported.graph.node), operators, len({one.case for one in exporter.comparisons}),
        max(one.relative for one in exporter.comparisons), worst,
    )  # fmt: skip


def table(rows: Iterable[Row], opset: int) -> str:
    """The section of the page."""
    rows = list(rows)
    passed = sum(row.passed for row in rows)
    lines = [
        f"{passed} of {len(rows)} models agree: exported for opset {opset} with dynamic batch (and length, for text), "
        "run in onnxruntime at three sizes, batch 1 among them, and read back. Differences are shares of the largest "
        "value.",
        "",
        "| model | nodes | most frequent operators | sizes | onnxruntime | read back |",
        "|---|---:|---|---:|---:|---:|",
    ]
    for row in rows:
        if row.reason:
            lines.append(f"| {row.name} | | {row.reason} | | | |")
        else:
            lines.append(
                f"| {row.name} | {row.nodes} | {row.operators} | {row.cases} | {bound(row.difference)} | "
                f"{bound(row.round_trip)} |"
            )
    return "\n".join(lines) + "\n"


def bound(value: float) -> str:
    """A power of ten above a difference, which does not change from machine to machine."""
    if value == 0:
        return "0"
    power = next(k for k in range(-9, 3) if value <= 10.0**k)
    return f"< 1e{power}"


def names_on(page: str) -> list[str]:
    section = page.partition(BEGIN)[2].partition(END)[0]
    return re.findall(r"^\| (\w+) \|", section, re.M)[1:]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into docs/onnx.md")
    parser.add_argument("--check", action="store_true", help="fail where a model does not agree, or the page is stale")
    parser.add_argument("--only", nargs="*", help="names of models")
    parser.add_argument("--opset", type=int, default=17)
    options = parser.parse_args(arguments)
    rows = []
    for case in cases():
        if options.only and case.name not in options.only:
            continue
        start = time.perf_counter()
        rows.append(run(case, options.opset))
        row = rows[-1]
        state = f"{row.difference:.1e} {row.round_trip:.1e}" if not row.reason else row.reason
        print(f"{row.name:32} {row.nodes:5} {state} ({time.perf_counter() - start:.0f} s)", flush=True)
    page = PAGE.read_text()
    if BEGIN not in page or END not in page:
        print(f"docs/onnx.md lacks the marks {BEGIN.strip()} and {END.strip()}")
        return 1
    if options.write:
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{table(rows, options.opset)}\n{END}{rest.partition(END)[2]}")
    if options.check:
        if not options.only and names_on(page) != [row.name for row in rows]:
            print("docs/onnx.md lists other models: run ci/onnx_models.py --write")
            return 1
        return int(any(not row.passed for row in rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
