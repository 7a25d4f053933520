"""Archives that are broken, hostile or no images: always ImageError with one line, never a silent success."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest
import zstandard

from slimconda.errors import ImageError
from slimconda.layers import archive
from slimconda.layers.archive import read_stream
from slimconda.layers.image import analyse, open_image
from slimconda.layers.manifest import Choice
from slimconda.layers.request import Request
from tests.images import (
    FORMS,
    RECIPES,
    config,
    docker_gzip,
    docker_new,
    docker_old,
    docker_zstd,
    layer_tar,
    load_recipe,
    manifest,
    members_tar,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYER = layer_tar([{"file": "a/b", "size": 3000}, {"symlink": "a/c", "target": "b"}, {"dir": "d"}])
OTHER = layer_tar([{"whiteout": "a/b"}, {"file": "e", "size": 10}])
END = 1024  # bytes: the zeros that end a tar; what Python's tarfile pads beyond them tells nothing


def refused(data: bytes, tmp_path: Path, name: str | None = None) -> str:
    """Return why an archive is refused, and see that the line names the file and is one."""
    path = tmp_path / "image.tar"
    path.write_bytes(data)
    with pytest.raises(ImageError) as caught:
        open_image(str(path), Request(Choice(name)))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def trimmed(data: bytes) -> bytes:
    """Return a tar without the padding after its end."""
    end = len(data.rstrip(b"\0"))
    return data[: end + -end % 512 + END]


@pytest.mark.parametrize("form", ["docker-old", "docker-new", "docker-gzip", "oci-archive"])
def test_cut_archives_are_refused(form: str, tmp_path: Path) -> None:
    data = trimmed(FORMS[form]([LAYER, OTHER]))
    for end in [*range(0, len(data) - END, 331), *range(0, len(data) - END + 1, 512)]:
        refused(data[:end], tmp_path)
    (tmp_path / "whole.tar").write_bytes(data)
    assert open_image(str(tmp_path / "whole.tar")).size == 3011


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize("pack", [bytes, gzipped, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_cut_layers_are_refused(pack: object, tmp_path: Path) -> None:
    """The archive is whole, but one layer in it was cut before it was packed; its digest is that of the whole one."""
    assert callable(pack)
    whole = pack(trimmed(LAYER))
    # Cut in its last blocks, zstd may still give the whole tar: then nothing is lost.
    length = len(whole) - (END if pack is bytes else 1 if pack is gzipped else 5)
    for end in range(0, length, 97 if len(whole) > 500 else 7):
        cut = whole[:end]
        files = [("config.json", config([LAYER])), ("layer.tar", cut)]
        message = refused(
            members_tar([*files, ("manifest.json", manifest("config.json", ["layer.tar"], None))]), tmp_path
        )
        assert message.startswith("layer layer.tar: ")


def test_a_layer_without_end_marker_is_taken_by_its_digest(tmp_path: Path) -> None:
    bare = LAYER.rstrip(b"\0")
    bare += bytes(-len(bare) % 512)
    for form in (docker_new, docker_gzip, docker_zstd):
        (tmp_path / "a.tar").write_bytes(form([bare]))
        assert open_image(str(tmp_path / "a.tar")).size == 3001


@pytest.mark.parametrize("offset", [0, 150, 300])
def test_damaged_headers_are_refused(offset: int, tmp_path: Path) -> None:
    damaged = bytearray(LAYER)
    start = damaged.index(b"a/c")
    damaged[start + offset] ^= 0x20
    files = [("config.json", config([bytes(damaged)])), ("layer.tar", bytes(damaged))]
    data = members_tar([*files, ("manifest.json", manifest("config.json", ["layer.tar"], None))])
    assert "layer layer.tar: the tar is damaged: no header at byte" in refused(data, tmp_path)


def with_manifest(text: bytes) -> bytes:
    return members_tar([("c.json", config([LAYER])), ("l.tar", LAYER), ("manifest.json", text)])


BROKEN = {
    "empty": (b"", "the tar is cut short at byte 0"),
    "text": (b"hello\n" * 100, "it is not a tar"),
    "zeros": (bytes(10240), "not an image: it has neither manifest.json nor index.json"),
    "no image": (LAYER, "not an image: it has neither manifest.json nor index.json"),
    "gzip": (gzip.compress(docker_old([LAYER]))[:-9], "its gzip data is cut short"),
    "zstd": (b"\x28\xb5\x2f\xfd" + b"\xff" * 600, "its zstd data is damaged"),
    "not JSON": (with_manifest(b"[{"), "manifest.json is not JSON"),
    "not UTF-8": (with_manifest(b"[\xff]"), "manifest.json is not JSON"),
    "deep JSON": (with_manifest(b"[" * 200_000), "manifest.json is not JSON"),
    "huge number": (with_manifest(b"[" + b"9" * 5000 + b"]"), "manifest.json is not JSON"),
    "object": (with_manifest(b"{}"), "manifest.json is not a list of images"),
    "numbers": (with_manifest(b"[1]"), "manifest.json is not a list of images"),
    "no image inside": (with_manifest(b"[]"), "it holds no image"),
    "no config": (with_manifest(b'[{"Layers": ["l.tar"]}]'), "Config in manifest.json is missing or not a text"),
    "config a list": (
        with_manifest(b'[{"Config": ["c"], "Layers": []}]'),
        "Config in manifest.json is missing or not a text",
    ),
    "config away": (with_manifest(manifest("../etc/x", ["l.tar"], None)), "../etc/x is missing from it"),
    "config no JSON": (with_manifest(manifest("l.tar", ["l.tar"], None)), "l.tar is not JSON"),
    "layers a text": (with_manifest(b'[{"Config": "c.json", "Layers": "l.tar"}]'), "Layers is not a list"),
    "layer a number": (
        with_manifest(b'[{"Config": "c.json", "Layers": [1]}]'),
        "an entry of Layers is missing or not a text",
    ),
    "tags a number": (with_manifest(b'[{"Config": "c.json", "RepoTags": 1}]'), "RepoTags is not a list"),
    "too few layers": (with_manifest(manifest("c.json", [], None)), "it lists 0 layers, but c.json has 1 diff_ids"),
    "line feed": (with_manifest(manifest("c.json", ["a\nb"], None)), "a b is missing from it"),
    "layer away": (with_manifest(manifest("c.json", ["x.tar"], None)), "x.tar is missing from it"),
    "layer is JSON": (
        with_manifest(manifest("c.json", ["c.json"], None)),
        "layer c.json: the tar is cut short at byte 251",
    ),
    "zstd layer": (docker_new([LAYER], pack=lambda _: b"\x28\xb5\x2f\xfd"), "the tar is cut short at byte 0"),
    "zstd with a large window": (
        docker_new([LAYER], pack=lambda _: b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(99)),
        "its zstd data is damaged",
    ),
    "damaged gzip": (docker_new([LAYER], pack=lambda _: b"\x1f\x8b" + bytes(99)), "its gzip data is damaged"),
    "loop": (members_tar([("manifest.json", "index.json"), ("index.json", "manifest.json")]), "not an image"),
    "index a list": (members_tar([("index.json", b"[]")]), "index.json is not a JSON object"),
    "index empty": (members_tar([("index.json", b"{}")]), "manifests in an index is not a list"),
    "bad digest": (members_tar([("index.json", b'{"manifests": [{"digest": "sha256:../../x"}]}')]), "bad digest"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_image_is_refused(case: str, tmp_path: Path) -> None:
    data, message = BROKEN[case]
    assert message in refused(data, tmp_path)


def test_blobs_of_no_platform(tmp_path: Path) -> None:
    gone = {"manifests": [{"digest": f"sha256:{'0' * 64}"}]}
    message = refused(members_tar([("index.json", json.dumps(gone).encode())]), tmp_path)
    assert message == f"blobs/sha256/{'0' * 64} is missing"


def test_large_documents_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_DOCUMENT", 100)
    assert "bytes is too large" in refused(docker_old([LAYER]), tmp_path)


def test_large_extension_headers_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = b"x", 1 << 40
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)
    assert "the tar has an extension header of 1,099,511,627,776 bytes" in refused(data, tmp_path)


def test_data_after_the_end_is_refused(tmp_path: Path) -> None:
    whole = trimmed(LAYER)
    hidden = whole[:-END] + bytes(512) + whole
    assert "the tar has data after its end" in refused(docker_new([hidden]), tmp_path)


def test_several_images_need_a_name(tmp_path: Path) -> None:
    images = [
        {"Config": "c.json", "RepoTags": [tag] if tag else None, "Layers": ["l.tar"]}
        for tag in ("a:1", "b:latest", None)
    ]
    data = with_manifest(json.dumps(images).encode())
    assert "it holds 3 images (a:1, b:latest, one without a name)" in refused(data, tmp_path)
    assert refused(data, tmp_path, "z") == "it holds no image z"
    assert open_image(str(tmp_path / "image.tar"), Request(Choice("a:1"))).size == 3001
    assert open_image(str(tmp_path / "image.tar"), Request(Choice("b"))).size == 3001


def test_the_last_of_a_path_wins(tmp_path: Path) -> None:
    names = [("l.tar", OTHER), ("./l.tar", LAYER), ("c.json", config([LAYER]))]
    (tmp_path / "a.tar").write_bytes(members_tar([*names, ("/manifest.json", manifest("c.json", ["l.tar"], None))]))
    assert open_image(str(tmp_path / "a.tar")).size == 3001


def test_without_history_and_diff_ids(tmp_path: Path) -> None:
    for text in (b"{}", b'{"history": 3, "rootfs": []}', b'{"history": [3, {}, {}]}'):
        files = [("l.tar", LAYER), ("c.json", text), ("manifest.json", manifest("c.json", ["l.tar"], None))]
        (tmp_path / "a.tar").write_bytes(members_tar(files))
        (layer,) = open_image(str(tmp_path / "a.tar")).layers
        assert (layer.digest, layer.created_by, layer.size) == ("", "", 3001)


def test_unreadable_paths(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not an image"):
        open_image(str(tmp_path))
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(ImageError, match=r"link: cannot be read \(No such file or directory\)"):
        open_image(str(tmp_path / "link"))


@pytest.mark.parametrize("length", [300, 100_000])
def test_a_name_that_is_too_long_is_one_short_line(length: int, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps([{"Config": "x" * length, "Layers": []}]))
    with pytest.raises(ImageError, match="File name too long") as caught:
        open_image(str(tmp_path))
    assert len(str(caught.value)) < 1010 + len(f"{tmp_path}: ")


def test_a_folder_cannot_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_bytes(config([LAYER]))
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "manifest.json").write_bytes(manifest("../outside.json", [], None))
    with pytest.raises(ImageError, match="is missing from it"):
        open_image(str(folder))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_stream_gives_the_same(recipe: Path, form: str, tmp_path: Path) -> None:
    data = FORMS[form](load_recipe(recipe).tars())
    (tmp_path / "a.tar").write_bytes(data)
    direct = open_image(str(tmp_path / "a.tar"))
    streamed = analyse("x", read_stream(chunks(data, 4093), Request()))
    assert streamed.totals == direct.totals
    assert [layer.files for layer in streamed.layers] == [layer.files for layer in direct.layers]


@pytest.mark.parametrize("form", ["docker-old", "docker-gzip"])
def test_cut_streams_are_refused(form: str) -> None:
    data = trimmed(FORMS[form]([LAYER, OTHER]))
    for end in range(0, len(data) - END, 331):
        with pytest.raises(ImageError):
            list(read_stream(chunks(data[:end], 1000), Request()))


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_progress_is_told_and_grows(tmp_path: Path) -> None:
    for form in (docker_old, docker_gzip, docker_zstd):
        (tmp_path / "a.tar").write_bytes(form([LAYER, OTHER]))
        told: list[int] = []
        open_image(str(tmp_path / "a.tar"), Request(progress=told.append))
        assert told
        assert max(told) <= (tmp_path / "a.tar").stat().st_size


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(docker_old([LAYER, OTHER]),))
    writer.start()
    assert open_image(str(pipe)).size == 3011
    writer.join()


@pytest.mark.parametrize("form", FORMS)
def test_damage_is_never_a_bug(form: str, tmp_path: Path) -> None:
    """Bytes changed anywhere: an image or an ImageError, nothing else."""
    whole, path, chance = FORMS[form]([LAYER, OTHER]), tmp_path / "a.tar", random.Random(7)
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        with contextlib.suppress(ImageError):
            open_image(str(path))
        with contextlib.suppress(ImageError):
            analyse("x", read_stream(chunks(bytes(data), 1000), Request()))


def test_damaged_documents_are_never_a_bug(tmp_path: Path) -> None:
    """Each value of the JSON documents replaced by each kind of JSON value."""
    values: list[object] = [None, 1, "x", [], {}, [[]], [None], {"digest": 3}]
    path = tmp_path / "a.tar"
    settings = json.loads(config([LAYER]))
    top = json.loads(manifest("c.json", ["l.tar"], ["a:1"]))
    for value in values:
        documents = [({**settings, key: value}, top) for key in settings]
        documents += [({**settings, "rootfs": {"diff_ids": value}}, top), ({**settings, "history": [value]}, top)]
        documents += [(settings, [{**top[0], key: value}]) for key in top[0]]
        for settled, images in [*documents, (value, top), (settings, value)]:
            files = [("l.tar", LAYER), ("c.json", json.dumps(settled).encode())]
            path.write_bytes(members_tar([*files, ("manifest.json", json.dumps(images).encode())]))
            with contextlib.suppress(ImageError):
                open_image(str(path))
