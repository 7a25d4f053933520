"""Recipes of layers (TOML) to layer tars, and those to image archives of every form, without any tool."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FIXTURES = Path(__file__).parent.parent / "fixtures"
RECIPES = sorted((FIXTURES / "images").glob("*.toml"))
LISTINGS = sorted((FIXTURES / "listings").glob("*.jsonl.gz"))
TYPES = {
    "file": tarfile.REGTYPE,
    "hardlink": tarfile.LNKTYPE,
    "symlink": tarfile.SYMTYPE,
    "dir": tarfile.DIRTYPE,
    "fifo": tarfile.FIFOTYPE,
}
LISTING_KINDS = {"f": Kind.FILE, "h": Kind.HARD_LINK, "l": Kind.SYMLINK, "d": Kind.DIRECTORY}
Entry = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """Layers of entries, lowest first, and what is true of them."""

    name: str
    layers: list[list[Entry]]
    expect: dict[str, Any]

    def tars(self) -> list[bytes]:
        return [layer_tar(entries) for entries in self.layers]


def load_recipe(path: Path) -> Recipe:
    content = tomllib.loads(path.read_text())
    return Recipe(path.stem, [layer["entries"] for layer in content["layers"]], content["expect"])


def layer_tar(entries: Iterable[Entry]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info = _header(entry)
            tar.addfile(info, io.BytesIO(bytes(info.size)) if info.size else None)
    return buffer.getvalue()


def _header(entry: Entry) -> tarfile.TarInfo:
    if "whiteout" in entry:
        folder, _, name = entry["whiteout"].rpartition("/")
        return tarfile.TarInfo(f"{folder}/.wh.{name}".lstrip("/"))
    if "opaque" in entry:
        return tarfile.TarInfo(f"{entry['opaque']}/.wh..wh..opq")
    kind = next(kind for kind in TYPES if kind in entry)
    info = tarfile.TarInfo(entry[kind])
    info.type, info.size, info.linkname = TYPES[kind], entry.get("size", 0), entry.get("target", "")
    return info


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def members_tar(members: Iterable[tuple[str, bytes | str]]) -> bytes:
    """Return a tar of files (bytes) and symlinks (text)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def config(tars: list[bytes]) -> bytes:
    """Return an image config whose history has an entry without a layer before each one with."""
    history: list[dict[str, Any]] = []
    for index in range(len(tars)):
        history += [{"created_by": "ENV A=1", "empty_layer": True}, {"created_by": f"RUN layer {index}"}]
    diff_ids = [f"sha256:{digest(tar)}" for tar in tars]
    content = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    return json.dumps({**content, "history": history}).encode()


def manifest(config_path: str, layers: list[str], tags: list[str] | None) -> bytes:
    return json.dumps([{"Config": config_path, "RepoTags": tags, "Layers": layers}]).encode()


def docker_old(tars: list[bytes], tag: str = "a:1") -> bytes:
    """As Docker before 25 saves: a folder per layer, repeated ones as symlinks that may precede their target."""
    made: dict[str, str] = {}
    files: list[tuple[str, bytes | str]] = []
    paths = []
    for index, tar in enumerate(tars):
        folder = digest(f"{index}".encode())
        paths.append(f"{folder}/layer.tar")
        first = made.setdefault(digest(tar), folder)
        content = tar if first == folder else f"../{first}/layer.tar"
        files += [(f"{folder}/VERSION", b"1.0"), (f"{folder}/json", b'{"id":"x"}'), (f"{folder}/layer.tar", content)]
    settings = config(tars)
    name = f"{digest(settings)}.json"
    return members_tar(
        [*sorted(files, key=lambda file: file[0]), (name, settings), ("manifest.json", manifest(name, paths, [tag]))]
    )


def docker_new(tars: list[bytes], tag: str = "a:1", pack: Callable[[bytes], bytes] = bytes) -> bytes:
    """As Docker 25 and later saves: OCI blobs, perhaps compressed, and a manifest.json."""
    blobs = {f"blobs/sha256/{digest(pack(tar))}": pack(tar) for tar in tars}
    settings = config(tars)
    name = f"blobs/sha256/{digest(settings)}"
    paths = [f"blobs/sha256/{digest(pack(tar))}" for tar in tars]
    top = ("manifest.json", manifest(name, paths, [tag]))
    return members_tar([*sorted(blobs.items()), (name, settings), ("index.json", b"{}"), top])


def docker_gzip(tars: list[bytes]) -> bytes:
    return docker_new(tars, pack=packed)


def docker_zstd(tars: list[bytes]) -> bytes:
    return docker_new(tars, pack=chunked)


def chunked(data: bytes) -> bytes:
    """Return zstd as zstd:chunked writes it: many frames, and skippable ones among them."""
    half, skippable = len(data) // 2, b"\x50\x2a\x4d\x18\x05\0\0\0hello"
    first, second = zstandard.compress(data[:half]), zstandard.compress(data[half:])
    return skippable + first + skippable + second + skippable


