"""The tar scanner against the standard library's tarfile, over every format and the odd ones."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimconda.errors import ImageError
from slimconda.layers import streams
from slimconda.layers.headers import Header, read_header, row_of, simple_row, simple_size
from slimconda.layers.streams import Chunks, FilePart
from slimconda.layers.tar import Kind, Member, rows, scan

if TYPE_CHECKING:
    pass

NAMES = [
    "a",
    "dir/" + "n" * 90,
    "d" * 100 + "/" + "e" * 90,
    "x" + "f/" * 120 + "g",
    "h" * 300,
    "ünï/çödé",
    "raw\udcff",
    "nl\nx",
]
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
KINDS = {tarfile.LNKTYPE: Kind.HARD_LINK, tarfile.SYMTYPE: Kind.SYMLINK, tarfile.DIRTYPE: Kind.DIRECTORY}


def scanned(data: bytes) -> list[Member]:
    return list(scan(Chunks(iter([data])), lambda: False))


def expected(data: bytes) -> list[Member]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="surrogateescape") as tar:
        return [member(info) for info in tar]


def member(info: tarfile.TarInfo) -> Member:
    kind = Kind.FILE if info.isreg() or info.issparse() else KINDS.get(info.type, Kind.OTHER)
    target = info.linkname if kind in {Kind.HARD_LINK, Kind.SYMLINK} else ""
    length = len(target.encode("utf-8", "surrogateescape"))
    size = info.size if kind is Kind.FILE else length if kind is Kind.SYMLINK else 0
    return Member(info.name, kind, size, target)


def stripped(members: list[Member]) -> list[Member]:
    return [entry._replace(path=entry.path.rstrip("/")) for entry in members]


def written(infos: list[tarfile.TarInfo], layout: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=layout, errors="surrogateescape") as tar:
        for info in infos:
            try:
                tar.addfile(info, io.BytesIO(bytes(info.size)) if info.isreg() else None)
            except ValueError:
                continue  # ustar cannot say it
    return buffer.getvalue()


def infos() -> list[tarfile.TarInfo]:
    made = []
    for name in NAMES:
        for kind in (tarfile.REGTYPE, tarfile.AREGTYPE, *KINDS, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.CONTTYPE):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, name if kind in {tarfile.LNKTYPE, tarfile.SYMTYPE} else ""
            info.size = 700 if info.isreg() else 0
            made.append(info)
    return made


@pytest.mark.parametrize("layout", FORMATS)
def test_formats(layout: str) -> None:
    data = written(infos(), FORMATS[layout])
    assert stripped(scanned(data)) == stripped(expected(data))
    assert len(scanned(data)) > 20


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=300), st.integers(0, 2000)), max_size=5),
    st.sampled_from([*FORMATS]),
)
def test_random_names(files: list[tuple[str, int]], layout: str) -> None:
    made = []
    for name, size in files:
        info = tarfile.TarInfo(name.replace("\0", "0").encode("utf-8", "replace").decode())
        info.size = size
        made.append(info)
    data = written(made, FORMATS[layout])
    assert stripped(scanned(data)) == stripped(expected(data))


@given(st.integers(0, 3000), st.integers(512, 5000), st.integers(1, 700))
def test_a_part_of_a_file_reads_as_chunks_do(before: int, ahead: int, chunk: int) -> None:
    """Wherever the part lies, however much is read at once, and whatever follows it."""
    data = b"".join(written(infos(), layout)[:-10240] for layout in FORMATS.values()) + bytes(1024)
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "AHEAD", ahead)
        file.write(b"0" * before + data + b"0" * 10_000)
        file.flush()
        found = list(rows(FilePart(file.fileno(), before, len(data)), lambda: False))
    chunks = iter([data[start : start + chunk] for start in range(0, len(data), chunk)])
    assert found == list(rows(Chunks(chunks), lambda: False))
    assert len(found) > 60


def test_base_256_sizes_and_negative_ones() -> None:
    info = tarfile.TarInfo("big")
    info.size = 1 << 36
    header = info.tobuf(tarfile.GNU_FORMAT)
    stream = scan(Chunks(iter([header])), lambda: False)
    assert next(stream).size == 1 << 36
    info.size = -1
    with pytest.raises(ImageError, match="it is not a tar"):
        scanned(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def test_global_pax_headers() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "x" * 2000}) as tar:
        tar.addfile(tarfile.TarInfo("a"))
    assert [entry.path for entry in scanned(buffer.getvalue())] == ["a"]


def test_damaged_pax_records() -> None:
    for records in (b"99999999 path=x\n", b"0 path=x\n", b"path=x\n", b"12 size=ab\n\n", b"11 size=-1\n"):
        info = tarfile.TarInfo("x")
        info.type, info.size = b"x", len(records)
        data = info.tobuf(tarfile.USTAR_FORMAT) + records.ljust(512, b"\0") + written([tarfile.TarInfo("a")], 0)
        if records.startswith(b"9"):
            continue  # a length beyond the data says no more than the data does
        with pytest.raises(ImageError):
            scanned(data)


@pytest.mark.parametrize("layout", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_gnu_tar(layout: str, tmp_path: Path) -> None:
    program = shutil.which("tar")
    assert program
    (tmp_path / "in" / "folder").mkdir(parents=True)
    with (tmp_path / "in" / "holes").open("wb") as file:
        for index in range(30):
            file.seek(index * 100_000)
            file.write(b"x" * 5000)
    (tmp_path / "in" / "folder" / "link").symlink_to("../holes")
    (tmp_path / "in" / "hard").hardlink_to(tmp_path / "in" / "holes")
    sparse = [] if layout in {"v7", "ustar"} else ["--sparse"]
    command = [program, f"--format={layout}", *sparse, "--sort=name", "-C", str(tmp_path / "in"), "-cf", "-", "."]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert stripped(scanned(data)) == stripped(expected(data))
    assert sum(entry.size for entry in scanned(data)) == 2_905_000 + len("../holes")


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_pax_sparse(version: str, tmp_path: Path) -> None:
    program = shutil.which("tar")
    assert program
    with (tmp_path / "holes").open("wb") as file:
        file.seek(1_000_000)
        file.write(b"x" * 5000)
    command = [program, "--format=posix", f"--sparse-version={version}", "-S", "-C", str(tmp_path), "-cf", "-", "holes"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert scanned(data) == [Member("holes", Kind.FILE, 1_005_000, "")]


def read_exactly(block: bytes) -> Header | None:
    try:
        return read_header(block, 512)
    except ImageError:
        return None


@given(
    st.sampled_from(NAMES),
    st.sampled_from([*KINDS, tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.GNUTYPE_SPARSE, b"L", b"x", b"9"]),
    st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), max_size=3),
    st.booleans(),
)
def test_the_short_way_reads_headers_as_the_exact_one(
    name: str, kind: bytes, changes: list[tuple[int, int]], mend: bool
) -> None:
    """Whatever is changed in a header, with its checksum mended or not: what the short way reads, it reads alike."""
    info = tarfile.TarInfo(name[:90])
    info.type, info.size, info.linkname = kind, 12345, "target"
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape")[-512:])
    for offset, value in changes:
        block[offset] = value
    if mend:
        block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 256)
    held = b"before" + bytes(block)
    simple, size, exact = simple_row(held, 6, {}, 512), simple_size(held, 6), read_exactly(bytes(block))
    assert simple is None or (exact is not None and simple == row_of(exact, 512))
    assert simple is None or simple[1] is not Kind.FILE or (exact is not None and exact.data == simple[2])
    assert size is None or (exact is not None and size == exact.apparent) or kind == tarfile.GNUTYPE_SPARSE
    assert changes or mend or kind not in {tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE} or simple


def test_a_real_tree(tmp_path: Path) -> None:
    """An installed package, by GNU tar."""
    program = shutil.which("tar")
    assert program
    for layout in ("gnu", "posix"):
        command = [
            program,
            f"--format={layout}",
            "-C",
            str(Path(hypothesis.__file__).parent),
            "-cf",
            str(tmp_path / "a"),
            ".",
        ]
        subprocess.run(command, check=True, capture_output=True)
        data = (tmp_path / "a").read_bytes()
        members = scanned(data)
        assert len(members) > 100
        assert stripped(members) == stripped(expected(data))


def test_absurd_names_are_refused() -> None:
    for name, target in (("a/" * 10_000, ""), ("a", "b/" * 10_000)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        for layout in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with pytest.raises(ImageError, match="the tar has a name of"):
                scanned(info.tobuf(layout) + bytes(1024))
