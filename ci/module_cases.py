"""Which modules `make_module_references.py` runs: how each is made, and the kinds and shapes of its inputs."""

from __future__ import annotations

Case = tuple[str, str, dict[str, str]]


def of(shape: str, *makes: str) -> list[Case]:
    """Modules that take one tensor of floats."""
    return [(make, "x", {"x": f"f:{shape}"}) for make in makes]


def call(make: str, how: str, **specs: str) -> Case:
    return make, how, specs


CONVOLUTIONS = [
    *of("2,3,8", "nn.Conv1d(3, 4, 3)", "nn.Conv1d(3, 6, 3, stride=2, padding=2, dilation=2, groups=3, bias=False)"),
    *of("3,8", "nn.Conv1d(3, 4, 4, padding='same')", "nn.Conv1d(3, 4, 3, padding='valid', padding_mode='reflect')"),
    *of("2,3,7", *(f"nn.Conv1d(3, 4, 4, padding='same', padding_mode='{m}')" for m in ("reflect", "replicate"))),
    *of("2,2,6,5", *(f"nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode='{m}')" for m in ("reflect", "circular"))),
    *of("2,6,5", "nn.Conv2d(2, 4, (4, 3), padding='same', dilation=(1, 2), padding_mode='replicate')"),
    *of("2,2,4,5,4", "nn.Conv3d(2, 3, 3)", "nn.Conv3d(2, 4, (1, 3, 2), stride=(1, 2, 1), padding=(0, 1, 1), groups=2)"),
    *of("2,4,5,4", "nn.Conv3d(2, 3, 3, padding='same', padding_mode='circular')"),
    *of("2,3,5", "nn.ConvTranspose1d(3, 4, 3)", "nn.ConvTranspose1d(3, 3, 3, 2, 1, 1, 3, False, 2)"),
    *of("3,5", "nn.ConvTranspose1d(3, 2, 4, stride=3)"),
    *of("2,4,3,4", "nn.ConvTranspose2d(4, 2, 3)", "nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, groups=2)"),
    call("nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)", "x, (8, 7)", x="f:2,2,4,4"),
    call("nn.ConvTranspose2d(2, 3, 3, stride=2)", "x, output_size=(3, 10, 9)", x="f:2,4,4"),
    *of("2,2,2,3,3", "nn.ConvTranspose3d(2, 3, 2)", "nn.ConvTranspose3d(2, 3, 3, stride=2, output_padding=(1, 0, 1))"),
]

NORMALIZATIONS = [
    *of("4,3,5", "nn.LayerNorm(5)", "nn.LayerNorm((3, 5), eps=0.01)", "nn.LayerNorm([5], elementwise_affine=False)"),
    *of("4,3,5", "nn.LayerNorm(5, bias=False)", "nn.RMSNorm(5)", "nn.RMSNorm((3, 5), eps=0.1)"),
    *of("4,5", "nn.RMSNorm(5, elementwise_affine=False)", "nn.BatchNorm1d(5, bias=False)", "nn.BatchNorm1d(5)"),
    *of("2,6,4", "nn.GroupNorm(3, 6)", "nn.GroupNorm(6, 6, affine=False)", "nn.GroupNorm(1, 6, eps=0.1, bias=False)"),
    *of("2,6", "nn.GroupNorm(2, 6)"),
    *of("2,3,4", "nn.InstanceNorm1d(3)", "nn.InstanceNorm1d(3, affine=True, track_running_stats=True, momentum=0.3)"),
    *of("3,4", "nn.InstanceNorm1d(3, affine=True)"),
    *of("2,3,4,2", "nn.InstanceNorm2d(3, affine=True)", "nn.InstanceNorm2d(3, track_running_stats=True).eval()"),
    *of("3,4,2", "nn.InstanceNorm2d(3, affine=True, bias=False)"),
    *of("2,3,2,2,3", "nn.InstanceNorm3d(3, eps=0.1)", "nn.BatchNorm3d(3)", "nn.BatchNorm3d(3, momentum=None)"),
    *of("2,3,2,2,3", "nn.BatchNorm3d(3, affine=False).eval()"),
    *of("3,2,2,3", "nn.InstanceNorm3d(3, affine=True, track_running_stats=True)"),
    *of("2,3,4", "nn.BatchNorm1d(3, track_running_stats=False)", "nn.BatchNorm1d(3, momentum=None)"),
    *of("2,5,4", "nn.LocalResponseNorm(3)", "nn.LocalResponseNorm(2, alpha=0.1, beta=0.5, k=2.0)"),
    *of("2,5,4,3", "nn.LocalResponseNorm(4)", "nn.SyncBatchNorm(5).eval()"),
]

