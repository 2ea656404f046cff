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

CASES = [*CONVOLUTIONS, *NORMALIZATIONS, *TABLES]
