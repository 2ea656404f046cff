"""The op contract: every record of the registry, whoever added it."""

import json
from pathlib import Path
from typing import Any

import pytest

import pyflame as pf
from pyflame.testing import contract
from pyflame.testing.samples import OpInfo, by_name

RECORDS = contract.records()
COUNTS = Path(__file__).with_name("contract_counts.json")


@pytest.fixture(params=sorted(RECORDS))
def info(request: pytest.FixtureRequest) -> OpInfo:
    assert request.param in by_name, f"[{request.param}] has no samples: add it to pyflame.testing.samples"
    return by_name[request.param]


def public_function(name: str) -> Any:
    places = (pf.ops, pf, pf.Tensor)
    return next((getattr(place, name) for place in places if hasattr(place, name)), None)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_op_is_documented(name: str) -> None:
    contract.check_documented(name, public_function)


def test_op_equals_numpy(info: OpInfo) -> None:
    for dtype in info.dtypes:
        contract.check_values(info, dtype)


def test_op_is_the_same_fused_unfused_and_eager(info: OpInfo) -> None:
    for dtype in info.dtypes:
        contract.check_modes(info, dtype)


def test_op_derivatives_equal_differences(info: OpInfo) -> None:
    contract.check_derivatives(info, RECORDS[info.name])


def test_op_samples_cover_shapes_and_strides(info: OpInfo) -> None:
    contract.check_coverage(info, RECORDS[info.name])


def test_op_refuses_wrong_calls(info: OpInfo) -> None:
    contract.check_errors(info, RECORDS[info.name])


def test_samples_name_known_ops() -> None:
    assert by_name.keys() <= RECORDS.keys()


def test_internal_list_names_known_ops() -> None:
    assert contract.INTERNAL.keys() <= RECORDS.keys()


def test_contract_does_not_shrink(request: pytest.FixtureRequest) -> None:
    found, stored = contract.counts(), json.loads(COUNTS.read_text())
    if request.config.getoption("raise_contract_counts", False):
        COUNTS.write_text(json.dumps({key: max(found[key], stored[key]) for key in found}) + "\n")
    for key, number in stored.items():
        assert found[key] >= number, f"{key}: {found[key]}, were {number}"
