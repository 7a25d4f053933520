"""Owns the header blocks of tars: what each says, read strictly whoever wrote it, quickly where all write it so."""

from enum import StrEnum
from functools import lru_cache
from struct import Struct
from typing import NamedTuple
from zlib import adler32

from slimconda.errors import ImageError

BLOCK = 512
LARGEST_SIZE = (1 << 63) - 1  # bytes of a file, everywhere


class Kind(StrEnum):
    """What a tar member is; devices, sockets and fifos are OTHER."""

    FILE = "file"
    HARD_LINK = "hard link"
    SYMLINK = "symlink"
    DIRECTORY = "directory"
    OTHER = "other"


class Member(NamedTuple):
    """One member; `size` in bytes is what Docker counts: a file's apparent size, a symlink's length of target.

    `packed` is what it takes of a compressed blob, header and data, in bytes; 0 where the blob is plain.
    """

    path: str
    kind: Kind
    size: int
    target: str
    packed: int = 0


class Header(NamedTuple):
    """A header block as it stands; `data` is the number of bytes that follow it."""

    name: bytes
    flag: bytes
    data: int
    target: bytes
    apparent: int
    continued: bool = False  # a GNU sparse map that goes on in further blocks


# As plain names these cost a tenth of what an enum's attributes do, several times for each member.
FILE, HARD_LINK, SYMLINK, DIRECTORY = Kind.FILE, Kind.HARD_LINK, Kind.SYMLINK, Kind.DIRECTORY
KINDS = {b"1": HARD_LINK, b"2": SYMLINK, b"5": DIRECTORY} | dict.fromkeys((b"0", b"\0", b"7", b"S"), FILE)
SIMPLE = frozenset(b"0125")
FLAG = 156  # where a header states it
ENDS = frozenset((b"\0", b" "))  # of a number
DATALESS = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
ADLER = 65_521
# Name, size and its end, checksum, flag, target.
FIELDS = Struct("100s24x11sc12x8sc100s").unpack_from
Extensions = dict[bytes, bytes]
Row = tuple[bytes, Kind, int, bytes, int]
"""A member as its tar has it: name, kind, size, target, and where in the tar its data begins."""


def simple_row(held: bytes | bytearray, at: int, own: Extensions, place: int) -> Row | None:
    """Read the file, directory or link whose header stands there, if it is written as every writer does it.

    None for all others, damaged ones among them: the exact way below decides what they are.
    """
    if at + BLOCK > len(held) or held[at + FLAG] not in SIMPLE:
        return None
    name, digits, end, checksum, flag, target = FIELDS(held, at)
    if adler32(held[at : at + BLOCK]) & 0xFFFF != _expected_adler(checksum):
        return None
    if end not in ENDS or not digits.isdigit():
        return None
    try:
        size = int(digits, 8)
    except ValueError:
        return None
    if (given := own.get(b"path") if own else None) is not None:
        name = given
    else:
        name = name.partition(b"\0")[0]
        if held[at + 345] and held[at + 257 : at + 263] == b"ustar\0":
            name = bytes(held[at + 345 : at + 500]).partition(b"\0")[0] + b"/" + name
    if flag == b"0":
        return name, FILE, size, b"", place
    if flag == b"5":
        return name, DIRECTORY, 0, b"", place
    given = own.get(b"linkpath") if own else None
    target = target.partition(b"\0")[0] if given is None else given
    return (name, HARD_LINK, 0, target, place) if flag == b"1" else (name, SYMLINK, len(target), target, place)


def simple_size(held: bytes | bytearray, at: int) -> int | None:
    """Return the size that the header there states, if it is written as every writer does it; else None."""
    if at + BLOCK > len(held):
        return None
    _, digits, end, checksum, _, _ = FIELDS(held, at)
    return _octal(digits, end) if adler32(held[at : at + BLOCK]) & 0xFFFF == _expected_adler(checksum) else None


@lru_cache(1 << 14)
def _expected_adler(checksum: bytes) -> int:
    """Return the low half of Adler-32 of a block with that checksum field; -1 where the field is not a simple one.

    It is the sum of the bytes and 1, modulo 65,521, at a twentieth of what sum() costs.
    """
    stated = _octal(checksum[:6], checksum[6:7])
    return -1 if stated is None else (1 + stated - 8 * ord(" ") + sum(checksum)) % ADLER


def _octal(digits: bytes, end: bytes) -> int | None:
    """Return the number of a field that is all digits but for its end; None for any other."""
    if end not in ENDS or not digits.isdigit():
        return None
    try:
        return int(digits, 8)
    except ValueError:
        return None


def read_header(block: bytes, offset: int) -> Header:
    """Read a header block whoever wrote it; raises ImageError where it is none."""
    try:
        stated = _number(block[148:156])
        size = _number(block[124:136])
    except ValueError:
        raise _no_header(offset) from None
    total = sum(block) - sum(block[148:156]) + 256
    if stated != total and stated != _signed_sum(block):
        raise _no_header(offset)
    flag, name = block[156:157], block[:100].split(b"\0", 1)[0]
    if block[345] and block[257:263] == b"ustar\0":
        name = block[345:500].split(b"\0", 1)[0] + b"/" + name
    if flag == b"S":
        return Header(name, flag, size, b"", _sparse_size(block, offset), bool(block[482]))
    target = block[157:257].split(b"\0", 1)[0] if flag in {b"1", b"2"} else b""
    return Header(name, flag, 0 if flag in DATALESS else size, target, size)


def _no_header(offset: int) -> ImageError:
    return ImageError(f"the tar is damaged: no header at byte {offset}" if offset else "it is not a tar")


def _number(field: bytes) -> int:
    """Read octal, or base 256 as GNU tar writes what octal cannot hold; raises ValueError, also for negative ones."""
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise ValueError("negative or too large")
        return _possible(int.from_bytes(field[1:], "big"))
    digits = field.split(b"\0", 1)[0].strip()
    if digits.strip(b"01234567"):
        raise ValueError("not octal")
    return int(digits, 8) if digits else 0


def _possible(size: int) -> int:
    """Return a size that a file may have; raises ValueError for any other."""
    if size > LARGEST_SIZE:
        raise ValueError("too large")
    return size


def _signed_sum(block: bytes) -> int:
    """Sum as some old tars did, with signed characters."""
    rest = block[:148] + block[156:]
    return 256 + sum(byte - 256 if byte > 127 else byte for byte in rest)


def _sparse_size(block: bytes, offset: int) -> int:
    try:
        return _number(block[483:495])
    except ValueError:
        raise _no_header(offset) from None


def row_of(header: Header, place: int) -> Row:
    """Return what a header describes, whose data begin at that place."""
    kind = KINDS.get(header.flag, Kind.OTHER)
    if kind is FILE and header.flag == b"\0" and header.name.endswith(b"/"):
        kind = DIRECTORY  # as tar wrote it before POSIX
    sizes = {FILE: header.apparent, SYMLINK: len(header.target)}
    return header.name, kind, sizes.get(kind, 0), header.target, place


def member_of(row: Row) -> Member:
    """Return a row as a member, of which nothing is known to be packed."""
    name, kind, size, target, _ = row
    return Member(name.decode("utf-8", "surrogateescape"), kind, size, target.decode("utf-8", "surrogateescape"))
