"""Payloads of control wavelets, bit by bit."""


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
