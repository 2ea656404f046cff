"""The plugin as its users have it: installed, loaded by name, and gone after unloading."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pyflame as pf
import pytest
from pyflame import extend
from pyflame.cli import main
from pyflame.extend import registry

from pyflame_plugin_example import relu6, swish

# For each operation: arguments, and options as a last dict. The gradients of those that require grad are checked against
# differences, so they keep away from bends.
SAMPLES = {
    "example_swish": [
        (pf.tensor([-3.0, -0.5, 0.0, 2.0], requires_grad=True),),
        (pf.tensor([[0.5, 1.0], [-1.0, 3.0]], requires_grad=True), {"beta": 1.5}),
    ],
    "example_relu6": [(pf.tensor([-2.0, 0.5, 5.0, 7.0], requires_grad=True),), (pf.tensor([0, 6, 9]),)],
}


@pytest.fixture
def plugin() -> Iterator[extend.Plugin]:
    yield extend.load_plugin("example")
    if any(row.name == "example" and row.state == "loaded" for row in extend.list_plugins()):
        extend.unload_plugin("example")


def test_loading_adds_and_unloading_takes_back(plugin: extend.Plugin) -> None:
    assert set(plugin.get_custom_ops()) == set(SAMPLES) <= set(extend.list_custom_ops())
    assert "example-csv" in registry.integrations.entries
    assert extend.load_plugin("example") is plugin
    extend.unload_plugin("example")
    assert not set(SAMPLES) & set(extend.list_custom_ops())
    assert "example-csv" not in registry.integrations.entries


@pytest.mark.parametrize("name", SAMPLES)
def test_operations_keep_the_rules(plugin: extend.Plugin, name: str) -> None:
    extend.check(name, SAMPLES[name]).raise_if_failed()


@pytest.mark.parametrize("x", [-2.0, 0.0, 0.5, 7.0])
def test_values(x: float) -> None:
    assert swish(pf.tensor(x)).item() == pytest.approx(x / (1 + math.exp(-x)), rel=1e-6)
    assert relu6(pf.tensor(x)).item() == min(max(x, 0), 6)


def test_swish_uses_its_own_gradient(plugin: extend.Plugin) -> None:
    x = pf.tensor([0.0, 2.0], requires_grad=True)
    extend.get_custom_op("example_swish")(x).sum().backward()
    s = 1 / (1 + math.exp(-2.0))
    assert x.grad is not None and x.grad.tolist() == pytest.approx([0.5, s + 2 * s * (1 - s)])


def test_log_writes_a_row_per_step(plugin: extend.Plugin, tmp_path: Path) -> None:
    log = registry.integrations.get("example-csv")(tmp_path / "log.csv")
    log.log(0, loss=1.5)
    log.log(1, loss=0.5)
    assert (tmp_path / "log.csv").read_text().split() == ["step,loss", "0,1.5", "1,0.5"]
    with pytest.raises(ValueError, match="the row has columns"):
        log.log(2, accuracy=0.9)


def test_command(plugin: extend.Plugin, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "0", "7"]) == 0
    assert capsys.readouterr().out.splitlines() == ["example_swish 0.0000 6.9936", "example_relu6 0.0000 6.0000"]
