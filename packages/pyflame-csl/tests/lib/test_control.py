"""Payloads of control wavelets, bit by bit."""

import pytest


def test_single_payloads(build):
    built = build("""
        const ctrl = @import_module("<control>");
        const id = @get_control_task_id(40);
        export var advance: u32 = ctrl.encode_single_payload(ctrl.opcode.SWITCH_ADV, true, {}, 0);
        export var task_only: u32 = ctrl.encode_control_task_payload(id);
        export var both: u32 = ctrl.encode_single_payload(ctrl.opcode.TEARDOWN, false, id, 0xabcd);
    """)
    assert built.values("advance") == [1 << 22 | 1 << 24 | 31 << 16]
    assert built.values("task_only") == [40 << 16]
    assert built.values("both") == [3 << 22 | 40 << 16 | 0xABCD]


def test_payloads_of_several_commands(build):
    built = build("""
        const switches = @import_module("<memcpy/memcpy_switches>");
        export var torn: u32 = switches.ctrl(switches.teardown_cmd_1());
        export var twice: u32 = switches.ctrl(switches.switch_cmd_11());
    """)
    assert built.values("torn") == [0x9DF9249]
    assert built.values("twice") == [0x9DF9249 & ~(3 << 22) | 1 << 22 | 1 << 25]


@pytest.mark.parametrize("rest", [False, True])
def test_a_payload_of_commands_for_several_routers(build, rest):
    built = build(f"""
        const ctrl = @import_module("<control>");
        const op = ctrl.opcode;
        export var payload: u32 = ctrl.encode_payload(
          4, [4]op{{ op.NOP, op.SWITCH_ADV, op.TEARDOWN, op.SWITCH_RST }}, [4]bool{{ true, false, true, false }},
          {str(rest).lower()}, @get_control_task_id(40));
    """)
    opcode_bits, ignore_bits = (22, 25, 28, 1, 4, 7, 10, 13), (24, 27, 0, 3, 6, 9, 12, 15)
    commands = [(0, True), (1, False), (3, True), (2, False), *[(0, rest)] * 4]
    expected = 40 << 16
    for (number, ignored), low, bit in zip(commands, opcode_bits, ignore_bits, strict=True):
        expected |= number << low | ignored << bit
    assert built.values("payload") == [expected]


def test_more_commands_than_a_wavelet_holds_are_refused(build):
    built = build("""
        const ctrl = @import_module("<control>");
        export var payload: u32 = ctrl.encode_payload(
          9, @constants([9]ctrl.opcode, ctrl.opcode.NOP), @constants([9]bool, true), true, {});
    """)
    assert built.codes == ["assert-failed"] and "8 commands" in built.found[0].message
