"""Export architectures of torchvision, timm and transformers from PyTorch, import the files and compare the results.

Weights are random and the statistics of normalisations are randomised, for otherwise deep networks put out almost
nothing. Outputs are compared with onnxruntime, relative to the largest one, at two batch sizes. `--write` puts the
table into docs/onnx.md, `--check` fails when an architecture of that table does not agree any more. `make onnx-torch`
has what it needs.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs/onnx.md"
BEGIN, END = "<!-- exports -->\n", "<!-- end of exports -->\n"
TOLERANCE = 1e-4

# name: size of the images
TORCHVISION = {
    "alexnet": 224,
    "convnext_tiny": 64,
    "densenet121": 64,
    "efficientnet_b0": 64,
    "efficientnet_v2_s": 64,
    "googlenet": 96,
    "inception_v3": 96,
    "maxvit_t": 224,
    "mnasnet0_5": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "regnet_y_400mf": 64,
    "resnet18": 64,
    "resnet50": 64,
    "resnext50_32x4d": 64,
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
    "swin_t": 64,
    "vgg11_bn": 224,
    "vit_b_32": 224,
}
SEGMENTATION = {"deeplabv3_mobilenet_v3_large": 65, "lraspp_mobilenet_v3_large": 64}
TIMM = {
    "coatnet_nano_rw_224": 224,
    "cspresnet50": 64,
    "deit_tiny_patch16_224": 224,
    "ghostnet_100": 64,
    "hrnet_w18_small": 64,
    "mixer_s32_224": 224,
    "mobilevit_xxs": 64,
    "poolformer_s12": 64,
    "repvgg_a0": 64,
    "resmlp_12_224": 224,
    "tf_efficientnet_lite0": 64,
}
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 200,
}
# name: (class of the configuration, its options)
TRANSFORMERS: dict[str, tuple[str, dict[str, Any]]] = {
    "albert": ("AlbertConfig", {**SMALL, "embedding_size": 16}),
    "bert": ("BertConfig", SMALL),
    "distilbert": ("DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "vocab_size": 200}),
    "electra": ("ElectraConfig", {**SMALL, "embedding_size": 16}),
    "gpt2": ("GPT2Config", {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 200, "n_positions": 64}),
    "llama": ("LlamaConfig", {**SMALL, "num_key_value_heads": 2, "max_position_embeddings": 64}),
    "mpnet": ("MPNetConfig", SMALL),
    "roberta": ("RobertaConfig", {**SMALL, "max_position_embeddings": 64}),
}


@dataclass(frozen=True)
class Row:
    """One architecture, and how far its results are from onnxruntime's."""

    source: str
    name: str
    error: float
    reason: str = ""

    @property
    def agrees(self) -> bool:
        return not self.reason and self.error <= TOLERANCE


def declare_operators() -> Any:
    """Declare the operators of torchvision whose compiled library is for another torch; nothing here runs them."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library  # the operators vanish with it


def torchvision_model(name: str, size: int) -> tuple[Any, tuple[Any, ...]]:
    import torch
    import torchvision

    if name in SEGMENTATION:
        model = getattr(torchvision.models.segmentation, name)(weights=None, weights_backbone=None)
        return wrapped(model, lambda x: model(x)["out"]), (torch.rand(1, 3, size, size),)
    options = {"init_weights": True, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    return getattr(torchvision.models, name)(weights=None, **options), (torch.rand(1, 3, size, size),)


def wrapped(model: Any, call: Callable[[Any], Any]) -> Any:
    """Return a module that holds a model and whose forward is a call of it."""
    import torch

    class Wrapped(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Any) -> Any:
            return call(x)

    return Wrapped()


def timm_model(name: str, size: int) -> tuple[Any, tuple[Any, ...]]:
    import timm
    import torch

    timm.layers.set_exportable(True)
    return timm.create_model(name, pretrained=False), (torch.rand(1, 3, size, size),)


def transformers_model(name: str) -> tuple[Any, tuple[Any, ...]]:
    import torch
    import transformers

    kind, options = TRANSFORMERS[name]
    config = getattr(transformers, kind)(**options)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager")
    options = {"return_dict": False} if name in ("distilbert", "mpnet") else {"return_dict": False, "use_cache": False}
    call = wrapped(model, lambda ids: model(input_ids=ids, attention_mask=torch.ones_like(ids), **options)[0])
    return call, (torch.randint(3, 190, (1, 10)),)


def architectures() -> Iterator[tuple[str, str, Callable[[], tuple[Any, tuple[Any, ...]]]]]:
    """Yield library, name and what makes the model with its example."""
    for name, size in {**TORCHVISION, **SEGMENTATION}.items():
        yield "torchvision", name, lambda name=name, size=size: torchvision_model(name, size)  # type: ignore[misc]
    for name, size in TIMM.items():
        yield "timm", name, lambda name=name, size=size: timm_model(name, size)  # type: ignore[misc]
    for name in TRANSFORMERS:
        yield "transformers", name, lambda name=name: transformers_model(name)  # type: ignore[misc]


def randomise(model: Any) -> None:
    """Give normalisations statistics and weights that are not the trivial ones."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():  # layers that begin as the identity would hide what comes before them
                parameter.normal_(0, 0.05)
        for module in model.modules():
            if getattr(module, "running_var", None) is not None:
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
            if "Norm" in type(module).__name__ and getattr(module, "weight", None) is not None:
                module.weight.uniform_(0.7, 1.3)
            if getattr(module, "gamma", None) is not None or getattr(module, "layer_scale", None) is not None:
                for name in ("gamma", "layer_scale"):
                    if isinstance(getattr(module, name, None), torch.nn.Parameter):
                        getattr(module, name).uniform_(0.5, 1.0)


