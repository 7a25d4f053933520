"""Owns the tar format: headers to members, strictly, without reading what files hold.

The standard library's tarfile ends silently at a damaged header and reads extension headers of any size into memory;
here both are errors.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple
from zlib import adler32

from slimconda.errors import ImageError
from slimconda.layers.streams import Stream

BLOCK = 512
ZEROS = bytes(BLOCK)
LARGEST_EXTENSION = 1 << 20  # bytes of a long name or of pax records
LONGEST_NAME = 4 * 4096  # bytes; Linux allows paths of 4,096, and Docker unpacks no longer ones


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


KINDS = {b"1": Kind.HARD_LINK, b"2": Kind.SYMLINK, b"5": Kind.DIRECTORY}
KINDS |= dict.fromkeys((b"0", b"\0", b"7", b"S"), Kind.FILE)
SIMPLE = frozenset((b"0", b"1", b"2", b"5", b"L"))
ENDS = frozenset(b"\0 ")  # of a number
DATALESS = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
LONG_NAME, LONG_TARGET, PAX, GLOBAL_PAX = b"L", b"K", (b"x", b"X"), b"g"
EXTENDING = frozenset((LONG_NAME, LONG_TARGET, GLOBAL_PAX, *PAX))
LARGEST_KEPT = 16 << 20  # bytes of a file whose content is wanted; conda's largest records have a few
ADLER = 65_521
Extensions = dict[bytes, bytes]


Keep = Callable[[str], Callable[[bytes], None] | None]
"""Says for a file's path who wants its content, if anybody does."""


def scan(stream: Stream, whole: Callable[[], bool], keep: Keep | None = None) -> Iterator[Member]:
    """Yield the members in their order, each while the stream stands at its data.

    `whole` is asked where the stream ends between two members without the zeros that end a tar.
    Raises ImageError where the tar is cut short, damaged or not a tar.
    """
    common: Extensions = {}
    while (header := _next_header(stream, whole)) is not None:
        own = dict(common) if common else None
        if header.flag in EXTENDING:
            own = dict(common)
            header = _after_extensions(header, stream, own, common)
        if own or header.flag == b"S":
            header = _extended(header, stream, own or {})
        end = stream.position + header.data
        member = _member(header)
        yield member
        if keep and member.kind is Kind.FILE and header.data <= LARGEST_KEPT and (taker := keep(member.path)):
            taker(stream.read(end - stream.position))
        _pass(stream, end - stream.position + -header.data % BLOCK)


def _after_extensions(header: Header, stream: Stream, own: Extensions, common: Extensions) -> Header:
    """Read extension headers, and return the header that they extend."""
    while header.flag in EXTENDING:
        _extend(header, stream, own, common)
        following = _next_header(stream, lambda: False)
        if following is None:
            raise ImageError(f"the tar ends after an extension header, at byte {stream.position}")
        header = following
    return header


def _next_header(stream: Stream, whole: Callable[[], bool]) -> Header | None:
    """Return the next header, or None at the end of the tar."""
    block = stream.read(BLOCK)
    if block == ZEROS:
        _check_end(stream)
        return None
    if not block and whole():
        return None
    if len(block) < BLOCK:
        raise ImageError(f"the tar is cut short at byte {stream.position}")
    return _header(block, stream.position - BLOCK)


def _check_end(stream: Stream) -> None:
    """One block of zeros and then data: readers disagree about what such a tar holds, so none of it is trusted."""
    following = stream.peek(BLOCK)
    if following.strip(b"\0"):
        raise ImageError(f"the tar has data after its end, at byte {stream.position}")


def _header(block: bytes, offset: int) -> Header:
    """Read a header; what every writer writes goes the short way, anything else the exact one below."""
    size, stated, flag = block[124:135], block[148:154], block[156:157]
    if not (size.isdigit() and stated.isdigit() and flag in SIMPLE and block[135] in ENDS and block[154] in ENDS):
        return _odd_header(block, offset)
    try:
        data = int(size, 8)
        # The low half of Adler-32 is the sum of the bytes modulo 65,521, at a twentieth of what sum() costs.
        differs = (adler32(block) % 65_536 - adler32(block[148:156]) % 65_536 + 256 - int(stated, 8)) % ADLER
    except ValueError:
        return _odd_header(block, offset)
    if differs:
        return _odd_header(block, offset)
    name = block[: block.find(b"\0", 0, 100)] if block[99] == 0 else block[:100].split(b"\0", 1)[0]
    if block[345] and block[257:263] == b"ustar\0":
        name = block[345:500].split(b"\0", 1)[0] + b"/" + name
    if flag == b"0" or flag == b"L":  # noqa: PLR1714  # twice as fast
        return Header(name, flag, data, b"", data)
    target = block[157:257].split(b"\0", 1)[0] if flag != b"5" else b""
    return Header(name, flag, 0, target, data)


