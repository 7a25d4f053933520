"""Owns what every source of images is asked for, and what it answers with: the one seam for a further source."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from slimconda.layers.columns import Members
from slimconda.layers.manifest import Choice, LayerSource

if TYPE_CHECKING:
    from slimconda.layers.store import Store

Progress = Callable[[int], None]


class Expect(Protocol):
    """Is told how many bytes more are to be read, fewer where that is negative."""

    def __call__(self, amount: int, *, about: bool = False) -> None:
        """Take the bytes; `about` says that they are an estimate."""


Layers = Iterator[tuple[LayerSource, Members]]


def _silent(_: int) -> None:
    """Take the bytes read so far and tell nobody."""


def _unexpected(amount: int, *, about: bool = False) -> None:
    """Take the bytes to be read and tell nobody."""


@dataclass(frozen=True)
class Request:
    """Which image is meant where there are several, who is told the bytes read so far, and how much is read.

    `expect` is told before how many bytes will be read, where that is known.

    With `records` the members of conda-meta/ are read, too, so that each layer's packages are known. Without `layers`
    only their digests and history are: they come without members. `store` keeps what is read for the next time.
    """

    choice: Choice = field(default_factory=Choice)
    progress: Progress = _silent
    expect: Expect = _unexpected
    records: bool = False
    layers: bool = True
    store: "Store | None" = None


ANY = Request()


class Reader(Protocol):
    """Reads an image from one kind of place: a file, a folder, a daemon; later a registry, by digest."""

    def __call__(self, target: str, request: Request) -> Layers:
        """Yield the layers of the image meant, lowest first, with their members; raises ImageError."""