def compare(model: Any, example: tuple[Any, ...]) -> float:
    """Return the largest relative difference between PyFlame and onnxruntime, over two batch sizes."""
    import numpy as np
    import onnxruntime
    import torch

    import pyflame as pf

    randomise(model)
    model.eval()
    names = [f"input{place}" for place in range(len(example))]
    file = io.BytesIO()
    axes = {name: {0: "batch"} for name in names}
    options = {"opset_version": 17, "dynamo": False, "input_names": names, "dynamic_axes": axes}
    torch.onnx.export(model, example, file, **options)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    imported, worst = pf.onnx.import_onnx(file.getvalue()), 0.0
    for batch in (1, 2):
        feed = {name: torch.cat([value] * batch).numpy() for name, value in zip(names, example)}
        expected = session.run(None, feed)
        with pf.no_grad():
            results = imported(**feed)
        for have, want in zip(results if isinstance(results, tuple) else (results,), expected):
            if np.ptp(want) < 1e-2:
                raise ValueError(f"outputs span {np.ptp(want):.1e}: too little to compare")
            worst = max(worst, float(np.abs(have.numpy() - want).max() / np.abs(want).max()))
    return worst


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the page's table."""
    good = sum(row.agrees for row in rows)
    yield f"{good} of {len(rows)} architectures agree with onnxruntime to {TOLERANCE:g} of the largest output.\n"
    yield "| library | architecture | relative error |"
    yield "|---|---|---|"
    for row in rows:
        yield f"| {row.source} | {row.name} | {row.reason or f'{row.error:.0e}'} |"


def agreed(page: str) -> set[str]:
    """Return the architectures that a page says agree."""
    rows = re.findall(r"^\| (?:torchvision|timm|transformers) \| (\S+) \| (\S+) \|$", page, re.MULTILINE)
    return {name for name, error in rows if re.fullmatch(r"[\d.]+e[-+]\d+", error) and float(error) <= TOLERANCE}


def main(arguments: Sequence[str] | None = None) -> int:
    """Export, import and compare; print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when one that agreed does not")
    parser.add_argument("--write", action="store_true", help="write the table into docs/onnx.md")
    parser.add_argument("names", nargs="*", help="these architectures only")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    library = declare_operators()
    rows = []
    for source, name, make in architectures():
        if options.names and name not in options.names:
            continue
        try:
            rows.append(Row(source, name, compare(*make())))
        except Exception as error:  # whatever happens is what the table tells
            lines = str(error).strip().splitlines() or [""]
            rows.append(Row(source, name, float("inf"), f"{type(error).__name__}: {lines[0][:100]}".replace("|", "/")))
        print(f"{source} {name}: {rows[-1].reason or f'{rows[-1].error:.1e}'}", flush=True)
    del library
    page = PAGE.read_text()
    if options.write:
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(table(rows)) + f"\n\n{END}{after}")
    known = agreed(page)
    lost = [row for row in rows if row.name in known and not row.agrees] if options.check else []
    print(*(f"{row.name} agreed before: {row.reason or row.error}" for row in lost), sep="\n", file=sys.stderr)
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