def _odd_header(block: bytes, offset: int) -> Header:
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
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0", 1)[0].strip()
    if digits.strip(b"01234567"):
        raise ValueError("not octal")
    return int(digits, 8) if digits else 0


def _signed_sum(block: bytes) -> int:
    """Sum as some old tars did, with signed characters."""
    rest = block[:148] + block[156:]
    return 256 + sum(byte - 256 if byte > 127 else byte for byte in rest)


def _sparse_size(block: bytes, offset: int) -> int:
    try:
        return _number(block[483:495])
    except ValueError:
        raise _no_header(offset) from None


def _extend(header: Header, stream: Stream, own: Extensions, common: Extensions) -> None:
    """Read an extension header's data into the extensions of the next member, or of all that follow."""
    if header.data > LARGEST_EXTENSION:
        raise ImageError(f"the tar has an extension header of {header.data:,} bytes at byte {stream.position}")
    data = stream.read(header.data)
    _pass(stream, -header.data % BLOCK)
    if len(data) < header.data:
        raise ImageError(f"the tar is cut short at byte {stream.position}")
    if header.flag == LONG_NAME:
        own[b"path"] = data.split(b"\0", 1)[0]
    elif header.flag == LONG_TARGET:
        own[b"linkpath"] = data.split(b"\0", 1)[0]
    else:
        records = dict(_records(data, stream.position))
        own |= records
        if header.flag == GLOBAL_PAX:
            common |= records


def _records(data: bytes, offset: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of pax records: `LENGTH KEY=VALUE` and a line feed each."""
    start = 0
    while start < len(data) and data[start]:
        digits, blank, _ = data[start : start + 8].partition(b" ")
        if not blank or not digits.isdigit() or not int(digits):
            raise ImageError(f"the tar has damaged pax records before byte {offset}")
        record = data[start + len(digits) + 1 : start + int(digits) - 1]
        key, _, value = record.partition(b"=")
        yield key, value
        start += int(digits)


def _extended(header: Header, stream: Stream, own: Extensions) -> Header:
    if header.continued:
        _pass_sparse_map(stream)
    try:
        size = int(own.get(b"size", header.data)) if header.flag not in DATALESS else 0
        apparent = int(own.get(b"GNU.sparse.realsize", own.get(b"GNU.sparse.size", size)))
    except ValueError:
        raise ImageError(f"the tar has a damaged size before byte {stream.position}") from None
    if size < 0 or apparent < 0:
        raise ImageError(f"the tar has a negative size before byte {stream.position}")
    name = own.get(b"GNU.sparse.name", own.get(b"path", header.name))
    target = own.get(b"linkpath", header.target) if header.flag in {b"1", b"2"} else b""
    if len(name) > LONGEST_NAME or len(target) > LONGEST_NAME:
        raise ImageError(f"the tar has a name of {max(len(name), len(target)):,} bytes before byte {stream.position}")
    return Header(name, header.flag, size, target, header.apparent if header.flag == b"S" else apparent)


def _pass_sparse_map(stream: Stream) -> None:
    """Pass the blocks that go on with a GNU sparse file's map."""
    continued = True
    while continued:
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise ImageError(f"the tar is cut short at byte {stream.position}")
        continued = bool(block[504])


def _member(header: Header) -> Member:
    if header.flag == b"0":
        return Member(_text(header.name), Kind.FILE, header.apparent, "")
    if header.flag == b"1":
        return Member(_text(header.name), Kind.HARD_LINK, 0, _text(header.target))
    kind = KINDS.get(header.flag, Kind.OTHER)
    if kind is Kind.FILE and header.flag == b"\0" and header.name.endswith(b"/"):
        kind = Kind.DIRECTORY  # as tar wrote it before POSIX
    sizes = {Kind.FILE: header.apparent, Kind.SYMLINK: len(header.target)}
    return Member(_text(header.name), kind, sizes.get(kind, 0), _text(header.target))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _pass(stream: Stream, size: int) -> None:
    if size and stream.skip(size) < size:
        raise ImageError(f"the tar is cut short at byte {stream.position}")
