"""Every kind of source: folders of skopeo, standard input, several platforms and images, bombs and compressed bytes."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING

import pytest
import zstandard

from slimconda.errors import ImageError
from slimconda.layers import columns, packing
from slimconda.layers.image import open_image
from slimconda.layers.manifest import Choice
from slimconda.layers.request import Request
from tests.images import (
    FORMS,
    RECIPES,
    dir_files,
    docker_new,
    docker_old,
    layer_tar,
    load_recipe,
    members_tar,
    packed,
    platforms,
)
from tests.test_layers_recipes import facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SMALL = layer_tar([{"file": "a", "size": 1000}])
LARGE = layer_tar([{"file": "a", "size": 5000}])


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def written(folder: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)


@pytest.mark.parametrize("pack", [bytes, gzipped, zstandard.compress])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_dir_of_skopeo(recipe: Path, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    loaded = load_recipe(recipe)
    folder = written(tmp_path, dir_files(loaded.tars(), pack))
    assert facts(open_image(folder), loaded.expect) == loaded.expect


def test_a_dir_with_a_list_of_manifests(tmp_path: Path) -> None:
    inner = dir_files([SMALL])
    manifest = inner.pop("manifest.json")
    name = "1" * 64
    top = {"manifests": [{"digest": f"sha256:{name}", "platform": {"os": "linux", "architecture": "amd64"}}]}
    files = {**inner, f"{name}.manifest.json": manifest, "manifest.json": json.dumps(top).encode()}
    assert open_image(written(tmp_path, files)).size == 1000


def test_a_platform_is_chosen(tmp_path: Path) -> None:
    folder = written(tmp_path, platforms({"amd64": [SMALL], "arm64": [LARGE]}))
    for platform, size in (("linux/amd64", 1000), ("linux/arm64", 5000), ("linux", None), ("linux/s390x", None)):
        request = Request(Choice(platform=platform))
        if size:
            assert open_image(folder, request).size == size
        else:
            with pytest.raises(ImageError, match=r"b:1 for linux/amd64|only for linux/amd64, linux/arm64"):
                open_image(folder, request)
    with pytest.raises(ImageError, match=r"it holds 2 images \(b:1 for linux/amd64, b:1 for linux/arm64\)"):
        open_image(folder)
    assert open_image(folder, Request(Choice("b:1", "linux/arm64"))).size == 5000
    with pytest.raises(ImageError, match="it holds no image c"):
        open_image(folder, Request(Choice("c", "linux/arm64")))


@pytest.mark.parametrize("form", FORMS)
def test_the_platform_of_a_single_image_is_checked(form: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(FORMS[form]([SMALL]))
    assert open_image(str(tmp_path / "a.tar"), Request(Choice(platform="linux/amd64"))).size == 1000
    with pytest.raises(ImageError, match="it holds no image for linux/arm64, only for linux/amd64"):
        open_image(str(tmp_path / "a.tar"), Request(Choice(platform="linux/arm64")))
    folder = written(tmp_path / "dir", dir_files([SMALL]))
    with pytest.raises(ImageError, match="it holds no image for linux/arm64, only for linux/amd64"):
        open_image(folder, Request(Choice(platform="linux/arm64")))


def inspected(**streams: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from slimconda.cli import main; main()", "inspect", "--format=json", "-"]
    return subprocess.run(command, capture_output=True, check=False, **streams)  # type: ignore[call-overload,no-any-return]


def test_standard_input_as_pipe_and_as_file(tmp_path: Path) -> None:
    data = docker_old([SMALL])
    piped = inspected(input=data)
    (tmp_path / "a.tar").write_bytes(data)
    with (tmp_path / "a.tar").open("rb") as file:
        direct = inspected(stdin=file)
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert piped.stdout == direct.stdout
    assert json.loads(piped.stdout)["image"] == "standard input"
    assert json.loads(piped.stdout)["size"] == 1000


def test_standard_input_without_an_image() -> None:
    for run in (inspected(input=b""), inspected(stdin=subprocess.DEVNULL)):
        assert run.returncode == 2
        assert run.stderr.startswith(b"slimconda: standard input: ")
        assert run.stderr.count(b"\n") == 1


def random_layer(sizes: dict[str, int]) -> bytes:
    """Return a layer whose files do not compress."""
    return members_tar([(name, os.urandom(size)) for name, size in sizes.items()])


@pytest.mark.parametrize("pack", [gzipped, zstandard.compress])
def test_what_a_file_takes_of_a_compressed_blob(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """Random bytes do not compress and zeros do: so much of the blob belongs to each."""
    tar = layer_tar([{"file": "zeros", "size": 3_000_000}]).rstrip(b"\0")
    tar += bytes(512 + 3_000_320 - len(tar)) + random_layer({"random": 2_000_000, "more": 1_000_000})
    (tmp_path / "a.tar").write_bytes(docker_new([tar], pack=pack))
    (layer,) = open_image(str(tmp_path / "a.tar")).layers
    packed = {file.paths[0]: file.packed for file in layer.files}
    assert layer.packed == len(pack(tar))
    assert abs(sum(packed.values()) - layer.packed) < 1000
    assert abs(packed["/random"] - 2_000_000) < 2 * packing.INPUT
    assert abs(packed["/more"] - 1_000_000) < 2 * packing.INPUT
    assert packed["/zeros"] < 2 * packing.INPUT


def test_plain_layers_have_no_compressed_size(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(docker_old([SMALL]))
    (layer,) = open_image(str(tmp_path / "a.tar")).layers
    assert layer.packed is None


def bomb(size: int) -> bytes:
    """Return zstd that unpacks to a file of zeros; the compressor is fed in pieces."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    buffer = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(buffer, closefd=False) as writer:
        writer.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            writer.write(bytes(1 << 20))
        writer.write(bytes(1024))
    return buffer.getvalue()