def packed(data: bytes) -> bytes:
    """Return gzip of two members, as eStargz has many."""
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)


def podman(tars: list[bytes]) -> bytes:
    settings = config(tars)
    paths = [f"{digest(tar)}.tar" for tar in tars]
    files: list[tuple[str, bytes | str]] = [(path, tar) for path, tar in zip(paths, tars, strict=True)]
    extra: list[tuple[str, bytes | str]] = [(f"{index}/layer.tar", f"../{path}") for index, path in enumerate(paths)]
    name = f"{digest(settings)}.json"
    return members_tar(
        [*dict(files).items(), *extra, (name, settings), ("manifest.json", manifest(name, paths, ["a:1"]))]
    )


def oci_files(tars: list[bytes]) -> dict[str, bytes]:
    """Return an OCI layout whose index leads through a nested one, with an attestation and an absent platform."""
    blobs: dict[str, bytes] = {}

    def put(data: bytes, **more: Any) -> dict[str, Any]:
        blobs[f"blobs/sha256/{digest(data)}"] = data
        return {"digest": f"sha256:{digest(data)}", "size": len(data), **more}

    image = {"config": put(config(tars)), "layers": [put(gzip.compress(tar, mtime=0)) for tar in tars]}
    entries = [
        put(json.dumps(image).encode(), platform={"os": "linux", "architecture": "amd64"}),
        {"digest": f"sha256:{'0' * 64}", "size": 1, "platform": {"os": "linux", "architecture": "arm64"}},
        put(b'{"layers": []}', platform={"os": "unknown", "architecture": "unknown"}),
    ]
    nested = put(json.dumps({"manifests": entries}).encode())
    index = {"schemaVersion": 2, "manifests": [nested]}
    return {**blobs, "oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode()}


def dir_files(tars: list[bytes], pack: Callable[[bytes], bytes] = bytes) -> dict[str, bytes]:
    """Return skopeo's dir:, whose manifest claims gzip whatever the layers are."""
    blobs = {digest(pack(tar)): pack(tar) for tar in tars}
    settings = config(tars)
    layers = [
        {"digest": f"sha256:{digest(pack(tar))}", "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
        for tar in tars
    ]
    content = {"schemaVersion": 2, "config": {"digest": f"sha256:{digest(settings)}"}, "layers": layers}
    top = {"version": b"Directory Transport Version: 1.1\n", "manifest.json": json.dumps(content).encode()}
    return {**blobs, digest(settings): settings, **top}


def platforms(images: dict[str, list[bytes]], tags: tuple[str, ...] = ("b:1",)) -> dict[str, bytes]:
    """Return an OCI layout with a named index of images by architecture, and an attestation for each."""
    blobs: dict[str, bytes] = {}

    def put(data: bytes, **more: Any) -> dict[str, Any]:
        blobs[f"blobs/sha256/{digest(data)}"] = data
        return {"digest": f"sha256:{digest(data)}", "size": len(data), **more}

    entries = []
    for architecture, tars in images.items():
        settings = json.dumps({**json.loads(config(tars)), "architecture": architecture}).encode()
        image = {"config": put(settings), "layers": [put(tar) for tar in tars]}
        platform = {"os": "linux", "architecture": architecture}
        entries.append(put(json.dumps(image).encode(), platform=platform))
        entries.append(put(f'{{"layers": [], "of": "{architecture}"}}'.encode(), platform={"os": "unknown"}))
    nested = put(json.dumps({"manifests": entries}).encode())
    named = [{**nested, "annotations": {"org.opencontainers.image.ref.name": tag}} for tag in tags]
    return {**blobs, "index.json": json.dumps({"manifests": named}).encode()}


def oci_archive(tars: list[bytes]) -> bytes:
    return members_tar(list(oci_files(tars).items()))


FORMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "docker-old": docker_old,
    "docker-new": docker_new,
    "docker-gzip": docker_gzip,
    "docker-zstd": docker_zstd,
    "docker-old-gzip": lambda tars: gzip.compress(docker_old(tars), 1),
    "docker-old-zstd": lambda tars: zstandard.compress(docker_old(tars)),
    "podman": podman,
    "oci-archive": oci_archive,
}


def load_listing(path: Path) -> Iterator[tuple[int, LayerSource, list[Member]]]:
    """Yield a recorded listing's layers with the index that each has in its image."""
    index, source, members = -1, LayerSource("", "", ""), list[Member]()
    with gzip.open(path, "rt") as lines:
        for row in map(json.loads, lines):
            if "layer" not in row:
                members.append(_member(row))
                continue
            if index >= 0:
                yield index, source, members
            index, source, members = row["layer"], LayerSource("", "", row["created_by"]), []
    yield index, source, members


def _member(row: dict[str, Any]) -> Member:
    kind, target = LISTING_KINDS[row["t"]], row.get("l", "")
    size = len(target.encode()) if kind is Kind.SYMLINK else row.get("s", 0)
    return Member(row["n"], kind, size, target)
