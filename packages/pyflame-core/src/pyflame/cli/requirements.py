"""Version pins of installed distributions, as far as the family uses them: plain numbers and `~= >= <= > < == !=`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(;.*)?")
_PIN = re.compile(r"(~=|>=|<=|>|<|==|!=)\s*([0-9.]+)(\.\*)?")


def numbers(version: str) -> tuple[int, ...]:
    """The release part of a version: 1.2.0rc1 gives (1, 2)."""
    release = re.match(r"[0-9]+(\.[0-9]+)*", version)
    parts = [int(part) for part in release[0].split(".")] if release else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def satisfies(version: str, pins: str) -> bool:
    """Tell whether a version is within pins such as `>=1.2,<2`."""
    have = numbers(version)
    for sign, text, _ in _PIN.findall(pins):
        want = numbers(text)
        prefix = tuple(int(part) for part in text.split(".")[:-1])
        within = {
            "~=": have >= want and have[: len(prefix)] == prefix,
            ">=": have >= want,
            "<=": have <= want,
            ">": have > want,
            "<": have < want,
            "==": have == want,
            "!=": have != want,
        }
        if not within[sign]:
            return False
    return True


def unmet(dist: Distribution) -> Iterator[tuple[str, str, str]]:
    """The requirements that are not met: name, pins, installed version or an empty text."""
    for text in dist.requires or ():
        parts = _REQUIREMENT.fullmatch(text.strip())
        if parts is None or parts[3]:  # of an extra, or of another system
            continue
        name, pins = parts[1], parts[2].strip()
        try:
            version = distribution(name).version
        except PackageNotFoundError:
            yield name, pins, ""
            continue
        if not satisfies(version, pins):
            yield name, pins, version