BAG = {"x": "i7:6", "w": "f:6"}
TABLES = [
    call("nn.Embedding(7, 3)", "x", x="i7:2,4"),
    call("nn.Embedding(7, 3, padding_idx=-2, scale_grad_by_freq=True)", "x", x="i7:9"),
    call("nn.Embedding(7, 3, max_norm=0.5, norm_type=1.0)", "x", x="i7:2,4"),
    call("nn.EmbeddingBag(7, 3)", "x", x="i7:3,4"),
    call("nn.EmbeddingBag(7, 3, mode='max', padding_idx=2)", "x", x="i7:3,4"),
    call("nn.EmbeddingBag(7, 3, mode='sum')", "x, x.new_tensor([0, 2, 2]), w", **BAG),
    call("nn.EmbeddingBag(7, 3, include_last_offset=True)", "x, x.new_tensor([0, 4, 6])", x="i7:6"),
    call("nn.Bilinear(3, 4, 2)", "x, y", x="f:5,3", y="f:5,4"),
    call("nn.Bilinear(3, 4, 2, bias=False)", "x, y", x="f:2,5,3", y="f:2,5,4"),
    call("nn.CosineSimilarity()", "x, y", x="f:4,3", y="f:4,3"),
    call("nn.CosineSimilarity(dim=-1, eps=0.1)", "x, y", x="f:2,4,3", y="f:4,3"),
    call("nn.PairwiseDistance()", "x, y", x="f:4,3", y="f:4,3"),
    call("nn.PairwiseDistance(p=1.0, keepdim=True)", "x, y", x="f:4,3", y="f:3"),
]

ACTIVATIONS = [
    *of("4,6", "nn.ReLU6()", "nn.CELU(0.7)", "nn.SELU()", "nn.Mish()", "nn.Hardtanh(-0.5, 0.7)", "nn.Hardsigmoid()"),
    *of("4,6", "nn.Hardswish()", "nn.Threshold(0.1, 2.0)", "nn.RReLU(0.1, 0.4).eval()", "nn.PReLU()", "nn.PReLU(6)"),
    *of("4,6", "nn.Hardshrink()", "nn.Softshrink(0.2)", "nn.Tanhshrink()", "nn.Softsign()", "nn.GLU()", "nn.GLU(0)"),
    *of("4,6", "nn.Softmin(dim=0)", "nn.SiLU()"),
    *of("2,3,2,4", "nn.Softmax2d()", "nn.PReLU(3, init=0.5)"),
    *of("3,2,4", "nn.Softmax2d()"),
]
INPLACE = ("ReLU", "ReLU6", "SELU", "Mish", "SiLU", "Hardsigmoid", "Hardswish", "CELU", "ELU", "RReLU", "Hardtanh")
ACTIVATIONS += [call(f"nn.{name}(inplace=True).eval()", "x * 1", x="f:3,4") for name in (*INPLACE, "LeakyReLU")]
RANDOM_IN_TRAINING = ("Dropout", "Dropout1d", "AlphaDropout", "FeatureAlphaDropout")
DROPOUTS = [
    *of("2,3,4", *(f"nn.{name}(0.3).eval()" for name in RANDOM_IN_TRAINING), "nn.Dropout(0.0)"),
    *of("2,3,4,2", "nn.Dropout2d().eval()"),
    *of("2,3,4,2,2", "nn.Dropout3d(inplace=True).eval()"),
]

