"""Owns the tar format: headers to members, strictly, without reading what files hold.

The standard library's tarfile ends silently at a damaged header and reads extension headers of any size into memory;
here both are errors.
"""

from collections.abc import Callable, Iterator

from slimconda.errors import ImageError
from slimconda.layers.headers import (
    BLOCK,
    DATALESS,
    FILE,
    LARGEST_SIZE,
    Extensions,
    Header,
    Kind,
    Member,
    Row,
    member_of,
    read_header,
    row_of,
    simple_row,
    simple_size,
)
from slimconda.layers.streams import Stream

__all__ = ["Kind", "Member", "Row", "rows", "scan"]

ZEROS = bytes(BLOCK)
LARGEST_EXTENSION = 1 << 20  # bytes of a long name or of pax records
LONGEST_NAME = 4 * 4096  # bytes; Linux allows paths of 4,096, and Docker unpacks no longer ones
LONG_NAME, LONG_TARGET, PAX, GLOBAL_PAX = b"L", b"K", (b"x", b"X"), b"g"
OWN = frozenset((LONG_NAME, LONG_TARGET, *PAX))  # say something about the next member alone
EXTENDING = frozenset((LONG_NAME, LONG_TARGET, GLOBAL_PAX, *PAX))
NAMES = frozenset((b"path", b"linkpath", b"GNU.sparse.name"))
DECISIVE = frozenset((b"size", b"GNU.sparse.name", b"GNU.sparse.realsize", b"GNU.sparse.size"))
TELLING = NAMES | DECISIVE  # all other keys of pax records say nothing about sizes and names
LARGEST_TOGETHER = 1 << 14  # bytes of a member's extension headers that are held at once
LARGEST_KEPT = 16 << 20  # bytes of a file whose content is wanted; conda's largest records have a few

Keep = Callable[[str], Callable[[bytes], None] | None]
"""Says for a file's path who wants its content, if anybody does."""


def scan(stream: Stream, whole: Callable[[], bool]) -> Iterator[Member]:
    """Yield the members in their order, each while the stream stands at its data; else as `rows`."""
    for row in rows(stream, whole):
        stream.skip(row[4] - stream.position)
        yield member_of(row)


def rows(stream: Stream, whole: Callable[[], bool], keep: Keep | None = None) -> Iterator[Row]:
    """Yield the members in their order, each while the stream stands at its data or before.

    `whole` is asked where the stream ends between two members without the zeros that end a tar.
    Raises ImageError where the tar is cut short, damaged or not a tar.
    """
    common, plain = Extensions(), True
    while True:
        held, at = stream.window(BLOCK)
        row = simple_row(held, at, common, stream.position + BLOCK) if plain else None
        if row is None:
            row = _simple_extended(stream, common)
        if row is not None:
            data = row[2] if row[1] is FILE else 0
        elif exact := _exact(stream, whole, common):
            row, data = exact
            plain = common.keys().isdisjoint(DECISIVE)
        else:
            return
        yield row
        end = row[4] + data
        if keep and row[1] is FILE and data <= LARGEST_KEPT and (taker := keep(member_of(row).path)):
            stream.skip(row[4] - stream.position)
            taker(stream.read(data))
        left = end + -data % BLOCK - stream.position
        if stream.skip(left) < left:
            raise ImageError(f"the tar is cut short at byte {stream.position}")


def _simple_extended(stream: Stream, common: Extensions) -> Row | None:
    """Read the next member, which extension headers precede, and leave the stream where it is.

    None where any of its headers is not written as every writer does it.
    """
    own, begin = dict(common), BLOCK
    held, at = stream.window(BLOCK)
    while (flag := bytes(held[at + 156 : at + 157])) in OWN:
        size = simple_size(held, at)
        if size is None or (end := begin + size) > LARGEST_TOGETHER:
            return None
        following = end + -size % BLOCK
        held, start = stream.window(following + BLOCK)
        at = start + following
        if len(held) < at + BLOCK:
            return None
        _extend(flag, bytes(held[start + begin : start + end]), stream.position + following, own, common)
        begin = following + BLOCK
    return simple_row(held, at, own, stream.position + begin) if own.keys().isdisjoint(DECISIVE) else None


