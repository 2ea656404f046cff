"""The models that PyFlame brings along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyflame import nn

from .registry import ModelInfo

_CLASSIFIER = ("vision", "classification")

# name -> (description, tags, what makes it, with the configuration it takes)
_TABLE = {
    "mlp": ("Multi-layer perceptron.", ("tabular", "classification"), "MLP"),
    "cnn": ("Small convolutional network for images of any size.", _CLASSIFIER, "CNN"),
    "lenet": ("LeNet-5 for images of 28 by 28 pixels.", _CLASSIFIER, "LeNet"),
    "resnet18": ("Residual network of 18 layers.", _CLASSIFIER, "resnet18"),
    "resnet34": ("Residual network of 34 layers.", _CLASSIFIER, "resnet34"),
    "resnet50": ("Residual network of 50 layers.", _CLASSIFIER, "resnet50"),
    "resnet101": ("Residual network of 101 layers.", _CLASSIFIER, "resnet101"),
    "resnet152": ("Residual network of 152 layers.", _CLASSIFIER, "resnet152"),
    "resnext50_32x4d": ("Residual network with 32 groups of width 4.", _CLASSIFIER, "resnext50_32x4d"),
    "resnext101_32x8d": ("Residual network with 32 groups of width 8.", _CLASSIFIER, "resnext101_32x8d"),
    "wide_resnet50_2": ("Residual network of 50 layers, twice as wide.", _CLASSIFIER, "wide_resnet50_2"),
    "wide_resnet101_2": ("Residual network of 101 layers, twice as wide.", _CLASSIFIER, "wide_resnet101_2"),
    "alexnet": ("AlexNet with one path.", _CLASSIFIER, "alexnet"),
    **{f"vgg{n}": (f"VGG network of {n} layers.", _CLASSIFIER, f"vgg{n}") for n in (11, 13, 16, 19)},
    **{
        f"vgg{n}_bn": (f"VGG network of {n} layers with batch norm.", _CLASSIFIER, f"vgg{n}_bn")
        for n in (11, 13, 16, 19)
    },
    "mobilenet_v2": ("MobileNetV2, small and quick.", _CLASSIFIER, "mobilenet_v2"),
    "efficientnet_b0": ("EfficientNet-B0.", _CLASSIFIER, "efficientnet_b0"),
    "densenet121": ("Densely connected network of 121 layers.", _CLASSIFIER, "densenet121"),
    "squeezenet1_0": ("SqueezeNet 1.0, with few parameters.", _CLASSIFIER, "squeezenet1_0"),
    "squeezenet1_1": ("SqueezeNet 1.1, with few parameters and less to compute.", _CLASSIFIER, "squeezenet1_1"),
    "vit_b_16": ("Base Vision Transformer for patches of 16 by 16 pixels.", _CLASSIFIER, "vit_b_16"),
    "unet": ("U-Net, which classifies pixels.", ("vision", "segmentation"), "UNet"),
    "deeplabv3_resnet50": ("DeepLabV3 on ResNet-50.", ("vision", "segmentation"), "deeplabv3_resnet50"),
    "deeplabv3_resnet101": ("DeepLabV3 on ResNet-101.", ("vision", "segmentation"), "deeplabv3_resnet101"),
    "ssd300_vgg16": ("SSD on VGG-16, which finds objects.", ("vision", "detection"), "ssd300_vgg16"),
    "yolo": ("Small YOLO, which finds objects.", ("vision", "detection"), "YOLO"),
    "vit": ("Vision Transformer with the names of Hugging Face.", _CLASSIFIER, "ViTForImageClassification:ViTConfig"),
    "bert": ("BERT, which gives features of texts.", ("text", "encoder"), "BertModel:BertConfig"),
    "bert_classifier": (
        "BERT that classifies texts.",
        ("text", "classification"),
        "BertForSequenceClassification:BertConfig",
    ),
    "gpt2": ("GPT-2, which writes text.", ("text", "generation"), "GPT2LMHeadModel:GPT2Config"),
    "llama": ("Llama, which writes text.", ("text", "generation"), "LlamaForCausalLM:LlamaConfig"),
    "t5": (
        "T5, which gives features of a text with another before it.",
        ("text", "encoder-decoder"),
        "T5Model:T5Config",
    ),
    "transformer": ("Transformer of the paper.", ("text", "encoder-decoder"), "Transformer:TransformerConfig"),
    "lstm_classifier": ("LSTM that classifies texts.", ("text", "classification"), "LSTMClassifier"),
    "gru_classifier": ("GRU that classifies texts.", ("text", "classification"), "GRUClassifier"),
    "lstm_language_model": ("LSTM that tells the next word.", ("text", "generation"), "LSTMLanguageModel"),
}


def factory_of(names: str) -> Callable[..., nn.Module] | str:
    """What makes a model; where it takes a configuration, the fields of that are options too."""
    model, _, kind = names.partition(":")
    if not kind:
        return f"pyflame.models:{model}"

    def make(config: Any = None, **options: Any) -> nn.Module:
        from pyflame import models

        if config is not None and options:
            raise TypeError(f"[hub] config and {', '.join(options)} are given: give one")
        made = getattr(models, model)(getattr(models, kind)(**options) if config is None else config)
        assert isinstance(made, nn.Module)
        return made

    return make


BUILTIN = tuple(
    ModelInfo(name, description, tags, factory_of(factory)) for name, (description, tags, factory) in _TABLE.items()
)
