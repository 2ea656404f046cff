"""Write what torchvision's models compute to packages/pyflame-nn/tests/references/vision.{json,npz}.

    python -m venv venv && venv/bin/pip install torch==2.13.0 numpy pillow && venv/bin/pip install --no-deps torchvision
    venv/bin/python ci/make_model_references.py

JSON holds the number of parameters and the digest of names and shapes of all models in full size, and of the small ones
the name, the shape, and the mean, standard deviation and greatest magnitude of the first values of each parameter. The
arrays hold what these models make of an input in evaluation mode, and the gradient of the input, computed in float64
with the values of parameters that ci/model_cases.py gives.
"""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from model_cases import (
    CASES,
    CATALOGUE,
    DETECTION_SIZES,
    DETECTION_TARGETS,
    DETECTOR,
    detection_image,
    digest,
    sampled,
    value_of,
)

TARGET = Path(__file__).resolve().parent.parent / "packages" / "pyflame-nn" / "tests" / "references"


def best_boxes(torch: Any, boxes: Any, scores: Any, threshold: float) -> Any:
    """torchvision::nms, in the words of its documentation."""
    overlap = importlib.import_module("torchvision.ops").box_iou(boxes, boxes)
    kept: list[int] = []
    for box in scores.argsort(descending=True).tolist():
        if all(overlap[box, better] <= threshold for better in kept):
            kept.append(box)
    return torch.tensor(kept, dtype=torch.int64)


@functools.cache
def torchvision_models(torch: Any) -> Any:
    """torchvision.models without its compiled operations."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    models: Any = importlib.import_module("torchvision.models")
    library.impl("nms", functools.partial(best_boxes, torch), "CPU")
    extension: Any = importlib.import_module("torchvision.extension")
    extension._has_ops = lambda: True  # the one that SSD needs is here
    models.library = library  # its definitions go with it
    return models


def names(models: Any, torch: Any) -> dict[str, Any]:
    """What the expressions of the cases mean here."""
    segmentation, detection = models.segmentation, models.detection

    getter = importlib.import_module("torchvision.models._utils").IntermediateLayerGetter
    nn = torch.nn

    def on_resnet(network: Any, classes: int, aux: bool) -> Any:
        backbone = getter(network, {"layer4": "out", "layer3": "aux"} if aux else {"layer4": "out"})
        beside = segmentation.fcn.FCNHead(1024, classes) if aux else None
        return segmentation.DeepLabV3(backbone, segmentation.deeplabv3.DeepLabHead(2048, classes), beside)

    makers = {name: getattr(models, name) for name in dir(models)}
    makers |= {"linear": nn.Linear, "relu": nn.ReLU, "pool": nn.MaxPool2d, "sequential": nn.Sequential}
    makers |= {"conv": functools.partial(nn.Conv2d, kernel_size=3, padding=1), "getter": getter, "on_resnet": on_resnet}
    makers |= {name: getattr(models.resnet, name) for name in ("BasicBlock", "Bottleneck")}
    makers |= {"SSD": detection.ssd.SSD, "DefaultBoxGenerator": detection.anchor_utils.DefaultBoxGenerator}
    makers["SSDFeatureExtractorVGG"] = functools.partial(detection.ssd.SSDFeatureExtractorVGG, highres=False)
    for name in ("deeplabv3_resnet50", "deeplabv3_resnet101", "ssd300_vgg16"):
        home = detection if name.startswith("ssd") else segmentation
        makers[name] = functools.partial(getattr(home, name), weights_backbone=None)
    return makers


def detections(models: Any, torch: Any) -> dict[str, Any]:
    """What SSD finds, and its losses with the gradient of one parameter."""
    model = eval(DETECTOR, names(models, torch)).double()
    for name, value in model.state_dict().items():
        value.copy_(torch.tensor(value_of(name, value.shape)))
    images = [torch.tensor(detection_image(number)) for number in range(len(DETECTION_SIZES))]
    targets = [{"boxes": torch.tensor(b).double(), "labels": torch.tensor(c)} for b, c in DETECTION_TARGETS]
    for part in model.modules():  # norms stay as they are, so that losses do not depend on the order of the calls
        part.training = not isinstance(part, torch.nn.BatchNorm2d)
    losses = model(images, targets)
    sum(losses.values()).backward()
    arrays = {f"ssd/loss/{name}": value.detach().numpy() for name, value in losses.items()}
    arrays["ssd/gradient"] = model.backbone.conv1.weight.grad.numpy()
    with torch.no_grad():
        for number, found in enumerate(model.eval()(images)):
            arrays |= {f"ssd/{number}/{name}": value.numpy() for name, value in found.items()}
    return arrays


def catalogue(models: Any, torch: Any) -> dict[str, Any]:
    found = {}
    for expression in CATALOGUE:
        with torch.device("meta"):
            model = eval(expression, names(models, torch))
        state = [(name, tuple(value.shape)) for name, value in model.state_dict().items()]
        found[expression] = {"parameters": sum(p.numel() for p in model.parameters()), "state": digest(state)}
    return found


def drawn(value: Any) -> list[float]:
    """Mean, standard deviation and greatest magnitude of first values."""
    value = value.detach().double()
    return [float(f"{x:.5g}") for x in (value.mean(), value.std(correction=0), value.abs().max())]


def measure(models: Any, torch: Any, make: str, change: str, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    scope = names(models, torch)
    model = eval(make, scope)
    exec(change, scope, {"m": model})
    state = [[name, list(value.shape), *drawn(value)] for name, value in model.state_dict().items()]
    model = model.double().eval()
    for name, value in model.state_dict().items():
        value.copy_(torch.tensor(value_of(name, value.shape)))
    x = torch.tensor(value_of("input", shape) * np.sqrt(np.prod(shape[1:])), requires_grad=True)
    y = model(x)
    y = torch.cat([part.flatten() for part in y.values()]) if isinstance(y, dict) else y
    y.mul(torch.arange(1.0, y.numel() + 1).cos().reshape(y.shape)).sum().backward()
    if y.std() < 1e-2:
        raise ValueError(f"{make}: outputs hardly differ, which proves nothing")
    return state, y.detach(), x.grad


def main() -> None:
    torch: Any = importlib.import_module("torch")
    models = torchvision_models(torch)
    cases = []
    arrays: dict[str, Any] = {}
    torch.manual_seed(0)
    for number, (make, change, shape) in enumerate(CASES):
        state, y, gradient = measure(models, torch, make, change, shape)
        cases.append({"make": make, "change": change, "input": shape, "state": state})
        arrays[f"{number}/output"] = sampled(y.numpy())
        arrays[f"{number}/gradient"] = sampled(gradient.numpy()).astype(np.float32)
    arrays |= detections(models, torch)
    lines = ",\n".join(f'"{name}": {json.dumps(entry)}' for name, entry in catalogue(models, torch).items())
    rows = ",\n".join(map(json.dumps, cases))
    (TARGET / "vision.json").write_text(f'{{"catalogue": {{\n{lines}\n}},\n"cases": [\n{rows}\n]}}\n')
    np.savez_compressed(TARGET / "vision.npz", **arrays)


if __name__ == "__main__":
    main()