POOLS = [
    *of("2,3,9", "nn.MaxPool1d(2)", "nn.MaxPool1d(3, 2, 1, 2, True, True)", "nn.AvgPool1d(3, ceil_mode=True)"),
    *of("3,9", "nn.MaxPool1d(3, stride=1)", "nn.AvgPool1d(2, 3, 1, count_include_pad=False)", "nn.LPPool1d(2, 3)"),
    *of("2,3,5,6", "nn.MaxPool2d(2, return_indices=True)", "nn.AvgPool2d((2, 3))", "nn.LPPool2d(3, (2, 1), stride=2)"),
    *of("2,3,4,5,4", "nn.MaxPool3d(2)", "nn.MaxPool3d((2, 3, 1), 2, (1, 1, 0), return_indices=True)"),
    *of("2,3,4,5,4", "nn.AvgPool3d(2)", "nn.AvgPool3d((1, 3, 2), 1, (0, 1, 1), False, False, 5)", "nn.LPPool3d(2, 2)"),
    *of("2,3,9", "nn.AdaptiveAvgPool1d(4)", "nn.AdaptiveMaxPool1d(2, return_indices=True)"),
    *of("3,5,6", "nn.AdaptiveAvgPool2d((2, None))", "nn.AdaptiveMaxPool2d(3)"),
    *of("2,3,4,5,4", "nn.AdaptiveAvgPool3d((2, None, 3))", "nn.AdaptiveMaxPool3d(2, True)"),
]
UNPOOLS = [
    call("nn.MaxUnpool1d(2)", "x, i.argsort(-1)", x="f:2,3,4", i="u:2,3,4"),
    call("nn.MaxUnpool1d(2, 3)", "x, i.argsort(-1), output_size=(12,)", x="f:3,4", i="u:3,4"),
    call("nn.MaxUnpool2d(2)", "x, i.argsort(-1)", x="f:2,1,4", i="u:2,1,4"),
    call("nn.MaxUnpool3d(2, 2, 0)", "x, i.argsort(-1)", x="f:2,3,1,1,4", i="u:2,3,1,1,4"),
]
FRACTIONAL = [
    call("nn.FractionalMaxPool2d(2, output_size=3, _random_samples=values(2, 3, 2))", "x", x="f:2,3,7,8"),
    call("nn.FractionalMaxPool2d((2, 3), None, (0.5, 0.6), True, values(2, 3, 2))", "x", x="f:2,3,7,8"),
]
FRACTIONAL_3D = [
    call("nn.FractionalMaxPool3d(2, output_size=(2, 3, 3), _random_samples=values(2, 3, 3))", "x", x="f:2,3,5,7,6"),
    call("nn.FractionalMaxPool3d(2, None, 0.5, True, values(2, 3, 3))", "x", x="f:2,3,6,4,6"),
]

PADS = [
    *(
        (f"nn.{kind}Pad{d}d({width}{', 1.5' if kind == 'Constant' else ''})", "x", {"x": f"f:2,3{',4' * d}"})
        for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")
        for d in (1, 2, 3)
        for width in (2, tuple(range(1, 3)) * d)
    ),
    *of("3,4,5", "nn.ReflectionPad2d((1, 0, 2, 1))", "nn.ZeroPad2d((-1, 1, 0, 2))", "nn.ReplicationPad2d(1)"),
]
RESOLUTIONS = [
    *of("2,3,4", "nn.Upsample(scale_factor=2)", "nn.Upsample(7, mode='linear', align_corners=True)"),
    *of("2,3,4,5", "nn.Upsample(size=(3, 8), mode='bicubic')", "nn.Upsample(scale_factor=(1.5, 2), mode='bilinear')"),
    *of("2,3,4,5", "nn.UpsamplingNearest2d(scale_factor=3)", "nn.UpsamplingBilinear2d(size=6)"),
    *of("1,2,2,3,2", "nn.Upsample(scale_factor=2, mode='trilinear')"),
    *of("2,8,2,3", "nn.PixelShuffle(2)", "nn.ChannelShuffle(4)"),
    *of(
        "2,2,4,6",
        "nn.PixelUnshuffle(2)",
        "nn.Unfold((2, 3), dilation=(1, 2), padding=1, stride=(2, 1))",
        "nn.Unfold(2)",
    ),
    *of("2,12,9", "nn.Fold(4, 2)", "nn.Fold((5, 5), (2, 2), padding=(1, 1), stride=2, dilation=1)"),
]

