"""Vision Transformer (Dosovitskiy et al., 2020), with torchvision's names; see vit.py for Hugging Face's."""

from __future__ import annotations

import math
from typing import Any

import pyflame as pf
from pyflame import Tensor, nn

from .weights import Weights, with_weights


class EncoderBlock(nn.Module):
    """Self-attention and a network with one hidden layer, each after a layer norm and beside a shortcut."""

    def __init__(self, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(hidden_dim, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(hidden_dim, eps=1e-6)
        first, second = nn.Linear(hidden_dim, mlp_dim), nn.Linear(mlp_dim, hidden_dim)
        self.mlp = nn.Sequential(first, nn.GELU(), nn.Dropout(dropout), second, nn.Dropout(dropout))
        for layer in (first, second):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.normal_(layer.get_parameter("bias"), std=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.dropout(self.self_attention(y, y, y, need_weights=False)[0])
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Learned positions, blocks and a last layer norm."""

    def __init__(
        self,
        seq_length: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(pf.empty(1, seq_length, hidden_dim))
        nn.init.normal_(self.pos_embedding, std=0.02)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            {
                f"encoder_layer_{place}": EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout)
                for place in range(num_layers)
            }
        )
        self.ln = nn.LayerNorm(hidden_dim, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(x + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """A Vision Transformer for images (batch, 3, image_size, image_size), with torchvision's names.

    Args:
        image_size: height and width of the images, a multiple of `patch_size`.
        patch_size: height and width of the patches.
        num_layers: blocks.
        num_heads: divides `hidden_dim`.
        hidden_dim: features of a patch.
        mlp_dim: features of the hidden layers.
        dropout: probability that a value is dropped, in training.
        attention_dropout: the same for weights of attention.
        num_classes: features of the output.
        representation_size: features of a layer before the last one; None for no such layer.

    Raises:
        ValueError: images do not divide into patches, or an image has another size.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> model = models.VisionTransformer(32, 8, 2, 2, hidden_dim=16, mlp_dim=32, num_classes=10)
        >>> model(pf.randn(1, 3, 32, 32)).shape
        pyflame.Size([1, 10])
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"[vit] images of {image_size} do not divide into patches of {patch_size} pixels")
        self.image_size, self.patch_size, self.hidden_dim = image_size, patch_size, hidden_dim
        self.conv_proj = nn.Conv2d(3, hidden_dim, patch_size, patch_size)
        positions = (image_size // patch_size) ** 2 + 1
        self.class_token = nn.Parameter(pf.zeros(1, 1, hidden_dim))
        self.encoder = Encoder(positions, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout)
        heads: dict[str, nn.Module] = {}
        if representation_size is not None:
            before = nn.Linear(hidden_dim, representation_size)
            nn.init.trunc_normal_(before.weight, std=math.sqrt(1 / hidden_dim))
            nn.init.zeros_(before.get_parameter("bias"))
            heads = {"pre_logits": before, "act": nn.Tanh()}
        last = nn.Linear(hidden_dim if representation_size is None else representation_size, num_classes)
        self.heads = nn.Sequential({**heads, "head": last})
        nn.init.trunc_normal_(self.conv_proj.weight, std=math.sqrt(1 / (3 * patch_size**2)))
        for blank in (self.conv_proj.get_parameter("bias"), last.weight, last.get_parameter("bias")):
            nn.init.zeros_(blank)

    def forward(self, x: Tensor) -> Tensor:
        if tuple(x.shape[2:]) != (self.image_size, self.image_size):
            raise ValueError(
                f"[vit] the input has shape {tuple(x.shape)}: expected (batch, 3, {self.image_size}, {self.image_size})"
            )
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        tokens = pf.cat([self.class_token.expand(x.shape[0], -1, -1), patches], 1)
        return self.heads(self.encoder(tokens)[:, 0])


def vit_b_16(
    pretrained: bool = False, *, weights: Weights = None, progress: bool = True, **options: Any
) -> VisionTransformer:
    """Make the base Vision Transformer for patches of 16 by 16 pixels.

    Args:
        pretrained: load the weights that are registered for it; see `pyflame.hub`.
        weights: a file, or the name of registered weights.
        progress: show the progress of a download.
        options: for `VisionTransformer`; `image_size` is 224 by default.
    """
    image_size = options.pop("image_size", 224)
    model = VisionTransformer(image_size, 16, num_layers=12, num_heads=12, hidden_dim=768, mlp_dim=3072, **options)
    return with_weights("vit_b_16", model, pretrained, weights, progress)
