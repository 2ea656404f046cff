"""Checkpoints and folders of them."""

import math

import pytest

import pyflame as pf


def state(step):
    return pf.Checkpoint({"w": pf.full((3,), float(step))}, {"state": {0: {"m": pf.ones(2)}}}, 1, step, note="x")


def test_everything_comes_back(tmp_path):
    path = tmp_path / "x.pf"
    rng = pf.get_rng_state()
    ck = pf.Checkpoint({"w": pf.ones(2)}, None, 3, 70, 0.5, {"last_epoch": 3}, rng, loader=[1, {"k": 2}])
    pf.save_checkpoint(ck, path)
    back = pf.load_checkpoint(path)
    assert (back.epoch, back.global_step, back.best_metric, back.optimizer_state) == (3, 70, 0.5, None)
    assert back.scheduler_state == {"last_epoch": 3} and back.metadata == {"loader": [1, {"k": 2}]}
    assert back.model_state["w"].tolist() == [1.0, 1.0] and pf.equal(back.rng_state, rng)
    info = pf.inspect_file(path)
    assert info.metadata == {"epoch": 3, "global_step": 70, "best_metric": 0.5} and "model_state.w" in info.tensors
    assert path.read_bytes()[12] == 4  # no optimizer state
    state(1).save(path, compress=True)
    assert path.read_bytes()[12] == 1 | 2 | 4 and pf.load(path)["optimizer_state"]["state"][0]["m"].tolist() == [1, 1]


def test_random_numbers_go_on_where_they_were(tmp_path):
    pf.manual_seed(5)
    pf.rand(3)
    pf.Checkpoint({}, rng_state=pf.get_rng_state()).save(tmp_path / "x.pf")
    expected = pf.randn(5).tolist()
    pf.manual_seed(9)
    pf.set_rng_state(pf.load_checkpoint(tmp_path / "x.pf").rng_state)
    assert pf.randn(5).tolist() == expected


def test_other_files_are_no_checkpoints(tmp_path):
    pf.save({"epoch": 3}, tmp_path / "x.pf")
    with pytest.raises(pf.SerializationError, match="holds a object: expected checkpoint"):
        pf.load_checkpoint(tmp_path / "x.pf")
    with pytest.raises(TypeError, match="expected a Checkpoint, got dict"):
        pf.save_checkpoint({}, tmp_path / "x.pf")
    with pytest.raises(TypeError, match=r"metadata\.f is a function"):
        pf.Checkpoint({}, f=lambda: 1).save(tmp_path / "x.pf")


def test_the_latest_few_and_the_best_are_kept(tmp_path):
    manager = pf.CheckpointManager(tmp_path / "run", max_to_keep=2)
    assert manager.latest is None and manager.best is None
    for step, loss in enumerate([5.0, 1.0, math.nan, 3.0, 2.0]):
        path = manager.save(state(step), metric=loss)
        assert manager.latest == path
    assert [int(path.stem[-10:]) for path in manager.paths()] == [1, 3, 4]
    assert pf.load_checkpoint(manager.best).global_step == 1
    again = pf.CheckpointManager(tmp_path / "run", max_to_keep=1, mode="max")
    again.save(state(5))
    assert [int(path.stem[-10:]) for path in again.paths()] == [3, 5]
    pf.CheckpointManager(tmp_path / "run", max_to_keep=1, keep_best=False).save(state(6))
    assert len(again.paths()) == 1 and again.best is None


def test_an_interrupted_save_is_cleared_away(tmp_path):
    manager = pf.CheckpointManager(tmp_path)
    manager.save(state(1), metric=1.0)
    (tmp_path / ".checkpoint-0000000002.pf.abc.part").write_bytes(b"half")
    assert manager.latest.name == "checkpoint-0000000001.pf"
    (tmp_path / "checkpoint-0000000000.pf").write_bytes(b"damaged by somebody")
    assert manager.best == manager.latest
    manager.save(state(3), metric=2.0)
    assert not list(tmp_path.glob(".*")) and manager.best.name == "checkpoint-0000000001.pf"


def test_options_out_of_range(tmp_path):
    with pytest.raises(ValueError, match="max_to_keep is 0"):
        pf.CheckpointManager(tmp_path, max_to_keep=0)
    with pytest.raises(ValueError, match="'min' or 'max'"):
        pf.CheckpointManager(tmp_path, mode="least")
