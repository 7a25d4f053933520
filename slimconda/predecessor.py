"""Owns what an image grew from, saved by inspect: their size and the digests of their layers."""

import json
from dataclasses import dataclass
from pathlib import Path

from slimconda.errors import InputError

LARGEST = 256 << 20
VERSION = 1


@dataclass(frozen=True)
class Predecessor:
    """An image's size in bytes, and its layers' digests."""

    size: int
    digests: frozenset[str]


def read_predecessor(path: Path) -> Predecessor | None:
    """Return what a saved JSON report says, or None for a file that is no JSON object; raises InputError."""
    try:
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return None
            content = json.loads(b"{" + file.read(LARGEST))
        digests = frozenset(layer["digest"] for layer in content["layers"])
        size, version = content["size"], content["version"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError, KeyError, TypeError):
        raise InputError(f"{path}: not what `slimconda inspect --format json` wrote") from None
    if version != VERSION or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InputError(f"{path}: not what this version of `slimconda inspect --format json` writes")
    return Predecessor(size, digests)
