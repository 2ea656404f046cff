"""Vision Transformer (Dosovitskiy et al., 2020), with the names of Hugging Face's files; see vision_transformer.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .config import Config, activation_of
from .layers import Layers
from .losses import classification_loss
from .output import HiddenOutput, LogitsOutput
from .pretrained import PretrainedModel


@dataclass
class ViTConfig(Config):
    """Sizes and options of a Vision Transformer, with the values of the base model.

    Example:
        >>> from pyflame import models
        >>> models.ViTConfig().hidden_size
        768
    """

    model_type: ClassVar[str] = "vit"

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int = 224
    patch_size: int = 16
    num_channels: int = 3
    qkv_bias: bool = True
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"
    num_labels: int = 2
    problem_type: str | None = None


class ViTEmbeddings(nn.Module):
    """Patches as features, a first position for the whole image, and learned positions."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        size, patch = config.hidden_size, config.patch_size
        if config.image_size % patch:
            raise ValueError(f"[vit] images of {config.image_size} do not divide into patches of {patch} pixels")
        self.cls_token = nn.Parameter(pf.zeros(1, 1, size))
        self.position_embeddings = nn.Parameter(pf.zeros(1, (config.image_size // patch) ** 2 + 1, size))
        projection = nn.Conv2d(config.num_channels, size, patch, patch)
        self.patch_embeddings = nn.ModuleDict({"projection": projection})
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.expected = (config.num_channels, config.image_size, config.image_size)

    def forward(self, pixels: Tensor) -> Tensor:
        if tuple(pixels.shape[1:]) != self.expected:
            sizes = ", ".join(map(str, self.expected))
            raise ValueError(f"[vit] pixel_values has shape {tuple(pixels.shape)}: expected (batch, {sizes})")
        patches = self.patch_embeddings["projection"](pixels).flatten(2).transpose(1, 2)
        whole = self.cls_token.expand(pixels.shape[0], -1, -1)
        return self.dropout(pf.cat([whole, patches], 1) + self.position_embeddings)


class ViTSelfAttention(nn.Module):
    """Attention of several heads, without the projection of its output."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        size, self.heads = config.hidden_size, config.num_attention_heads
        if size % self.heads:
            raise ValueError(f"[vit] {size} features do not divide into {self.heads} heads")
        self.query, self.key, self.value = (nn.Linear(size, size, bias=config.qkv_bias) for _ in range(3))
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        dropped = self.dropout.p if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, None, dropped).transpose(1, 2).flatten(2)


class ViTLayer(nn.Module):
    """Attention and a network with one hidden layer, each after a layer norm and beside a shortcut."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.intermediate_size
        projection = nn.ModuleDict({"dense": nn.Linear(size, size)})
        self.attention = nn.ModuleDict({"attention": ViTSelfAttention(config), "output": projection})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(size, inner)})
        self.output = nn.ModuleDict({"dense": nn.Linear(inner, size)})
        self.layernorm_before = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.layernorm_after = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.activation = activation_of(config.hidden_act)

    def forward(self, x: Tensor) -> Tensor:
        attended = self.attention["attention"](self.layernorm_before(x))
        x = x + self.dropout(self.attention.get_submodule("output.dense")(attended))
        inner = self.activation(self.intermediate["dense"](self.layernorm_after(x)))
        return x + self.dropout(self.output["dense"](inner))


def draw(module: nn.Module, std: float) -> None:
    """Draw all matrices and embeddings; biases are 0."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.trunc_normal_(part.weight, std=std)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, ViTEmbeddings):
            nn.init.trunc_normal_(part.cls_token, std=std)
            nn.init.trunc_normal_(part.position_embeddings, std=std)


class ViTModel(PretrainedModel):
    """A Vision Transformer without a head.

    Args:
        config: sizes and options.
        add_pooling_layer: also give features of the whole image, from the first position.

    Called with (pixel_values, output_hidden_states), where the pixels are (batch, channels, height, width); gives
    `last_hidden_state` (batch, 1 + patches, features) and `pooler_output` (batch, features).

    Raises:
        ValueError: an image has another shape.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.ViTConfig(16, 1, 2, 32, image_size=8, patch_size=4)
        >>> models.ViTModel(config)(pf.randn(2, 3, 8, 8)).last_hidden_state.shape
        pyflame.Size([2, 5, 16])
    """

    config_class = ViTConfig
    base_model_prefix = "vit"

    def __init__(self, config: ViTConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = ViTEmbeddings(config)
        self.encoder = Layers(ViTLayer(config) for _ in range(config.num_hidden_layers))
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        pooled = config.pooler_output_size or config.hidden_size
        dense = nn.Linear(config.hidden_size, pooled) if add_pooling_layer else None
        self.pooler = None if dense is None else nn.ModuleDict({"dense": dense})
        self.activation = activation_of(config.pooler_act)
        draw(self, config.initializer_range)

    def forward(self, pixel_values: Tensor, output_hidden_states: bool = False) -> HiddenOutput:
        x = self.embeddings(pixel_values)
        states = [x]
        for layer in self.encoder.layer:
            x = layer(x)
            states.append(x)
        x = self.layernorm(x)
        pooled = None if self.pooler is None else self.activation(self.pooler["dense"](x[:, 0]))
        return HiddenOutput(x, pooled, hidden_states=tuple(states) if output_hidden_states else None)


class ViTForImageClassification(PretrainedModel):
    """A Vision Transformer that classifies images.

    Args:
        config: sizes and options; `num_labels` classes.

    Called as `ViTModel`, and with labels: class ids, for a regression (`num_labels` 1) numbers, for several classes at
    once (floats) a probability of each.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.ViTConfig(16, 1, 2, 32, image_size=8, patch_size=4, num_labels=3)
        >>> models.ViTForImageClassification(config)(pf.randn(2, 3, 8, 8)).logits.shape
        pyflame.Size([2, 3])
    """

    config_class = ViTConfig
    base_model_prefix = "vit"

    def __init__(self, config: ViTConfig) -> None:
        super().__init__(config)
        self.vit = ViTModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        draw(self.classifier, config.initializer_range)

    def forward(
        self, pixel_values: Tensor, labels: Tensor | None = None, output_hidden_states: bool = False
    ) -> LogitsOutput:
        base = self.vit(pixel_values, output_hidden_states)
        logits = self.classifier(base.last_hidden_state[:, 0])
        loss = None
        if labels is not None:
            loss = classification_loss("vit", logits, labels, self.config.num_labels, self.config.problem_type)
        return LogitsOutput(loss, logits, hidden_states=base.hidden_states)