def _exact(stream: Stream, whole: Callable[[], bool], common: Extensions) -> tuple[Row, int] | None:
    """Read the next member whoever wrote it, and pass its headers; returns it and its size, None at the end."""
    block, own = stream.read(BLOCK), common
    if block[156:157] in EXTENDING:
        block, own = _after_extensions(block, stream, common)
    header = _header_or_end(block, stream, whole, extended=own is not common)
    if header is None:
        return None
    header = _extended(header, stream, own) if own or header.flag == b"S" else header
    return row_of(header, stream.position), header.data


def _after_extensions(block: bytes, stream: Stream, common: Extensions) -> tuple[bytes, Extensions]:
    """Read extension headers, and return the block that follows them and what they say about it."""
    own = dict(common)
    while (flag := block[156:157]) in EXTENDING:
        header = _header_or_end(block, stream, lambda: False, extended=True)
        size = header.data if header is not None else 0
        if size > LARGEST_EXTENSION:
            raise ImageError(f"the tar has an extension header of {size:,} bytes at byte {stream.position}")
        data = stream.read(size + -size % BLOCK)
        if len(data) < size:
            raise ImageError(f"the tar is cut short at byte {stream.position}")
        _extend(flag, data[:size], stream.position, own, common)
        block = stream.read(BLOCK)
    return block, own


def _header_or_end(block: bytes, stream: Stream, whole: Callable[[], bool], *, extended: bool) -> Header | None:
    """Return the header that was read, or None where the tar ends there."""
    if block == ZEROS and extended:
        raise ImageError(f"the tar ends after an extension header, at byte {stream.position}")
    if block == ZEROS:
        _check_end(stream)
        return None
    if not block and not extended and whole():
        return None
    if len(block) < BLOCK:
        raise ImageError(f"the tar is cut short at byte {stream.position}")
    return read_header(block, stream.position - BLOCK)


def _check_end(stream: Stream) -> None:
    """One block of zeros and then data: readers disagree about what such a tar holds, so none of it is trusted."""
    following = stream.peek(BLOCK)
    if following.strip(b"\0"):
        raise ImageError(f"the tar has data after its end, at byte {stream.position}")


def _extend(flag: bytes, data: bytes, position: int, own: Extensions, common: Extensions) -> None:
    """Take an extension header's data into the extensions of the next member, or of all that follow."""
    if flag == LONG_NAME:
        own[b"path"] = _name(data.partition(b"\0")[0], position)
    elif flag == LONG_TARGET:
        own[b"linkpath"] = _name(data.partition(b"\0")[0], position)
    else:
        records = {key: value for key, value in _records(data, position) if key in TELLING}
        for key in NAMES & records.keys():
            _name(records[key], position)
        own |= records
        if flag == GLOBAL_PAX:
            common |= records


def _name(name: bytes, position: int) -> bytes:
    """Return a name; raises ImageError where it is none that Linux and Docker could have."""
    if len(name) > LONGEST_NAME:
        raise ImageError(f"the tar has a name of {len(name):,} bytes before byte {position}")
    if b"\0" in name:
        raise ImageError(f"the tar has a name with a zero byte before byte {position}")
    return name


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
    if not (0 <= size <= LARGEST_SIZE and 0 <= apparent <= LARGEST_SIZE):
        raise ImageError(f"the tar has an impossible size before byte {stream.position}")
    name = own.get(b"GNU.sparse.name", own.get(b"path", header.name))
    target = own.get(b"linkpath", header.target) if header.flag in {b"1", b"2"} else b""
    return Header(name, header.flag, size, target, header.apparent if header.flag == b"S" else apparent)


def _pass_sparse_map(stream: Stream) -> None:
    """Pass the blocks that go on with a GNU sparse file's map."""
    continued = True
    while continued:
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise ImageError(f"the tar is cut short at byte {stream.position}")
        continued = bool(block[504])
