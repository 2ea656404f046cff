"""Which task runs, and local tasks whose ids are colors too."""

from __future__ import annotations

from typing import Any

import pytest

from pyflame.csl.dsd import DsdKind
from pyflame.csl.ir import Direction, IdSpace, Instr
from pyflame.csl.sim.diagnostics import SimulationError

UNBLOCK = Instr("unblock_cmd_stream")
RAMP = Direction.RAMP
COLOR = 8  # also the id of a local task
CONTROL = 40


def act(op: str, space: IdSpace, register: int) -> Instr:
    return Instr(op, a=register, imm=space)


def dispatcher(kit: Any, start: list[Instr]) -> Any:
    """A local task sends a control wavelet to its own PE on the color with the task's number.

    The control task it names lets the host go on. `start` is the code of main; register 0 holds the number.
    """
    tile = kit.Tile("dispatch")
    tile.extra = {"output_queues": {2: COLOR}}
    send = [kit.fabric(0, DsdKind.FABOUT, 1, COLOR, 2, control=True), kit.const(1, CONTROL << 16)]
    send.append(tile.dsd("mov32", kit.reg(0), kit.scalar(1), is_async=True))
    tile.task(IdSpace.LOCAL_TASK, COLOR, "dispatch", send)
    tile.task(IdSpace.CONTROL_TASK, CONTROL, "entry", [UNBLOCK])
    tile.fn("main", [kit.const(0, COLOR), *start])
    return kit.grid([[tile]], {(0, 0): {COLOR: kit.route(RAMP, RAMP)}}, arch="wse2")


@pytest.mark.parametrize("seed", range(3))
def test_a_color_whose_number_has_a_local_task_hands_over_control_wavelets(kit: Any, seed: int) -> None:
    program = dispatcher(kit, [act("activate", IdSpace.LOCAL_TASK, 0)])
    simulator = kit.running(program, sched_seed=seed)
    simulator.launch("main")
    simulator.stop()


@pytest.mark.parametrize("blocked", [IdSpace.LOCAL_TASK, IdSpace.COLOR])
@pytest.mark.parametrize("unblocked", [IdSpace.LOCAL_TASK, IdSpace.COLOR])
def test_a_color_and_its_local_task_are_blocked_as_one_on_wse2(kit: Any, blocked: IdSpace, unblocked: IdSpace) -> None:
    start = [act("block", blocked, 0), act("activate", IdSpace.LOCAL_TASK, 0)]
    simulator = kit.running(dispatcher(kit, start))
    with pytest.raises(SimulationError, match="local task 8 is active but blocked"):
        simulator.launch("main")
        simulator.stop()
    simulator = kit.running(dispatcher(kit, [*start, act("unblock", unblocked, 0)]))
    simulator.launch("main")
    simulator.stop()


@pytest.mark.parametrize(("waiting", "awaited"), [(9, 12), (12, 9)])
@pytest.mark.parametrize("seed", range(3))
def test_a_task_that_activates_itself_while_it_waits_lets_others_run(
    kit: Any, seed: int, waiting: int, awaited: int
) -> None:
    tile = kit.Tile("waits")
    flag = tile.var("flag", "u16", [0])
    look = [Instr("load.u16", 0, 0xFFFF, imm=flag), Instr("branch", a=0, imm=5), kit.const(1, waiting)]
    tile.task(
        IdSpace.LOCAL_TASK,
        waiting,
        "wait",
        [*look, act("activate", IdSpace.LOCAL_TASK, 1), Instr("ret", a=0xFFFF), UNBLOCK],
    )
    tile.task(IdSpace.LOCAL_TASK, awaited, "set", [kit.const(0, 1), Instr("store.u16", 0, 0xFFFF, 0, flag)])
    both = [kit.const(0, waiting), act("activate", IdSpace.LOCAL_TASK, 0)]
    both += [kit.const(0, awaited), act("activate", IdSpace.LOCAL_TASK, 0)]
    tile.fn("main", both)
    simulator = kit.running(kit.grid([[tile]]), sched_seed=seed, max_cycles=100_000)
    simulator.launch("main")
    simulator.stop()
    assert simulator.get_symbol(0, 0, "flag")[0] == 1
