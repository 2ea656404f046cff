"""The table counts names right, and a reason that no longer holds is told."""

from coverage_table import Section, mistakes, table


def section() -> Section:
    return Section("1. Things", {"pf.a": "", "pf.b": "not there", "pf.c": "takes no `out`"}, {"pf.b": "by decision"})


def test_a_name_is_present_absent_or_missing() -> None:
    found = section()
    assert (found.present, list(found.absent), list(found.missing)) == (["pf.a"], ["pf.b"], ["pf.c"])
    assert list(table([found]))[-2:] == ["| 1. Things | 3 | 1 | 1 | 1 |", "| **all** | 3 | 1 | 1 | 1 |"]


def test_names_of_two_sections_count_once() -> None:
    assert list(table([section(), section()]))[-1] == "| **all** | 3 | 1 | 1 | 1 |"


def test_reasons_for_names_that_exist_or_are_not_promised_are_mistakes() -> None:
    assert not list(mistakes([section()]))
    found = section()
    found.absent |= {"pf.a": "stale", "pf.z": "unknown"}
    assert [text.split(": ")[1].split()[0] for text in mistakes([found])] == ["pf.a", "pf.z"]
