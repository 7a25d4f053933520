"""Owns the JSON of images: from manifest.json or index.json to the list of layers, lowest first, with their history."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slimconda.errors import ImageError
from slimconda.layers.records import PackageRecord

DIGEST = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")
DEEPEST_INDEX = 4


@dataclass(frozen=True)
class LayerSource:
    """Where a layer lies in an archive, the digest of its plain tar ("" if not told), and what made it.

    `entry` is the index of its history entry, oldest first. `counts_symlinks` tells whether Docker's own history counts
    the targets of symlinks: not where BuildKit made the layer on the same machine (run on Docker 20.10), else always.
    `packed` is the size of its compressed blob in bytes, None where the blob is plain. `history` is what made the whole
    image, also its entries without a layer. `records` are those read of conda-meta/.
    """

    path: str
    digest: str
    created_by: str
    entry: int | None = None
    counts_symlinks: bool = True
    packed: int | None = None
    history: tuple[str, ...] = field(default=(), repr=False)
    records: Mapping[str, PackageRecord] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Choice:
    """Which image is meant where there are several: by its name, by its platform such as linux/arm64."""

    name: str | None = None
    platform: str | None = None


@dataclass(frozen=True)
class _Candidate:
    """An image of an archive: its names, the digests or paths that lead to it, and its platform where that is told."""

    names: list[str]
    manifest: dict[str, Any]
    platform: str = ""

    @property
    def title(self) -> str:
        title = self.names[0] if self.names else "one without a name"
        return f"{title} for {self.platform}" if self.platform else title


@dataclass(frozen=True)
class Documents:
    """An archive's files: `read` returns one's bytes and raises ImageError, `has` tells whether one is there."""

    read: Callable[[str], bytes]
    has: Callable[[str], bool]


def read_layers(documents: Documents, choice: Choice) -> list[LayerSource]:
    """Return the layers of the image that is meant, or of the only one.

    Raises ImageError where the archive is no image, is incomplete, or holds several and nothing chooses.
    """
    if documents.has("manifest.json"):
        manifest = _load(documents, "manifest.json")
        if isinstance(manifest, dict) and ("layers" in manifest or "manifests" in manifest):
            return _oci_layers(documents, manifest, choice, _bare)  # skopeo's dir:
        return _docker_layers(documents, manifest, choice)
    if documents.has("index.json"):
        index = _object(_load(documents, "index.json"), "index.json")
        return _oci_layers(documents, index, choice, _blob)
    raise ImageError("not an image: it has neither manifest.json nor index.json")


def _docker_layers(documents: Documents, images: object, choice: Choice) -> list[LayerSource]:
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise ImageError("manifest.json is not a list of images")
    named = [_Candidate(_texts(image.get("RepoTags") or [], "RepoTags"), image) for image in images]
    image = _chosen(named, choice, lambda candidate: _config_platform(documents, _docker_config(candidate.manifest)))
    config = _docker_config(image)
    return _joined(_texts(image.get("Layers") or [], "Layers"), _load(documents, config), config)


def _docker_config(image: dict[str, Any]) -> str:
    return _text(image.get("Config"), "Config in manifest.json")


def _chosen(images: list[_Candidate], choice: Choice, platform_of: Callable[[_Candidate], str]) -> dict[str, Any]:
    """Return the only image left; one that nobody names is not looked into for its platform."""
    if (name := choice.name) is not None:
        images = [image for image in images if name in image.names or f"{name}:latest" in image.names]
        if not images:
            raise ImageError(f"it holds no image {name}")
    if choice.platform is not None:
        every = [image.platform or platform_of(image) for image in images]
        images = [image for image, platform in zip(images, every, strict=True) if _fits(platform, choice.platform)]
        if not images:
            raise ImageError(f"it holds no image for {choice.platform}, only for {', '.join(every) or 'nothing'}")
    if len(images) == 1:
        return images[0].manifest
    if not images:
        raise ImageError("it holds no image")
    raise ImageError(
        f"it holds {len(images)} images ({', '.join(image.title for image in images)}); "
        "choose one by --name or --platform"
    )


def _fits(platform: str, wanted: str) -> bool:
    """Tell whether a platform such as linux/arm/v7 is the one wanted, which may leave out its end: linux/arm."""
    return platform == wanted or platform.startswith(f"{wanted}/")


def _config_platform(documents: Documents, path: str) -> str:
    config = _load(documents, path)
    return _platform(config) if isinstance(config, dict) else ""


def _platform(content: dict[str, Any]) -> str:
    parts = [content.get(key) for key in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if isinstance(part, str) and part)


Path = Callable[[dict[str, Any]], str]


def _oci_layers(documents: Documents, top: dict[str, Any], choice: Choice, path_of: Path) -> list[LayerSource]:
    def read(descriptor: dict[str, Any]) -> dict[str, Any]:
        return _object(_load(documents, path := _present(documents, path_of(descriptor))), path)

    def platform_of(candidate: _Candidate) -> str:
        manifest = candidate.manifest if "layers" in candidate.manifest else read(candidate.manifest)
        return _config_platform(documents, path_of(_object(manifest.get("config"), "config in a manifest")))

    manifest = top
    if "layers" not in top:
        found = list(_manifests(documents, top, DEEPEST_INDEX, path_of, []))
        images = [image for image in found if documents.has(_present(documents, path_of(image.manifest)))]
        if found and not images:
            raise ImageError(f"{path_of(found[0].manifest)} is missing")
        manifest = read(_chosen(images, choice, platform_of))
    elif choice != Choice():
        _chosen([_Candidate([], top)], choice, platform_of)
    config = path_of(_object(manifest.get("config"), "config in the manifest"))
    layers = _list(manifest.get("layers"), "layers in the manifest")
    return _joined(
        [path_of(_object(layer, "a layer in the manifest")) for layer in layers], _load(documents, config), config
    )


def _manifests(
    documents: Documents, index: dict[str, Any], depth: int, path_of: Path, above: list[str]
) -> Iterable[_Candidate]:
    """Yield the image manifests, also of nested indexes, whose names they have; attestations are no images."""
    for entry in _list(index.get("manifests"), "manifests in an index"):
        descriptor = _object(entry, "an index entry")
        platform = descriptor.get("platform")
        if isinstance(platform, dict) and platform.get("os") == "unknown":
            continue
        path, names = _present(documents, path_of(descriptor)), _oci_names(descriptor) or above
        nested = _object(_load(documents, path), path) if documents.has(path) else {}
        if "manifests" not in nested:
            yield _Candidate(names, descriptor, _platform(platform) if isinstance(platform, dict) else "")
        elif depth:
            yield from _manifests(documents, nested, depth - 1, path_of, names)


def _oci_names(descriptor: dict[str, Any]) -> list[str]:
    annotations = descriptor.get("annotations")
    keys = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    return [str(annotations[key]) for key in keys if key in annotations] if isinstance(annotations, dict) else []


def _joined(paths: list[str], content: object, source: str) -> list[LayerSource]:
    """Zip layers with digests and with the history entries that made a layer; history is optional."""
    config = _object(content, source)
    rootfs = config.get("rootfs")
    digests = _texts(rootfs.get("diff_ids") or [], "diff_ids") if isinstance(rootfs, dict) else []
    if digests and len(digests) != len(paths):
        raise ImageError(f"it lists {len(paths)} layers, but {source} has {len(digests)} diff_ids")
    history = config.get("history")
    entries = [entry for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
    made = [number for number, entry in enumerate(entries) if entry.get("empty_layer") is not True]
    told = zip(paths, digests or [""] * len(paths), strict=True)
    if len(made) != len(paths):
        return [LayerSource(path, digest, "") for path, digest in told]
    told_by = tuple(str(entry.get("created_by") or "") for entry in entries)
    return [
        LayerSource(path, digest, told_by[number], number, not _is_by_buildkit(entries[number]), history=told_by)
        for (path, digest), number in zip(told, made, strict=True)
    ]


def _is_by_buildkit(entry: dict[str, Any]) -> bool:
    return str(entry.get("comment") or "").startswith("buildkit.")


def _load(documents: Documents, path: str) -> object:
    try:
        return json.loads(documents.read(path))
    except (ValueError, RecursionError):
        raise ImageError(f"{path} is not JSON") from None


def _blob(descriptor: dict[str, Any]) -> str:
    """Return the path of the blob that a descriptor names; a digest that is none could name any file."""
    match = DIGEST.fullmatch(_text(descriptor.get("digest"), "a digest"))
    if match is None:
        raise ImageError(f"bad digest {descriptor['digest'][:80]!r}")
    kind, digits = (group for group in match.groups() if group)
    return f"blobs/{kind}/{digits}"


def _bare(descriptor: dict[str, Any]) -> str:
    """Return the path of a blob in skopeo's dir:, which names blobs by their bare digits."""
    return _blob(descriptor).rpartition("/")[2]


def _present(documents: Documents, path: str) -> str:
    """Return the path, or what skopeo's dir: calls a manifest below a list of manifests."""
    below = f"{path}.manifest.json"
    return below if not documents.has(path) and documents.has(below) else path


def _object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ImageError(f"{what} is not a JSON object")
    return value


def _list(value: object, what: str) -> list[object]:
    if not isinstance(value, list):
        raise ImageError(f"{what} is not a list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ImageError(f"{what} is missing or not a text")
    return value


def _texts(value: object, what: str) -> list[str]:
    return [_text(text, f"an entry of {what}") for text in _list(value, what)]
