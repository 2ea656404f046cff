"""BERT (Devlin et al., 2018), with Hugging Face's names."""

from __future__ import annotations

import pyflame as pf
from pyflame import Tensor, nn

from .bert_config import BertConfig
from .config import activation_of
from .decoder import embed
from .layers import Layers
from .output import HiddenOutput
from .pretrained import PretrainedModel, draw_normal


class BertEmbeddings(nn.Module):
    """The sum of the embeddings of words, positions and kinds of text, normalized.

    Args:
        config: sizes.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.BertConfig(vocab_size=9, hidden_size=4, num_attention_heads=2)
        >>> models.BertEmbeddings(config)(pf.tensor([[1, 2, 3]])).shape
        pyflame.Size([1, 3, 4])
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        words = embed("bert", self.word_embeddings, input_ids, inputs_embeds)
        positions, known = words.shape[1], self.position_embeddings.num_embeddings
        if positions > known:
            raise ValueError(f"[bert] the text has {positions} positions: the model knows {known}")
        if position_ids is None:
            position_ids = pf.arange(positions)[None]
        if token_type_ids is None:
            token_type_ids = pf.zeros(1, positions, dtype=pf.int64)
        kinds, places = self.token_type_embeddings(token_type_ids), self.position_embeddings(position_ids)
        return self.dropout(self.LayerNorm(words + kinds + places))


class BertSelfAttention(nn.Module):
    """Attention of several heads, without the projection of its output."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        if config.hidden_size % config.num_attention_heads:
            raise ValueError(
                f"[bert] {config.hidden_size} features do not divide into {config.num_attention_heads} heads"
            )
        self.heads = config.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(config.hidden_size, config.hidden_size) for _ in range(3))
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        dropped = self.dropout.p if self.training else 0.0
        return nn.functional.scaled_dot_product_attention(q, k, v, mask, dropped).transpose(1, 2).flatten(2)


class BertOutput(nn.Module):
    """A projection, beside a shortcut, and a layer norm after the sum."""

    def __init__(self, config: BertConfig, inputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(x)) + shortcut)


class BertLayer(nn.Module):
    """Attention and a network with one hidden layer, each beside a shortcut."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": BertSelfAttention(config), "output": BertOutput(config, config.hidden_size)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.intermediate_size)})
        self.output = BertOutput(config, config.intermediate_size)
        self.activation = activation_of(config.hidden_act)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(self.activation(self.intermediate["dense"](x)), x)


class BertPreTrainedModel(PretrainedModel):
    """What BERT models share."""

    config_class = BertConfig
    base_model_prefix = "bert"


class BertModel(BertPreTrainedModel):
    """BERT without a head.

    Args:
        config: sizes and options.
        add_pooling_layer: also give features of the whole text, from its first position.

    Called with (input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, output_hidden_states), where
    ids are (batch, positions) and the mask is 1 for text and 0 for padding; gives `last_hidden_state`, (batch,
    positions, features), and `pooler_output`, (batch, features).

    Raises:
        ValueError: a text has more positions than the model knows.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2)
        >>> output = models.BertModel(config).eval()(pf.tensor([[1, 2, 3]]))
        >>> output.last_hidden_state.shape, output.pooler_output.shape
        (pyflame.Size([1, 3, 4]), pyflame.Size([1, 4]))
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = BertEmbeddings(config)
        self.encoder = Layers(BertLayer(config) for _ in range(config.num_hidden_layers))
        size = config.hidden_size
        self.pooler = nn.ModuleDict({"dense": nn.Linear(size, size)}) if add_pooling_layer else None
        draw_normal(self, config.initializer_range)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> HiddenOutput:
        x = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds)
        mask = None
        if attention_mask is not None:
            if tuple(attention_mask.shape) != tuple(x.shape[:2]):
                raise ValueError(
                    f"[bert] attention_mask has shape {tuple(attention_mask.shape)}: expected {tuple(x.shape[:2])}"
                )
            mask = (attention_mask != 0)[:, None, None, :]
        states = [x]
        for layer in self.encoder.layer:
            x = layer(x, mask)
            states.append(x)
        pooled = None if self.pooler is None else pf.tanh(self.pooler["dense"](x[:, 0]))
        return HiddenOutput(x, pooled, hidden_states=tuple(states) if output_hidden_states else None)
