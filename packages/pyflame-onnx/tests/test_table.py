"""The table of maps: what is in force in any supported opset is mapped, defined by mapped operators, or named here."""

import onnx.defs
import pytest

import pyflame as pf
from pyflame.onnx.check import is_supported
from pyflame.onnx.maps.registry import TABLE, since_version

OLDEST = 7
UNSUPPORTED = {
    "RegexFullMatch": "strings",
    "StringConcat": "strings",
    "StringNormalizer": "strings",
    "StringSplit": "strings",
}


def in_force():
    newest = onnx.defs.onnx_opset_version()
    names = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    return sorted(
        {
            (name, version)
            for name in names
            for opset in range(OLDEST, newest + 1)
            if (version := since_version(name, opset)) is not None
        }
    )


@pytest.mark.parametrize(("op", "version"), in_force())
def test_every_version_in_force_is_supported(op, version):
    assert is_supported(op, max(version, OLDEST), "") != (op in UNSUPPORTED)


@pytest.mark.parametrize("key", sorted(TABLE), ids=str)
def test_every_map_is_for_a_version_that_exists(key):
    domain, op, version = key
    schema = onnx.defs.get_schema(op, version, domain)
    assert schema.since_version == version


@pytest.mark.parametrize("key", sorted(TABLE), ids=str)
def test_maps_take_the_attributes_of_their_schema(key):
    domain, op, version = key
    schema, entry = onnx.defs.get_schema(op, version, domain), TABLE[key]
    own = entry.attributes - {"outputs"} if entry.counts_outputs else entry.attributes
    assert set(schema.attributes) - {"consumed_inputs"} <= own
    # Writers use attributes ahead of their time; what no version has is a slip of ours.
    versions = [s for s in onnx.defs.get_all_schemas_with_history() if (s.domain, s.name) == (domain, op)]
    assert own <= {name for s in versions for name in s.attributes}


def test_two_maps_for_one_version_are_an_error():
    with pytest.raises(ValueError, match="Relu-14 of domain '' has a map already"):
        pf.onnx.register_op_import("Relu", lambda x: x, domain="", since_version=14)
