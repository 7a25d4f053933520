"""Owns what a layer's blob holds: its members, what each takes of a compressed blob, its conda records."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from slimconda.layers.columns import Members
from slimconda.layers.manifest import LayerSource
from slimconda.layers.packing import Packing, Unpacked, sniff
from slimconda.layers.records import Records
from slimconda.layers.streams import PIECE, Chunks, Stream
from slimconda.layers.tar import Keep, Row, rows


@dataclass(frozen=True)
class Content:
    """The members of one blob; `packed` is the blob's size in bytes where it is compressed."""

    members: Members
    packed: int | None = None
    records: Records = field(default_factory=Records)

    def described(self, source: LayerSource) -> LayerSource:
        """Return the source with what reading its blob has told."""
        return replace(source, packed=self.packed, records=self.records)


def read_content(
    stream: Stream,
    size: int,
    whole: Callable[[Stream], bool],
    *,
    records: bool,
    seen: Callable[[bytes], object] | None = None,
) -> Content:
    """Read a layer of `size` bytes from where the stream stands.

    `whole` judges the plain bytes where a tar ends without its zeros, given the stream they come from. `seen` is told
    all bytes of a compressed blob.
    Raises ImageError where the blob is damaged, cut or no tar.
    """
    packing, found = sniff(stream.peek(4)), Records()
    keep = found.keep if records else None
    if packing is Packing.PLAIN:
        return Content(Members(rows(stream, lambda: whole(stream), keep)), None, found)
    unpacked = Unpacked(stream, size, packing, seen)
    # Of gzip only its end tells whether all of it came, and raises; of zstd nothing tells.
    ends = (lambda: True) if packing is Packing.GZIP else (lambda: whole(stream))
    # Unpacking in a thread of its own was measured: handing over the pieces costs more than it saves on two cores.
    members = Members(_all_rows(Chunks(iter(unpacked)), ends, keep), unpacked.costs)
    return Content(members, size, found)


def _all_rows(plain: Chunks, whole: Callable[[], bool], keep: Keep | None) -> Iterator[Row]:
    """Yield the rows, and pass what follows the tar: only a blob's end tells whether all of it is sound."""
    yield from rows(plain, whole, keep)
    while plain.skip(PIECE):
        pass