PAIR = {"x": "f:5,4", "y": "f:5,4"}
LOSSES = [
    *(
        (f"nn.{name}({options}reduction='{reduction}')", how, specs)
        for name, options, how, specs in (
            ("CosineEmbeddingLoss", "margin=0.2, ", "x, y, s", PAIR | {"s": "s:5"}),
            ("HingeEmbeddingLoss", "", "x, s", {"x": "f:5,4", "s": "s:5,4"}),
            ("MarginRankingLoss", "margin=0.3, ", "x, y, s", PAIR | {"s": "s:5,4"}),
            ("MultiLabelMarginLoss", "", "x, i", {"x": "f:5,4", "i": "i4:5,4"}),
            ("MultiLabelSoftMarginLoss", "", "x, y", {"x": "f:5,4", "y": "u:5,4"}),
            ("MultiMarginLoss", "p=2, margin=0.7, ", "x, i", {"x": "f:5,4", "i": "i4:5"}),
            ("SoftMarginLoss", "", "x, s", {"x": "f:5,4", "s": "s:5,4"}),
            ("TripletMarginLoss", "swap=True, p=3.0, ", "x, y, z", PAIR | {"z": "f:5,4"}),
            ("TripletMarginWithDistanceLoss", "margin=0.5, ", "x, y, z", PAIR | {"z": "f:5,4"}),
            ("PoissonNLLLoss", "log_input=False, full=True, ", "x, y", {"x": "u:5,4", "y": "u:5,4"}),
            ("GaussianNLLLoss", "full=True, ", "x, y, v", PAIR | {"v": "u:5,4"}),
            (
                "CTCLoss",
                "zero_infinity=True, ",
                "x.log_softmax(2), i + 1, (7, 6), (3, 2)",
                {"x": "f:7,2,4", "i": "i3:2,3"},
            ),
        )
        for reduction in ("mean", "sum", "none")
    ),
    call("nn.PoissonNLLLoss()", "x, y", x="f:5,4", y="u:5,4"),
    call("nn.CTCLoss(blank=3)", "x.log_softmax(1), i, (7,), (3,)", x="f:7,4", i="i3:3"),
    call("nn.MultiMarginLoss(weight=values(2))", "x, i", x="f:5,2", i="i2:5"),
    call("nn.MultiLabelSoftMarginLoss(values(2))", "x, y", x="f:5,2", y="u:5,2"),
]

REDUCED = [
    (f"nn.{name}({options}reduction='{reduction}')", how, specs)
    for name, options, how, specs in (
        ("MSELoss", "", "x, y", PAIR),
        ("L1Loss", "", "x, y", PAIR),
        ("SmoothL1Loss", "beta=0.4, ", "x, y", PAIR),
        ("SmoothL1Loss", "beta=0.0, ", "x, y", PAIR),
        ("HuberLoss", "delta=0.3, ", "x, y", PAIR),
        ("BCELoss", "weight=values(4), ", "x, y", {"x": "u:5,4", "y": "u:5,4"}),
        ("BCEWithLogitsLoss", "weight=values(5, 1), pos_weight=values(4), ", "x, y", {"x": "f:5,4", "y": "u:5,4"}),
        ("KLDivLoss", "", "x, y", {"x": "f:5,4", "y": "u:5,4"}),
        ("KLDivLoss", "log_target=True, ", "x, y", PAIR),
        ("NLLLoss", "weight=values(4), ignore_index=1, ", "x, i", {"x": "f:2,4,3", "i": "i4:2,3"}),
        ("CrossEntropyLoss", "weight=values(4), ignore_index=2, ", "x, i", {"x": "f:6,4", "i": "i4:6"}),
        (
            "CrossEntropyLoss",
            "weight=values(4), ignore_index=2, label_smoothing=0.2, ",
            "x, i",
            {"x": "f:2,4,3,2", "i": "i4:2,3,2"},
        ),
        ("CrossEntropyLoss", "label_smoothing=0.3, weight=values(4), ", "x, y", {"x": "f:2,4,3", "y": "u:2,4,3"}),
        ("CrossEntropyLoss", "", "x, i", {"x": "f:4", "i": "i4:"}),
    )
    for reduction in ("mean", "sum", "none")
]
REDUCED += [call("nn.KLDivLoss(reduction='batchmean')", "x, y", x="f:5,4", y="u:5,4")]
TALL = {"x": "f:6,16", "i": "i20:6"}
WRAPPED = [
    call("nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 10], div_value=2.0, head_bias=True)", "x, i", **TALL),
    call("nn.AdaptiveLogSoftmaxWithLoss(16, 20, [15])", "x, i", x="f:16", i="i20:"),
    call("nn.DataParallel(nn.Sequential(nn.Linear(4, 3), nn.Tanh()))", "x", x="f:2,4"),
]

