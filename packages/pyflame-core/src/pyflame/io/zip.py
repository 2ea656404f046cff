"""The directory of a zip file, read strictly: no member lies outside the file, over another one, or under two names.

Only what tensor files need: members that are stored or deflated, zip64 for large ones, no encryption, one volume.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from .deflate import inflate
from .source import Source

if TYPE_CHECKING:
    from .._types import Array

END = struct.Struct("<4s4H2IH")
END64_PLACE = struct.Struct("<4sIQI")
END64 = struct.Struct("<4sQ2H2I4Q")
CENTRAL = struct.Struct("<4s6H3I5H2I")
LOCAL = struct.Struct("<4s5H3I2H")
STORED, DEFLATED = 0, 8
_FULL = 0xFFFFFFFF


class Member(NamedTuple):
    """A file of the archive; `begin` and `packed` say where its bytes are, `size` how many they are unpacked."""

    name: str
    method: int
    checksum: int
    begin: int
    packed: int
    size: int


def read_members(source: Source) -> dict[str, Member]:
    """The members by name, in the order of the directory.

    Raises:
        SerializationError: the file is no zip file, or a damaged one.
    """
    count, size, begin = find_directory(source)
    directory = source.read(begin, size, "the zip directory")
    members: dict[str, Member] = {}
    position = 0
    for _ in range(count):
        member, position = read_member(source, directory, position, begin)
        if member.name in members:
            raise source.refuse(f"the zip directory has {member.name!r} twice")
        members[member.name] = member
    if position != size:
        raise source.refuse(f"the zip directory takes {position} bytes: {size} were announced")
    end = 0
    for member in sorted(members.values(), key=lambda member: member.begin):
        if member.begin < end:
            raise source.refuse(f"{member.name!r} overlaps another member of the zip file")
        end = member.begin + member.packed
    return members


def find_directory(source: Source) -> tuple[int, int, int]:
    """How many members the directory has, its size, and where it begins."""
    tail_begin = max(0, source.size - END.size - 0xFFFF)
    tail = source.read(tail_begin, source.size - tail_begin, "the end of the zip file")
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) - place < END.size:
        raise source.refuse("there is no end of a zip file: not of this format, or cut off")
    _, disk, first, here, count, size, begin, comment = END.unpack_from(tail, place)
    if place + END.size + comment != len(tail) or disk or first or here != count:
        raise source.refuse("the end of the zip file is damaged")
    if count == 0xFFFF or size == _FULL or begin == _FULL:
        place += tail_begin - END64_PLACE.size
        sign, disk, end64, _ = END64_PLACE.unpack(source.read(place, END64_PLACE.size, "the end of the zip file"))
        if sign != b"PK\6\7" or disk:
            raise source.refuse("the zip64 end of the zip file is missing")
        fields = END64.unpack(source.read(end64, END64.size, "the end of the zip file"))
        if fields[0] != b"PK\6\6" or fields[4] or fields[5] or fields[6] != fields[7]:
            raise source.refuse("the zip64 end of the zip file is damaged")
        count, size, begin = fields[7:10]
    return count, size, begin


def read_member(source: Source, directory: bytes, position: int, limit: int) -> tuple[Member, int]:
    """The member whose entry stands at `position`, and where the next entry begins."""
    if position + CENTRAL.size > len(directory):
        raise source.refuse("the zip directory is cut off")
    fields = CENTRAL.unpack_from(directory, position)
    sign, flags, method, checksum, packed, size = fields[0], fields[3], fields[4], fields[7], fields[8], fields[9]
    name_size, extra_size, comment_size, begin = fields[10], fields[11], fields[12], fields[16]
    position += CENTRAL.size
    raw_name = directory[position : position + name_size]
    extra = directory[position + name_size : position + name_size + extra_size]
    position += name_size + extra_size + comment_size
    if sign != b"PK\1\2" or position > len(directory):
        raise source.refuse("the zip directory is damaged")
    try:
        name = raw_name.decode("utf-8" if flags & 0x800 else "cp437")
    except UnicodeDecodeError:
        raise source.refuse(f"the zip directory has a name that is no text: {raw_name[:80]!r}") from None
    if flags & 1 or method not in (STORED, DEFLATED):
        raise source.refuse(f"{name!r} is encrypted or compressed by method {method}: only deflate is read")
    size, packed, begin = wide_fields(source, name, extra, size, packed, begin)
    begin = skip_local_header(source, name, raw_name, begin)
    if begin + packed > limit or (method == STORED and packed != size):
        raise source.refuse(f"{name!r} is said to take {packed} bytes at {begin}: impossible")
    return Member(name, method, checksum, begin, packed, size), position


def wide_fields(source: Source, name: str, extra: bytes, *fields: int) -> list[int]:
    """Take sizes that need 64 bits from the extra field of zip64."""
    values = list(fields)
    position = 0
    while _FULL in values and position + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, position)
        position += 4
        if kind == 1:
            for k, value in enumerate(values):
                if value == _FULL and position + 8 <= len(extra):
                    (values[k],) = struct.unpack_from("<Q", extra, position)
                    position += 8
            return values
        position += length
    if _FULL in values:
        raise source.refuse(f"{name!r} lacks its sizes of 64 bits")
    return values


def skip_local_header(source: Source, name: str, raw_name: bytes, begin: int) -> int:
    fields = LOCAL.unpack(source.read(begin, LOCAL.size, f"the local header of {name!r}"))
    local_name = source.read(begin + LOCAL.size, fields[9], f"the local header of {name!r}")
    if fields[0] != b"PK\3\4" or local_name != raw_name:
        raise source.refuse(f"{name!r} has a local header that disagrees with the zip directory")
    return begin + LOCAL.size + int(fields[9]) + int(fields[10])


def read_front(source: Source, member: Member, size: int) -> bytes:
    """At most so many of a member's first bytes."""
    what = f"member {member.name!r}"
    front = source.read(member.begin, min(member.packed, size), what)
    if member.method == STORED:
        return front
    try:
        return zlib.decompressobj(-15).decompress(front, size)
    except zlib.error as error:
        raise source.refuse(f"{what} cannot be decompressed: {error}") from None


def read_bytes(source: Source, member: Member) -> Array:
    """The bytes of a member; a stored one of a mapped file is a window on it, unread and so not checked.

    Raises:
        SerializationError: they are damaged.
    """
    what = f"member {member.name!r}"
    raw = source.array(member.begin, member.packed, what)
    if member.method == DEFLATED:
        raw = inflate(source, raw, member.size, what, raw=True)
    elif source.mapped:
        return raw
    if zlib.crc32(raw.data) != member.checksum:
        raise source.refuse(f"{what} is damaged: its checksum differs")
    return raw
