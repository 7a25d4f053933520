"""Owns the talk with the Docker daemon: images as streams of `docker save`, and the sizes that it states itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slimconda.errors import DaemonError, ImageError
from slimconda.layers.archive import Find, read_stream, unknown
from slimconda.layers.columns import Members
from slimconda.layers.manifest import Choice, LayerSource
from slimconda.layers.names import names_of
from slimconda.layers.remembered import Known, remember, remembered
from slimconda.layers.request import Layers, Request
from slimconda.layers.streams import counted
from slimconda.layers.tar import Kind

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

# A daemon stages a whole image on its disk before the first byte: 61 s for 2.8 GB under load (layers.md section 4).
TIMEOUT = 900
REFUSED = "permission denied: may this user open the daemon's socket?"


def read_daemon(target: str, request: Request) -> Layers:
    """Yield the layers of the daemon's image of that name, id or digest, lowest first, with their members.

    Nothing is written to disk. Raises DaemonError where no daemon answers or it refuses, ImageError where it knows no
    such image or sends a broken one.
    """
    with _client() as client, _explained(client):
        image = client.images.get(target)
        _refuse_other_platform(image.attrs, request.choice.platform)
        if not request.layers:
            yield from ((LayerSource("", digest, ""), Members()) for digest in _digests(image))
            return
        yield from _kept_or_saved(image, request)


def _kept_or_saved(image: "Image", request: Request) -> Layers:
    """Yield the layers as they were kept where all were, else as the daemon sends them."""
    store, identity = request.store, str(image.id or "")
    if store is None or not identity:
        yield from _saved(image, request)
        return
    if kept := remembered(store, identity, records=request.records):
        yield from kept
        return
    known = Known(store, names_of(_digests(image)), request.records)
    saved = _saved(image, request, known.find)
    yield from remember(store, identity, saved, records=request.records, taken=known.taken)


def _digests(image: "Image") -> list[str]:
    return [str(digest) for digest in (image.attrs.get("RootFS") or {}).get("Layers") or []]


def _saved(image: "Image", request: Request, known: Find = unknown) -> Layers:
    stated = [int(entry["Size"]) for entry in reversed(image.history())]
    request.expect(_estimated(image.attrs), about=True)
    # What the daemon sends holds this one image, and names it perhaps by another of its names.
    alone = replace(request, choice=Choice())
    for source, members in read_stream(counted(iter(image.save()), request.progress), alone, known):
        yield _counted_as_stated(source, members, stated), members


def _estimated(attributes: dict[str, Any]) -> int:
    """Return the bytes that the daemon will send, about, or 0 where its size says nothing of them.

    Headers come on top of a graph driver's size: 2 to 4 % of images with conda. containerd's store counts what is
    packed and unpacked, and sends the former; it states no folders of a driver (layers.md section 2).
    """
    driver = attributes.get("GraphDriver") or {}
    return int(attributes.get("Size") or 0) if driver.get("Data") else 0


def _counted_as_stated(source: LayerSource, members: Members, stated: list[int]) -> LayerSource:
    """Return the source with what the daemon's own history says of symlinks, where it says it."""
    size = stated[source.entry] if source.entry is not None and source.entry < len(stated) else None
    files = targets = 0
    for _, kind, length, _, _ in members:
        files += length if kind is Kind.FILE else 0
        targets += length if kind is Kind.SYMLINK else 0
    if size not in {files, files + targets}:
        return source
    return replace(source, counts_symlinks=size == files + targets)


def _refuse_other_platform(attributes: dict[str, Any], wanted: str | None) -> None:
    """Raise ImageError for another platform: this SDK cannot ask a daemon for one of several (layers.md section 4)."""
    parts = (attributes.get(key) for key in ("Os", "Architecture", "Variant"))
    platform = "/".join(part for part in parts if part)
    if wanted is not None and platform != wanted and not platform.startswith(f"{wanted}/"):
        raise ImageError(f"the daemon's image is for {platform}; save the one for {wanted} and inspect that file")


@contextmanager
def _client() -> Iterator["DockerClient"]:
    import docker
    from docker.errors import ContextException, DockerException

    try:
        client = docker.from_env(timeout=TIMEOUT)
    except (DockerException, ContextException, ValueError) as error:
        raise DaemonError(_silent(_address(), error)) from None
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _explained(client: "DockerClient") -> Iterator[None]:
    """Turn the errors of the SDK and of its transport into one line each."""
    from docker.errors import APIError, DockerException, ImageNotFound, NullResource
    from requests import RequestException

    try:
        yield
    except (ImageNotFound, NullResource):
        raise ImageError("neither a file here nor an image that the Docker daemon knows") from None
    except APIError as error:
        raise ImageError(f"the Docker daemon refuses: {_line(error.explanation or error)}") from None
    except (DockerException, RequestException, OSError) as error:
        raise DaemonError(_silent(client.api.base_url, error)) from None


def _address() -> str:
    from docker.constants import DEFAULT_UNIX_SOCKET
    from docker.utils import kwargs_from_env

    return str(kwargs_from_env().get("base_url") or DEFAULT_UNIX_SOCKET)


def _silent(address: str, error: Exception) -> str:
    text = _line(error)
    return f"no Docker daemon answers at {address}: {REFUSED if 'Permission denied' in text else text}"


def _line(error: object) -> str:
    return " ".join(str(error).split())
