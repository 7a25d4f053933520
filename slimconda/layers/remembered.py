"""Owns what is kept of a daemon's images: which layers one has and what made them, and each layer's content.

The daemon itself checks the digests of what it pulls and loads, so that those it states are trusted; but only among
images of daemons, since no archive is.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slimconda.errors import ImageError
from slimconda.layers.columns import Members
from slimconda.layers.contents import Content
from slimconda.layers.entries import DAMAGED
from slimconda.layers.manifest import LayerSource
from slimconda.layers.records import Records
from slimconda.layers.request import Layers
from slimconda.layers.store import Store


def remembered(store: Store, identity: str, *, records: bool) -> Layers | None:
    """Return the layers of an image, by its id, if all that is needed is kept; None where anything is missing."""
    sources = _sources(store, identity)
    if sources is None or not all(store.has(_layer_key(source)) for source in sources):
        return None
    contents = [store.load(_layer_key(source), records=records) for source in sources]
    found = [content for content in contents if content is not None]
    return _layers(sources, found) if len(found) == len(sources) else None


def _layers(sources: list[LayerSource], contents: list[Content]) -> Layers:
    contents.reverse()
    for source in sources:
        content = contents.pop()
        yield content.described(source), content.members


@dataclass(frozen=True)
class Known:
    """The layers that are kept of other images, by the names under which the daemon sends them for this one.

    `names` gives their digests. `taken` becomes the digests of those that were found.
    """

    store: Store
    names: Mapping[str, str]
    records: bool
    taken: set[str] = field(default_factory=set)

    def find(self, name: str) -> Callable[[LayerSource], Content] | None:
        """Return what gives a layer's content for its source, None where it is to be read.

        That raises ImageError where the image's configuration says that the name is another layer's.
        """
        digest = self.names.get(name)
        content = self.store.load(_key(digest), records=self.records) if digest else None
        # Such names are those of plain tars, and what a layer takes where it is packed is kept, too.
        if digest is None or content is None or content.packed is not None:
            return None
        self.taken.add(digest)

        def given(source: LayerSource) -> Content:
            if source.digest != digest:
                raise ImageError(f"the daemon sent it by the name of {digest}, and calls it {source.digest}")
            return content

        return given


def remember(
    store: Store, identity: str, layers: Layers, *, records: bool, taken: Collection[str] = frozenset()
) -> Layers:
    """Yield the layers, and keep them for the image of that id, each before somebody takes it, but for the `taken`."""
    sources = []
    for source, members in layers:
        sources.append(source)
        if source.digest and source.digest not in taken:
            store.save(_layer_key(source), _content(source, members), records=records)
        yield source, members
    if all(source.digest for source in sources):
        store.write(_image_key(identity), json.dumps([_encoded(source) for source in sources]).encode())


def _content(source: LayerSource, members: Members) -> Content:
    records = Records()
    records.update(source.records)
    return Content(members, source.packed, records)


def _sources(store: Store, identity: str) -> list[LayerSource] | None:
    try:
        return list(_decoded(json.loads(store.read(_image_key(identity)) or b"")))
    except DAMAGED:
        return None


def _encoded(source: LayerSource) -> dict[str, Any]:
    return {
        "path": source.path,
        "digest": source.digest,
        "created_by": source.created_by,
        "entry": source.entry,
        "counts_symlinks": source.counts_symlinks,
        "history": source.history,
    }


def _decoded(content: list[dict[str, Any]]) -> Iterator[LayerSource]:
    for fields in content:
        yield LayerSource(
            str(fields["path"]),
            str(fields["digest"]),
            str(fields["created_by"]),
            None if fields["entry"] is None else int(fields["entry"]),
            fields["counts_symlinks"] is True,
            history=tuple(map(str, fields["history"])),
        )


def _image_key(identity: str) -> str:
    return f"image {identity}"


def _layer_key(source: LayerSource) -> str:
    return _key(source.digest)


def _key(digest: str) -> str:
    return f"daemon {digest}"