STATE = {"x": "f:5,2,3", "h": "f:4,2,4"}
RECURRENT = [
    *of("5,2,3", "nn.RNN(3, 4)", "nn.GRU(3, 4, num_layers=2, bias=False)", "nn.LSTM(3, 4, batch_first=True)"),
    *of("5,3", "nn.RNN(3, 4, 2, 'relu', bidirectional=True)", "nn.GRU(3, 4, batch_first=True)", "nn.LSTM(3, 4)"),
    *of("5,2,3", "nn.LSTM(3, 4, 2, dropout=0.5, bidirectional=True, proj_size=2).eval()"),
    call("nn.RNN(3, 4, 2, bidirectional=True)", "x, h", **STATE),
    call("nn.GRU(3, 4, 2, bidirectional=True)", "x, h", **STATE),
    call("nn.LSTM(3, 4, 4, bias=False)", "x, (h, c)", **STATE, c="f:4,2,4"),
    call("nn.LSTM(3, 4, proj_size=1, batch_first=True)", "x, (h, c)", x="f:2,5,3", h="f:1,2,1", c="f:1,2,4"),
    call("nn.LSTM(3, 4)", "x, (h, c)", x="f:5,3", h="f:1,4", c="f:1,4"),
    *of("2,3", *(f"nn.{name}Cell(3, 4)" for name in ("RNN", "LSTM", "GRU"))),
    *of("3", *(f"nn.{name}Cell(3, 4, bias=False)" for name in ("RNN", "LSTM", "GRU"))),
    call("nn.RNNCell(3, 4, nonlinearity='relu')", "x, h", x="f:2,3", h="f:2,4"),
    call("nn.GRUCell(3, 4)", "x, h", x="f:3", h="f:4"),
    call("nn.LSTMCell(3, 4)", "x, (h, c)", x="f:2,3", h="f:2,4", c="f:2,4"),
]

SMALL = "4, 2, dim_feedforward=6, dropout=0.0"
TRIPLE = {"x": "f:5,2,4", "y": "f:3,2,4", "z": "f:3,2,4"}
MASKED = "x, x, src_mask=m.log(), tgt_key_padding_mask=p, memory_mask=m > 0.6"
ATTENTION = [
    call("nn.MultiheadAttention(4, 2)", "x, y, z", **TRIPLE),
    call("nn.MultiheadAttention(4, 1, bias=False)", "x, y, z, need_weights=False", **TRIPLE),
    call("nn.MultiheadAttention(4, 2, 0.1).eval()", "x, y, y, p, average_attn_weights=False", **TRIPLE, p="b:2,3"),
    call("nn.MultiheadAttention(4, 2, batch_first=True)", "x, x, x, attn_mask=m.log()", x="f:2,5,4", m="u:5,5"),
    call("nn.MultiheadAttention(4, 2, kdim=3, vdim=5)", "x, y, z", x="f:5,2,4", y="f:3,2,3", z="f:3,2,5"),
    call("nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)", "x, y, z", **TRIPLE),
    call("nn.MultiheadAttention(4, 2, batch_first=True)", "x, y, y, attn_mask=m", x="f:5,4", y="f:3,4", m="b:5,3"),
    call(f"nn.TransformerEncoderLayer({SMALL})", "x, m.log(), p", x="f:5,2,4", m="u:5,5", p="b:2,5"),
    *of("2,5,4", f"nn.TransformerEncoderLayer({SMALL}, activation='gelu', batch_first=True, norm_first=True)"),
    *of("5,4", f"nn.TransformerEncoderLayer({SMALL}, activation=nn.SiLU(), bias=False, layer_norm_eps=0.1)"),
    call(f"nn.TransformerDecoderLayer({SMALL})", "x, y, p > 0.5", x="f:5,2,4", y="f:3,2,4", p="u:5,5"),
    call(f"nn.TransformerDecoderLayer({SMALL}, batch_first=True, norm_first=True)", "x, y", x="f:2,5,4", y="f:2,3,4"),
    call(f"nn.TransformerEncoder(nn.TransformerEncoderLayer({SMALL}), 2, nn.LayerNorm(4))", "x", x="f:5,2,4"),
    call(f"nn.TransformerDecoder(nn.TransformerDecoderLayer({SMALL}), 2)", "x, y", x="f:5,2,4", y="f:3,2,4"),
    call("nn.Transformer(4, 2, 1, 2, 6, 0.0)", "x, y, tgt_mask=module.generate_square_subsequent_mask(3)", **TRIPLE),
    call("nn.Transformer(4, 2, 2, 1, 6, 0.0, 'gelu', batch_first=True, bias=False)", "x, y", x="f:2,5,4", y="f:2,3,4"),
    call("nn.Transformer(4, 2, 1, 1, 6, 0.1, norm_first=True).eval()", MASKED, x="f:5,2,4", m="u:5,5", p="b:2,5"),
]

CASES = [
    *[*CONVOLUTIONS, *NORMALIZATIONS, *TABLES, *ACTIVATIONS, *DROPOUTS, *POOLS, *UNPOOLS, *FRACTIONAL],
    *[*PADS, *RESOLUTIONS, *LOSSES, *RECURRENT, *ATTENTION],
    *[*FRACTIONAL_3D, *REDUCED, *WRAPPED],
]
