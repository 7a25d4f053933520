"""Owns what a command is asked to look at where that is an image: reads it, and says how far it is read."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from slimconda.cli.progress import show_progress

if TYPE_CHECKING:
    from slimconda.layers.image import Image
    from slimconda.layers.request import Request
    from slimconda.layers.store import Store
    from slimconda.predecessor import Predecessor


def layer_store(folder: Path | None, *, wanted: bool) -> "Store | None":
    """Return where layers are kept: in the folder that is named, else in the user's cache folder, if there is one."""
    if not wanted:
        return None
    from slimconda.layers.store import Store

    if folder is None:
        above = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # never raises
        folder = Path(above, "slimconda") if Path(above).is_absolute() else None
    return Store(folder / "layers") if folder is not None else None


def read_target(target: str, request: "Request", base: str | None = None) -> "Image":
    """Return the analysed image, its base's layers marked; raises ImageError."""
    from slimconda.layers.image import open_image, with_base

    with show_progress(f"reading {target}", may_wait=True) as progress:
        opened = open_image(target, replace(request, progress=progress, expect=progress.expect))
    if base is None:
        return opened
    from slimconda.layers.base import count_base_layers

    digests = [layer.digest for layer in opened.layers]
    return with_base(opened, count_base_layers(base, digests, request.choice.platform))


def read_predecessor_target(target: str, request: "Request") -> "Predecessor":
    """Return the size and digests of a saved JSON report, else of the image that the target names."""
    from slimconda.predecessor import Predecessor, read_predecessor

    saved = read_predecessor(Path(target)) if Path(target).is_file() else None
    if saved is not None:
        return saved
    image = read_target(target, request)
    return Predecessor(image.size, frozenset(layer.digest for layer in image.layers))
