"""Models, with torchvision's and Hugging Face's parameter names."""

from __future__ import annotations

from pyflame import Tensor as _Tensor  # noqa: F401  (a missing core shows here)

from .alexnet import AlexNet as AlexNet, alexnet as alexnet
from .bert import BertEmbeddings as BertEmbeddings, BertModel as BertModel
from .bert_config import BertConfig as BertConfig
from .bert_heads import (
    BertForMaskedLM as BertForMaskedLM,
    BertForSequenceClassification as BertForSequenceClassification,
    BertForTokenClassification as BertForTokenClassification,
)
from .cache import KeyValueCache as KeyValueCache
from .cnn import CNN as CNN
from .deeplabv3 import (
    DeepLabV3 as DeepLabV3,
    deeplabv3_resnet50 as deeplabv3_resnet50,
    deeplabv3_resnet101 as deeplabv3_resnet101,
)
from .densenet import DenseNet as DenseNet, densenet121 as densenet121
from .efficientnet import (
    EfficientNet as EfficientNet,
    MBConvConfig as MBConvConfig,
    efficientnet_b0 as efficientnet_b0,
)
from .gpt2 import GPT2Config as GPT2Config, GPT2LMHeadModel as GPT2LMHeadModel, GPT2Model as GPT2Model
from .lenet import LeNet as LeNet
from .llama import LlamaConfig as LlamaConfig, LlamaForCausalLM as LlamaForCausalLM, LlamaModel as LlamaModel
from .mlp import MLP as MLP
from .mobilenetv2 import MobileNetV2 as MobileNetV2, mobilenet_v2 as mobilenet_v2
from .recurrent import (
    GRUClassifier as GRUClassifier,
    LSTMClassifier as LSTMClassifier,
    LSTMLanguageModel as LSTMLanguageModel,
)
from .resnet import (
    BasicBlock as BasicBlock,
    Bottleneck as Bottleneck,
    ResNet as ResNet,
    resnet18 as resnet18,
    resnet34 as resnet34,
    resnet50 as resnet50,
    resnet101 as resnet101,
    resnet152 as resnet152,
    resnext50_32x4d as resnext50_32x4d,
    resnext101_32x8d as resnext101_32x8d,
    wide_resnet50_2 as wide_resnet50_2,
    wide_resnet101_2 as wide_resnet101_2,
)
from .squeezenet import SqueezeNet as SqueezeNet, squeezenet1_0 as squeezenet1_0, squeezenet1_1 as squeezenet1_1
from .ssd import SSD as SSD, ssd300_vgg16 as ssd300_vgg16
from .t5 import T5Config as T5Config, T5Model as T5Model
from .transformer import (
    MultiHeadAttention as MultiHeadAttention,
    Transformer as Transformer,
    TransformerConfig as TransformerConfig,
    TransformerDecoder as TransformerDecoder,
    TransformerEncoder as TransformerEncoder,
)
from .unet import UNet as UNet
from .vgg import (
    VGG as VGG,
    vgg11 as vgg11,
    vgg11_bn as vgg11_bn,
    vgg13 as vgg13,
    vgg13_bn as vgg13_bn,
    vgg16 as vgg16,
    vgg16_bn as vgg16_bn,
    vgg19 as vgg19,
    vgg19_bn as vgg19_bn,
)
from .vision_transformer import VisionTransformer as VisionTransformer, vit_b_16 as vit_b_16
from .vit import (
    ViTConfig as ViTConfig,
    ViTForImageClassification as ViTForImageClassification,
    ViTModel as ViTModel,
)
from .yolo import YOLO as YOLO

ResNet18, ResNet34, ResNet50, ResNet101, ResNet152 = resnet18, resnet34, resnet50, resnet101, resnet152
ResNeXt50_32x4d, ResNeXt101_32x8d = resnext50_32x4d, resnext101_32x8d
WideResNet50_2, WideResNet101_2 = wide_resnet50_2, wide_resnet101_2
VGG11, VGG13, VGG16, VGG19 = vgg11, vgg13, vgg16, vgg19
DenseNet121, EfficientNetB0, ViT_B_16 = densenet121, efficientnet_b0, vit_b_16