def extension_bomb(flag: bytes) -> bytes:
    """Return zstd of a file that 2,000 extension headers of 100 kB precede, each with another key."""
    buffer = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(buffer, closefd=False) as writer:
        for number in range(2000):
            record = b" key%06d=%s\n" % (number, b"x" * 100_000)
            record = b"%d%s" % (len(record) + 6, record)
            info = tarfile.TarInfo("x")
            info.type, info.size = flag, len(record)
            writer.write(info.tobuf(tarfile.USTAR_FORMAT) + record + bytes(-len(record) % 512))
        info = tarfile.TarInfo("file")
        writer.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1024))
    return buffer.getvalue()


def folder_bomb() -> bytes:
    """Return zstd of 400 empty files, each below 2,000 folders of its own that no member states."""
    return packed(layer_tar({"file": f"{number}/{'a/' * 2000}f"} for number in range(400)))


BOMBS = {
    "zeros": lambda: bomb(1 << 30),
    "pax headers": lambda: extension_bomb(b"x"),
    "global pax headers": lambda: extension_bomb(b"g"),
}


@pytest.mark.parametrize(("name", "expected"), [("zeros", 1 << 30), ("pax headers", 0), ("global pax headers", 0)])
def test_a_bomb_takes_little_memory(name: str, expected: int, tmp_path: Path) -> None:
    blob = BOMBS[name]()
    assert len(blob) < 1_000_000
    (tmp_path / "a.tar").write_bytes(docker_new([b"x"], pack=lambda _: blob))
    code = (
        "import sys, re, pathlib\nfrom slimconda.layers.image import open_image\nsize = open_image(sys.argv[1]).size\n"
        r"print(size, re.search(r'VmHWM:\s+(\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.tar")], capture_output=True, check=True)
    size, memory = map(int, run.stdout.split())
    assert size == expected
    assert memory < 80_000  # KiB


def test_a_larger_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LARGEST_UNPACKED", 64 << 20)
    (tmp_path / "a.tar").write_bytes(docker_new([b"x"], pack=lambda _: bomb(512 << 20)))
    started = time.process_time()
    with pytest.raises(ImageError, match="compressed bytes unpack to more than"):
        open_image(str(tmp_path / "a.tar"))
    assert time.process_time() - started < 10


def test_a_bomb_of_folders_is_refused(tmp_path: Path) -> None:
    blob = folder_bomb()
    assert len(blob) < 10_000
    (tmp_path / "a.tar").write_bytes(docker_new([b"x"], pack=lambda _: blob))
    with pytest.raises(ImageError, match=r"layer 0 has names that lead through too many folders$"):
        open_image(str(tmp_path / "a.tar"))


@pytest.mark.parametrize("counts", [[9000], [3000, 3000, 3000]])
def test_more_members_than_an_image_may_have_are_refused(
    counts: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tars = [layer_tar({"file": f"{place}/{number}"} for number in range(count)) for place, count in enumerate(counts)]
    (tmp_path / "a.tar").write_bytes(docker_new(tars))
    monkeypatch.setattr(columns, "MOST_MEMBERS", 9000)
    assert sum(len(layer.files) for layer in open_image(str(tmp_path / "a.tar")).layers) == 9000
    monkeypatch.setattr(columns, "MOST_MEMBERS", 8999)
    with pytest.raises(ImageError, match=r"it has more than 8,999 files and folders$"):
        open_image(str(tmp_path / "a.tar"))


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_layer_listed_again_and_again_is_read_once(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    tar = layer_tar({"file": f"f{number}", "size": 3} for number in range(1000))
    (tmp_path / "a.tar").write_bytes(docker_new([tar] * 4, pack=pack))
    read: list[int] = []
    image = open_image(str(tmp_path / "a.tar"), Request(progress=read.append))
    assert [layer.size for layer in image.layers] == [3000] * 4
    assert image.totals.dead == 9000
    assert read[-1] == len(pack(tar))
    (tmp_path / "b.tar").write_bytes(docker_new([tar] * 1100, pack=pack))
    with pytest.raises(ImageError, match=r"listed so often that its members are more than 1,000,000$"):
        open_image(str(tmp_path / "b.tar"))


COPIES = {
    "oci gzip": ("oci:{}:1", []),
    "oci zstd": ("oci:{}:1", ["--dest-compress-format", "zstd"]),
    "oci plain": ("oci:{}:1", ["--dest-oci-accept-uncompressed-layers"]),
    "oci-archive": ("oci-archive:{}:1", []),
    "dir": ("dir:{}", []),
    "dir gzip": ("dir:{}", ["--dest-compress"]),
    "docker-archive": ("docker-archive:{}:a:1", []),
}


@pytest.mark.parametrize("form", COPIES)
def test_what_skopeo_writes(form: str, tmp_path: Path) -> None:
    program = shutil.which("skopeo")
    if program is None:
        pytest.skip("no skopeo here")
    loaded = load_recipe(next(path for path in RECIPES if path.stem == "rm-later"))
    (tmp_path / "from.tar").write_bytes(docker_old(loaded.tars()))
    target, options = COPIES[form]
    source = f"docker-archive:{tmp_path}/from.tar"
    command = [program, "--insecure-policy", "copy", "-q", *options, source, target.format(tmp_path / "to")]
    subprocess.run(command, check=True, capture_output=True)
    assert facts(open_image(str(tmp_path / "to")), loaded.expect) == loaded.expect
