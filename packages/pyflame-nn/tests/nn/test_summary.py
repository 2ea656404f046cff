import pytest

import pyflame as pf
from pyflame import nn


def test_rows_count_shapes_parameters_and_bytes():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 10))
    model[0].requires_grad_(False)
    found = nn.summary(model, (2, 1, 8, 8))
    assert [(row.name, row.kind, row.depth) for row in found.rows][:2] == [("", "Sequential", 0), ("0", "Conv2d", 1)]
    assert [row.output_shapes for row in found.rows] == [
        ((2, 10),),
        ((2, 4, 6, 6),),
        ((2, 4, 6, 6),),
        ((2, 144),),
        ((2, 10),),
    ]
    assert [row.parameters for row in found.rows] == [0, 40, 8, 0, 1450]
    assert found.total_parameters == 1498 and found.trainable_parameters == 1458
    # float32, and int64 for the count of batches
    assert found.parameter_bytes == 4 * (1498 + 8) + 8
    assert found.rows[1].pe_bytes == 4 * (40 + 2 * 4 * 36)
    assert found.pe_bytes == found.parameter_bytes + 4 * 2 * 4 * 36
    assert "1,498 (40 frozen)" in str(found)


def test_a_mesh_divides_bytes():
    layer = nn.Linear(64, 32, bias=False)
    grid = pf.MeshLayout.grid(4, 4)
    found = nn.summary(layer, (16, 64), layout=grid)
    assert found.rows[0].pe_bytes == grid.memory_per_pe((32, 64), 4) + grid.memory_per_pe((16, 32), 4)
    layer.to(layout=pf.MeshLayout.row_partition(8))
    assert nn.summary(layer, (16, 64)).parameter_bytes == 4 * 64 * 32
    assert nn.summary(layer, (16, 64)).pe_bytes == 4 * 64 * 4 + 4 * 2 * 32  # the output is split, too


def test_several_inputs_dtypes_and_modes():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.drop, self.norm = nn.Embedding(10, 4), nn.Dropout(), nn.BatchNorm1d(4)

        def forward(self, ids, x):
            return {"out": self.norm(self.drop(self.table(ids))) + x, "ids": ids}

    net = Net()
    net.drop.eval()
    found = nn.summary(net, [(3,), (3, 4)], dtype=[pf.int64, pf.float32])
    assert found.rows[0].output_shapes == ((3, 4), (3,))
    assert net.training and not net.drop.training and net.norm.num_batches_tracked.item() == 0
    assert net._hooks is None or not net._hooks.after
    with pytest.raises(ValueError, match="1 dtypes for 2 inputs"):
        nn.summary(net, [(3,), (3, 4)], dtype=[pf.int64])
    with pytest.raises(ValueError, match="lazy"):
        nn.summary(nn.LazyLinear(2), (1, 3))


def test_a_shared_layer_counts_once_and_an_unused_one_has_no_shape():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = self.two = nn.Linear(3, 3)
            self.unused = nn.Linear(2, 2)

        def forward(self, x):
            return self.two(self.one(x))

    found = nn.summary(Net(), (1, 3))
    assert found.total_parameters == 12 + 6
    assert [row.output_shapes for row in found.rows] == [((1, 3),), ((1, 3),), ()]
