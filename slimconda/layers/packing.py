"""Owns compressed layers: gzip and zstd to plain bytes in bounded memory, and which compressed bytes hold what."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import IO, TYPE_CHECKING, cast

from slimconda.errors import ImageError
from slimconda.layers.streams import Stream

if TYPE_CHECKING:
    from isal.igzip_lib import IgzipDecompressor
    from zstandard import ZstdDecompressor

INPUT = 1 << 17  # compressed bytes that are read at once: so coarse is what a file is said to cost of the blob
# Plain bytes at once. A megabyte comes fresh from the kernel each time, and its page faults cost more than unpacking.
OUTPUT = 1 << 17
LARGEST_WINDOW = 1 << 27  # bytes, as zstd's own default; a frame may ask for 2 GiB of memory
LARGEST_UNPACKED = 16 << 30
# gzip packs at most 1032 bytes into one; zstd packs zeros 10,000 times and more, but no layer of files so.
LARGEST_RATIO = 5000


class Packing(StrEnum):
    """How a layer is compressed; what its first bytes are decides, since media types lie (layers.md section 1)."""

    PLAIN = ""
    GZIP = "gzip"
    ZSTD = "zstd"


def sniff(magic: bytes) -> Packing:
    """Return what begins with these four bytes."""
    if magic[:2] == b"\x1f\x8b":
        return Packing.GZIP
    # Frames of zstd:chunked begin with a skippable one.
    skippable = magic[1:4] == b"\x2a\x4d\x18" and magic[0] & 0xF0 == 0x50
    return Packing.ZSTD if magic == b"\x28\xb5\x2f\xfd" or skippable else Packing.PLAIN


class Unpacked:
    """The plain chunks of a compressed blob; afterwards it knows where in the blob each of them came from."""

    def __init__(
        self, stream: Stream, size: int, packing: Packing, seen: Callable[[bytes], object] | None = None
    ) -> None:
        """Take `size` compressed bytes from the stream, as they are asked for; `seen` is told them."""
        self._stream, self._size, self._seen = stream, size, seen
        self._read, self._out = 0, 0  # compressed bytes read, and plain bytes given so far
        self._reads, self._outs = array("Q"), array("Q")  # the same before each piece
        self._chunks = gunzip(self._pieces()) if packing is Packing.GZIP else unzstd(self._pieces())

    def __iter__(self) -> Iterator[bytes]:
        """Yield the plain chunks; raises ImageError where the blob is damaged, cut or a bomb."""
        for chunk in self._chunks:
            self._out += len(chunk)
            if self._out > LARGEST_UNPACKED and self._out > LARGEST_RATIO * self._size:
                raise ImageError(f"{self._size:,} compressed bytes unpack to more than {self._out:,}")
            yield chunk

    def _pieces(self) -> Iterator[bytes]:
        while self._read < self._size and (piece := self._stream.read(min(INPUT, self._size - self._read))):
            self._reads.append(self._read)
            self._outs.append(self._out)
            self._read += len(piece)
            if self._seen is not None:
                self._seen(piece)
            yield piece

    def costs(self, places: Sequence[int]) -> Iterator[int]:
        """Yield the compressed bytes from each of the plain places to the next one, of the last to the blob's end.

        Each piece counts as if it were packed evenly. What precedes the first place belongs to it.
        """
        begin = 0
        for here in self._positions(places[1:]):
            yield here - begin
            begin = here
        yield self._read - begin

    def _positions(self, places: Iterable[int]) -> Iterator[int]:
        """Yield where in the blob plain bytes came from, whose places ascend."""
        reads, outs = (*self._reads, self._read), (*self._outs, self._out)
        piece, last = 0, len(reads) - 2
        for place in places:
            while piece < last and outs[piece + 1] <= place:
                piece += 1
            begin, given = outs[piece], outs[piece + 1] - outs[piece]
            part = min(place - begin, given) * (reads[piece + 1] - reads[piece]) // given if given else 0
            yield reads[piece] + part


def gunzip(data: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what gzip members one after another hold (eStargz has many); raises ImageError where one is cut or bad."""
    decoder, begun = _decoder(), False
    for piece in data:
        held = piece
        while held or not decoder.needs_input:
            if not begun:
                held = held.lstrip(b"\0")  # gzip allows padding between and after its members
                decoder, begun = _decoder(), bool(held)
                continue
            yield _inflated(decoder, held)
            held, begun = decoder.unused_data if decoder.eof else b"", not decoder.eof
    if begun:
        raise ImageError("its gzip data is cut short")


def _decoder() -> "IgzipDecompressor":
    from isal import igzip_lib

    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


def _inflated(decoder: "IgzipDecompressor", data: bytes) -> bytes:
    from isal import igzip_lib

    try:
        return decoder.decompress(data, OUTPUT)
    except cast("type[Exception]", igzip_lib.error) as error:
        raise ImageError(f"its gzip data is damaged ({error})") from None


def unzstd(data: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what zstd frames one after another hold; raises ImageError where one is damaged.

    A cut is not seen here, since the decoder is silent about it (layers.md section 5): the tar then lacks its end.
    """
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
    try:
        yield from _unzstd(decoder, data)
    except zstandard.ZstdError as error:
        raise ImageError(f"its zstd data is damaged ({error})") from None


def _unzstd(decoder: "ZstdDecompressor", data: Iterator[bytes]) -> Iterator[bytes]:
    with decoder.stream_reader(cast("IO[bytes]", _Pieces(data)), read_size=INPUT, read_across_frames=True) as reader:
        while chunk := reader.read1(OUTPUT):
            yield chunk


class _Pieces:
    """Pieces as the file-like object that zstandard reads from; it never asks for less than a piece."""

    def __init__(self, data: Iterator[bytes]) -> None:
        self._data = data

    def read(self, _size: int) -> bytes:
        return next(self._data, b"")
