"""ResNet-50 inference, with the same weights in PyTorch, PyFlame and ONNX Runtime."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import pyflame as pf
from pyflame import nn, optim

from .contest import EAGER, OURS, Contest, Row

LAYERS = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))


def resnet50(nn: ModuleType) -> Any:
    """The network in the style both libraries share: `nn` is torch.nn or pyflame.nn."""

    class Bottleneck(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            out = 4 * width
            self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
            self.relu = nn.ReLU()
            self.downsample: Any = None
            if stride != 1 or channels != out:
                self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

        def forward(self, x: Any) -> Any:
            y = self.relu(self.bn1(self.conv1(x)))
            y = self.relu(self.bn2(self.conv2(y)))
            y = self.bn3(self.conv3(y))
            return self.relu(y + (x if self.downsample is None else self.downsample(x)))

    blocks: list[Any] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = 64
    for count, width, stride in LAYERS:
        for i in range(count):
            blocks.append(Bottleneck(channels, width, stride if i == 0 else 1))
            channels = 4 * width
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000))


def both() -> tuple[Any, Any]:
    """The network in PyTorch, with statistics as after training, and the same in PyFlame."""
    torch.manual_seed(0)
    theirs = resnet50(torch.nn)
    with torch.no_grad():  # keeps activations of order one, through 50 layers
        norms: list[Any] = [m for m in theirs.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.8, 1.2)
            norm.weight.uniform_(0.3, 0.6)
            norm.bias.normal_(0, 0.1)
    theirs.eval()
    ours = resnet50(nn)
    ours.load_state_dict({k: pf.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    ours.eval()
    return theirs, ours


def session(model: Any, x: torch.Tensor, threads: int) -> Callable[[], Any]:
    import onnxruntime

    buffer: Any = io.BytesIO()
    torch.onnx.export(model, (x,), buffer, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    run = onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])
    feed = {run.get_inputs()[0].name: x.numpy()}
    return lambda: run.run(None, feed)[0]


def inference(batch: int, threads: int = 1) -> Contest:
    theirs, ours = both()
    x = np.random.default_rng(0).standard_normal((batch, 3, 224, 224), dtype=np.float32)
    tx, px = torch.from_numpy(x), pf.tensor(x)
    ort = session(theirs, tx, threads)
    last = theirs.to(memory_format=torch.channels_last)
    tlast = tx.to(memory_format=torch.channels_last)

    def in_torch(value: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return last(value)

    def in_pyflame() -> pf.Tensor:
        with pf.no_grad():
            return ours(px)

    plain, _ = both()

    def eager() -> torch.Tensor:
        with torch.inference_mode():
            return plain(tx)

    return Contest(
        {
            OURS: lambda: pf.eval(in_pyflame()),
            EAGER: eager,
            "torch channels_last": lambda: in_torch(tlast),
            "onnxruntime": ort,
        },
        {
            OURS: lambda: in_pyflame().numpy(),
            EAGER: lambda: eager().numpy(),
            "torch channels_last": lambda: in_torch(tlast).numpy(),
            "onnxruntime": ort,
        },
        1e-4,
    )


def training_step(library: str, x: npt.NDArray[np.float32]) -> Callable[[], object]:
    """Forward, backward and update by SGD with momentum, in one of the libraries."""
    ours = library == OURS
    model = resnet50(nn if ours else torch.nn)
    optimizer = (optim.SGD if ours else torch.optim.SGD)(model.parameters(), lr=1e-3, momentum=0.9)
    values = pf.tensor(x) if ours else torch.from_numpy(x)
    if ours:  # PyTorch's exist since the model does
        pf.eval(list(model.parameters()), list(model.buffers()))

    def step() -> None:
        loss = model(values).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        float(loss.detach())

    return step


ROWS = [
    Row("ResNet-50 inference, batch 1", partial(inference, 1), 1.8, 1.0),
    Row("ResNet-50 inference, batch 8", partial(inference, 8), 1.8, 1.0),
    Row("ResNet-50 inference, batch 1, 2 threads", partial(inference, 1, 2), None, 1.0, threads=2),
]
