"""Owns which layers of an image are its base's: those a clean cannot fix, only another base or flattening."""

import re
from collections.abc import Sequence

from slimconda.errors import ImageError
from slimconda.layers.manifest import Choice
from slimconda.layers.request import Request
from slimconda.layers.sources import read_image

DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def count_base_layers(base: str, digests: Sequence[str], platform: str | None) -> int:
    """Return how many of an image's layers, whose digests are given, are the base's.

    `base` is the digest of its uppermost layer, or names an image as open_image takes it, of which no layer is read.
    Raises ImageError where it cannot be read or where the image does not stand on it.
    """
    uppermost = f"sha256:{base.removeprefix('sha256:')}" if DIGEST.fullmatch(base) else ""
    if uppermost in digests:
        return digests.index(uppermost) + 1
    try:
        request = Request(Choice(platform=platform), layers=False)
        own = [source.digest for source, _ in read_image(base, request)]
    except ImageError as error:
        raise ImageError(f"{base}: {' '.join(str(error).split())}") from None
    if not own or list(digests[: len(own)]) != own or "" in own:
        raise ImageError(f"{base}: the image does not stand on this base: its lowest layers are others")
    return len(own)
