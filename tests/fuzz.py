"""Changes archives at random and inspects them; run as a script it says how many, how slow and how large.

`uv run python -m tests.fuzz --count 20000 --seed 1`: all that may happen is a report or an ImageError.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import random
import resource
import signal
import sys
import tarfile
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from slimconda.config import Config
from slimconda.errors import ImageError
from slimconda.image_linter import lint_image
from slimconda.layers.image import Image, open_image
from slimconda.layers.request import Request
from slimconda.reporters import inspect_html, inspect_json, inspect_text
from tests.images import RECIPES, digest, docker_new, docker_old, layer_tar, load_recipe, oci_archive, podman

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS, BYTES = 20, 1 << 30  # for one image
BLOCK = 512
FIELDS = ((0, 100), (100, 108), (124, 136), (148, 156), (156, 157), (157, 257), (257, 265), (345, 500), (482, 495))
TOKENS = (
    b"\0",
    b"\xff",
    b"/",
    b"..",
    b"-1",
    b"9" * 12,
    b"7" * 12,
    b"\x80" + b"\xff" * 11,
    b"L",
    b"x",
    b"g",
    b"S",
    b"1",
)
RECORDS = (
    b"30 path=" + b"a" * 21 + b"\n",
    b"20 size=99999999999\n",
    b"99 path=x\n",
    b"27 GNU.sparse.realsize=999\n",
    b"9 path=\0\n",
)


def seeds() -> list[list[bytes]]:
    """Return images by the plain tars of their layers: those of the recipes, and what writers of tars differ in."""
    images = [list(load_recipe(recipe).tars()) for recipe in RECIPES]
    formats = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    return [*images, [_written(layout) for layout in formats], [_records()]]


def _written(layout: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=layout) as tar:
        for name in (
            "opt/conda/pkgs/a-1-0.conda",
            "a" * 90 + "/" + "b" * 90,
            "g\xf6\xdfe",
            "opt/conda/conda-meta/history",
        ):
            info = tarfile.TarInfo(name)
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode("utf-8", "replace")[: info.size].ljust(info.size)))
        for kind, target in ((tarfile.LNKTYPE, "a" * 90), (tarfile.SYMTYPE, "../" * 30), (tarfile.FIFOTYPE, "")):
            info = tarfile.TarInfo(f"link{kind.decode()}")
            info.type, info.linkname = kind, target
            tar.addfile(info)
    return buffer.getvalue()


def _records() -> bytes:
    record = json.dumps({"name": "a", "version": "1", "build": "0", "files": ["lib/a", "../../b"]})
    return layer_tar(
        [{"file": "opt/conda/conda-meta/a-1-0.json", "text": record}, {"file": "opt/conda/lib/a", "size": 9}]
    )


def changed(tars: list[bytes], others: list[list[bytes]], chance: random.Random) -> bytes:
    """Return an archive of an image, damaged inside of its layers, outside of them, or both."""
    tars = list(tars)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        number = chance.randrange(len(tars)) if tars else 0
        if tars:
            tars[number] = chance.choice(INSIDE)(tars[number], chance.choice(chance.choice(others) or [b""]), chance)
    data = chance.choice(FORMS)(tars)
    for _ in range(chance.choice((0, 0, 1, 3))):
        data = chance.choice(OUTSIDE)(data, chance)
    return gzip.compress(data) if chance.random() < 0.05 else data


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8) if data else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _zeros(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    length = min(chance.randrange(2 * BLOCK), len(data) - start)
    return data[:start] + bytes(length) + data[start + length :]


def _header(data: bytes, _: bytes, chance: random.Random) -> bytes:
    """Change a field of a header and mend its checksum, so that what reads it believes it."""
    starts = [start for start in range(0, len(data) - BLOCK + 1, BLOCK) if data[start + 257 : start + 262] == b"ustar"]
    if not starts:
        return data
    start, changed = chance.choice(starts), bytearray(data)
    begin, end = chance.choice(FIELDS)
    value = (chance.choice(TOKENS) * 100)[: end - begin] if chance.random() < 0.7 else chance.randbytes(end - begin)
    changed[start + begin : start + end] = value.ljust(end - begin, b"\0")
    block = changed[start : start + BLOCK]
    changed[start + 148 : start + 156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 256)
    return bytes(changed)


def _splice(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Put blocks of another tar, or of this one again, between blocks."""
    source = chance.choice((data, other))
    at, begin = (BLOCK * chance.randrange(len(text) // BLOCK + 1) for text in (data, source))
    return data[:at] + source[begin : begin + BLOCK * chance.randint(1, 4)] + data[at + BLOCK * chance.randint(0, 2) :]


def _extend(data: bytes, _: bytes, chance: random.Random) -> bytes:
    """Put an extension header before a member."""
    info = tarfile.TarInfo("x")
    body = chance.choice((*RECORDS, b"n" * chance.choice((0, 99, 600, 20_000))))
    info.type, info.size = chance.choice((b"x", b"g", b"L", b"K")), len(body)
    at = BLOCK * chance.randrange(len(data) // BLOCK + 1)
    return data[:at] + info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % BLOCK) + data[at:]


def _inside(change: Callable[[bytes, random.Random], bytes]) -> Callable[[bytes, bytes, random.Random], bytes]:
    return lambda data, _, chance: change(data, chance)


def _json(data: bytes, chance: random.Random) -> bytes:
    """Change a word of the archive's JSON to another of the same length, so that the tar around it stays whole."""
    words = (b"layers", b"Layers", b"Config", b"config", b"rootfs", b"sha256", b"digest", b"history", b"null", b"[")
    word = chance.choice(words)
    value = chance.choice((b"\0", b"9", b"{", b'"', b"\xff", b"]")) * len(word)
    return data.replace(word, value, chance.choice((1, 1, -1)))


INSIDE = (_header, _header, _splice, _extend, *(_inside(change) for change in (_flip, _cut, _zeros)))
OUTSIDE = (_flip, _cut, _zeros, _json)
FORMS: tuple[Callable[[list[bytes]], bytes], ...] = (
    docker_old,
    podman,
    oci_archive,
    docker_new,
    lambda tars: docker_new(tars, pack=gzip.compress),
    lambda tars: docker_new(tars, pack=zstandard.ZstdCompressor(level=1).compress),
)


def inspect(path: Path) -> str:
    """Inspect an archive to every report's end; return what came out of it. Anything else is raised."""
    try:
        image = open_image(str(path), Request(records=True))
    except ImageError as error:
        line = str(error)
    else:
        return _reported(image)
    assert line.startswith(str(path))
    assert "\n" not in line
    return "refused"


def _reported(image: Image) -> str:
    report = lint_image(image, Config())
    for layer in image.layers:
        assert layer.size == layer.live + layer.dead == sum(file.size for file in layer.files)
    json.loads(inspect_json.render(image, report))
    inspect_text.render(image, report)
    inspect_html.render(image, report)
    return "read"


def run(count: int, seed: int) -> Iterator[tuple[str, float]]:
    """Yield what came of each changed archive, and the seconds it took; raises what inspecting one raises."""
    images, folder = seeds(), tempfile.TemporaryDirectory(prefix="slimconda-fuzz-")
    with folder as name:
        for number in range(count):
            chance = random.Random(f"{seed} {number}")
            path = Path(name, "image.tar")
            path.write_bytes(changed(chance.choice(images), images, chance))
            signal.alarm(SECONDS)
            started = time.perf_counter()
            try:
                yield inspect(path), time.perf_counter() - started
            except BaseException:
                Path(tempfile.gettempdir(), f"slimconda-fuzz-{digest(path.read_bytes())[:12]}.tar").write_bytes(
                    path.read_bytes()
                )
                raise
            finally:
                signal.alarm(0)


def main() -> None:
    """Fuzz, and print the figures; exit with 1 at the first traceback, hang or excess of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    try:
        for outcome, seconds in run(options.count, options.seed):
            outcomes[outcome] += 1
            slowest = max(slowest, seconds)
            if sum(outcomes.values()) % 1000 == 0:
                print(_told(outcomes, slowest), flush=True)
    except Exception:
        print(f"archive {sum(outcomes.values())} of seed {options.seed}:")
        traceback.print_exc()
        sys.exit(1)
    print(_told(outcomes, slowest))


def _told(outcomes: Counter[str], slowest: float) -> str:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(outcomes.items()))
    return f"{sum(outcomes.values()):,} archives: {told}; slowest {slowest:.2f} s; peak {peak} MiB"


if __name__ == "__main__":
    main()
