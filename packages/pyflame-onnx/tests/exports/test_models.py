"""Small forms of the models export with dynamic sizes, agree in onnxruntime, and are read back."""

import pytest

import pyflame as pf
from pyflame import models as m, nn
from pyflame.models.output import Output
from pyflame.onnx import ONNXExporter, import_onnx
from pyflame.testing import assert_close

TEXT = {"input_ids": {0: "batch", 1: "length"}}
BATCH = {"x": {0: "batch"}}
SIZES = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "num_hidden_layers": 2}
NETWORK = m.TransformerConfig(
    vocab_size=50, d_model=16, num_heads=2, d_ff=32, max_len=32, num_encoder_layers=2, num_decoder_layers=2
)


def words(*shape):
    return pf.randint(1, 50, shape or (2, 7))


def images(size, channels=3):
    return (pf.randn(2, channels, size, size),)


MODELS = [
    (lambda: m.MLP(12, (8,), 3, batch_norm=True), lambda: (pf.randn(2, 12),), BATCH),
    (m.LeNet, lambda: images(28, 1), BATCH),
    (lambda: m.VisionTransformer(16, 4, 2, 2, 16, 32, num_classes=5), lambda: images(16), BATCH),
    (
        lambda: m.ViTForImageClassification(m.ViTConfig(image_size=16, patch_size=4, **SIZES)),
        lambda: images(16),
        {"pixel_values": {0: "batch"}},
    ),
    (lambda: m.BertModel(m.BertConfig(vocab_size=50, **SIZES)), lambda: (words(),), TEXT),
    (lambda: m.BertForSequenceClassification(m.BertConfig(vocab_size=50, **SIZES)), lambda: (words(),), TEXT),
    (
        lambda: m.GPT2LMHeadModel(m.GPT2Config(vocab_size=50, n_layer=2, n_embd=32, n_head=2, n_positions=32)),
        lambda: (words(),),
        TEXT,
    ),
    (
        lambda: m.LlamaForCausalLM(m.LlamaConfig(vocab_size=50, num_key_value_heads=1, **SIZES)),
        lambda: (words(),),
        TEXT,
    ),
    (lambda: m.LSTMClassifier(50, 8, 8, 3, 2, True), lambda: (words(),), TEXT),
    (lambda: m.GRUClassifier(50, 8, 8, 3), lambda: (words(),), TEXT),
    (lambda: m.LSTMLanguageModel(50, 8, 8), lambda: (words(),), TEXT),
    (lambda: m.TransformerEncoder(NETWORK), lambda: (words(),), TEXT),
    (
        lambda: m.Transformer(NETWORK),
        lambda: (words(2, 7), words(2, 5)),
        {**TEXT, "decoder_input_ids": {0: "batch", 1: "target"}},
    ),
]


def tensors(result):
    if isinstance(result, pf.Tensor):
        return [result]
    if isinstance(result, Output):
        result = result.to_tuple()
    return [one for part in result if part is not None for one in tensors(part)]


@pytest.mark.parametrize("case", MODELS, ids=lambda case: type(case[0]()).__name__)
def test_model_agrees_at_three_sizes_and_is_read_back(case):
    make, args, axes = case
    model, args = make().eval(), args()
    exporter = ONNXExporter(dynamic_axes=axes, runtime="onnxruntime")
    exported = exporter.export(model, args)
    assert len({one.case for one in exporter.comparisons}) == 3
    again = import_onnx(exported)
    with pf.no_grad():
        for found, wanted in zip(tensors(again(*args)), tensors(model(*args)), strict=True):
            assert_close(found, wanted, rtol=1e-6, atol=1e-6 * wanted.abs().max().item())


@pytest.mark.parametrize("make", [m.resnet18, m.mobilenet_v2, m.squeezenet1_1], ids=["resnet", "mobilenet", "squeeze"])
def test_image_models_are_convolutions_with_bias_and_few_other_nodes(make):
    model = make()
    exporter = ONNXExporter(dynamic_axes=BATCH, runtime="onnxruntime")
    exported = exporter.export(model, images(64))
    convolutions = sum(isinstance(part, nn.Conv2d) for part in model.modules())
    kinds = [node.op_type for node in exported.graph.node]
    assert kinds.count("Conv") == convolutions
    assert set(kinds) <= {
        "Conv", "BatchNormalization", "Relu", "Clip", "MaxPool", "Add", "Concat", "GlobalAveragePool", "Flatten",
        "Gemm", "ReduceMean",
    }  # fmt: skip
