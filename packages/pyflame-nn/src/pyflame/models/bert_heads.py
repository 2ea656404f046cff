"""BERT with heads: classes of texts, masked words, classes of words."""

from __future__ import annotations

from typing import ClassVar

import pyflame as pf
from pyflame import Tensor, nn
from pyflame.nn import functional as F

from .bert import BertModel, BertPreTrainedModel
from .bert_config import BertConfig
from .config import activation_of
from .losses import classification_loss
from .output import HiddenOutput, LogitsOutput
from .pretrained import draw_normal


class BertTask(BertPreTrainedModel):
    """BERT with a head, which gives logits, and a loss if there are labels."""

    bert: BertModel

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool = False,
    ) -> LogitsOutput:
        base = self.bert(input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, output_hidden_states)
        logits = self._logits(base)
        loss = None if labels is None else self._loss(logits, labels)
        return LogitsOutput(loss, logits, hidden_states=base.hidden_states)

    def _logits(self, base: HiddenOutput) -> Tensor:
        raise NotImplementedError(f"[bert] {type(self).__name__} has no head: a subclass defines _logits(base)")

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """That of classes of positions, (batch, positions, classes)."""
        return F.cross_entropy(logits.flatten(0, 1), labels.reshape(-1))


class BertForSequenceClassification(BertTask):
    """BERT that classifies whole texts.

    Args:
        config: sizes and options; `num_labels` classes.

    Called as `BertModel`, and with labels: class ids, for a regression (`num_labels` 1) numbers, for several classes
    at once (floats, or `problem_type="multi_label_classification"`) a probability of each.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2)
        >>> model = models.BertForSequenceClassification(config).eval()
        >>> model(pf.tensor([[1, 2, 3]]), labels=pf.tensor([1])).logits.shape
        pyflame.Size([1, 2])
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config)
        self.dropout = nn.Dropout(_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        draw_normal(self.classifier, config.initializer_range)

    def _logits(self, base: HiddenOutput) -> Tensor:
        return self.classifier(self.dropout(base.pooler_output))

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return classification_loss("bert", logits, labels, self.config.num_labels, self.config.problem_type)


class BertForTokenClassification(BertTask):
    """BERT that classifies each position.

    Args:
        config: sizes and options; `num_labels` classes.

    Called as `BertModel`, and with labels (batch, positions), class ids of which -100 are left out of the loss.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2)
        >>> models.BertForTokenClassification(config).eval()(pf.tensor([[1, 2, 3]])).logits.shape
        pyflame.Size([1, 3, 2])
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(_dropout(config))
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        draw_normal(self.classifier, config.initializer_range)

    def _logits(self, base: HiddenOutput) -> Tensor:
        return self.classifier(self.dropout(base.last_hidden_state))


class BertLMPredictionHead(nn.Module):
    """Logits of words from features, with the matrix of the word embeddings."""

    def __init__(self, config: BertConfig, words: nn.Embedding) -> None:
        super().__init__()
        size = config.hidden_size
        self.transform = nn.ModuleDict(
            {"dense": nn.Linear(size, size), "LayerNorm": nn.LayerNorm(size, eps=config.layer_norm_eps)}
        )
        self.activation = activation_of(config.hidden_act)
        self.decoder = nn.Linear(size, config.vocab_size)
        self.bias = nn.Parameter(pf.zeros(config.vocab_size))
        draw_normal(self, config.initializer_range)
        if config.tie_word_embeddings:
            self.decoder.weight, self.decoder.bias = words.weight, self.bias

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.transform["LayerNorm"](self.activation(self.transform["dense"](x))))


class BertForMaskedLM(BertTask):
    """BERT that tells which words are masked.

    Args:
        config: sizes and options.

    Called as `BertModel`, and with labels (batch, positions), ids of words of which -100 are left out of the loss.

    Example:
        >>> import pyflame as pf
        >>> from pyflame import models
        >>> config = models.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2)
        >>> models.BertForMaskedLM(config).eval()(pf.tensor([[1, 2, 3]])).logits.shape
        pyflame.Size([1, 3, 9])
    """

    tied: ClassVar = {
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        head = BertLMPredictionHead(config, self.bert.embeddings.word_embeddings)
        self.cls = nn.ModuleDict({"predictions": head})

    def _logits(self, base: HiddenOutput) -> Tensor:
        return self.cls["predictions"](base.last_hidden_state)


def _dropout(config: BertConfig) -> float:
    return config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
