"""What is kept of layers between runs: the same facts without reading, and never another layer's."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from slimconda.cli import make_app
from slimconda.errors import ImageError
from slimconda.findings import Report
from slimconda.layers import kept
from slimconda.layers.archive import Find, read_stream, unknown
from slimconda.layers.columns import Members
from slimconda.layers.contents import Content, read_content
from slimconda.layers.entries import decode, encode
from slimconda.layers.headers import HARD_LINK, Kind, Row
from slimconda.layers.image import Image, analyse, open_image
from slimconda.layers.names import names_of
from slimconda.layers.records import PackageRecord, Records
from slimconda.layers.remembered import Known
from slimconda.layers.request import Request
from slimconda.layers.store import Store
from slimconda.layers.streams import Chunks, Stream
from slimconda.reporters.inspect_json import render
from tests.images import digest, docker_new, docker_old, members_tar, oci_files, podman

if TYPE_CHECKING:
    from pathlib import Path

    from docker import DockerClient

    from tests.conftest import Build

RECORD = json.dumps({"name": "a", "version": "1", "build": "0", "files": ["lib/a.so"]}).encode()
TAR = members_tar([("opt/conda/conda-meta/a-1-0.json", RECORD), ("opt/conda/lib/a.so", b"x" * 3000), ("b\udcff", b"y")])
OTHER = members_tar([("other", b"z" * 50)])
# What a tar's bytes can be read as: of lone surrogates only those that stand for one byte.
TEXTS = st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def plain(data: bytes) -> bytes:
    return data


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SETTLED_AFTER", 0)


def look(path: Path, store: Store | None, *, records: bool = False) -> tuple[str, bool]:
    """Return the report, and whether layers were read for it."""
    told: list[int] = []
    image = open_image(str(path), Request(progress=told.append, records=records, store=store))
    return report(image), any(told)


def report(image: Image) -> str:
    return render(image, Report(()))


@pytest.mark.parametrize("pack", [plain, packed])
@pytest.mark.parametrize("records", [False, True])
def test_a_second_look_reads_no_layer(pack: object, records: bool, tmp_path: Path) -> None:
    archive, store = tmp_path / "a.tar", Store(tmp_path / "kept")
    archive.write_bytes(docker_new([TAR, OTHER], pack=pack))  # type: ignore[arg-type]
    first, second = look(archive, store, records=records), look(archive, store, records=records)
    assert (first[1], second[1]) == (True, False)
    assert first[0] == second[0] == look(archive, None, records=records)[0]
    assert ('"name": "a"' in first[0]) == records


def test_what_was_kept_without_records_does_not_serve_where_these_are_wanted(tmp_path: Path) -> None:
    archive, store = tmp_path / "a.tar", Store(tmp_path / "kept")
    archive.write_bytes(docker_new([TAR], pack=packed))
    assert look(archive, store)[1]
    assert look(archive, store, records=True) == (look(archive, None, records=True)[0], True)
    assert look(archive, store) == (look(archive, None)[0], False)


def test_a_file_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    archive, store = tmp_path / "a.tar", Store(tmp_path / "kept")
    for tar in (TAR, OTHER):
        archive.write_bytes(docker_old([tar]))
        assert look(archive, store) == (look(archive, None)[0], True)


def test_a_file_that_was_just_written_is_not_known_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one tick of the file system's clock it could be written once more, and look the same."""
    monkeypatch.setattr(kept, "SETTLED_AFTER", 10**15)
    archive, store = tmp_path / "a.tar", Store(tmp_path / "kept")
    archive.write_bytes(docker_new([TAR]))
    assert [look(archive, store)[1] for _ in range(2)] == [True, True]


def test_another_archive_with_the_same_compressed_layer_only_hashes_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    for name, tars, reads in (("a.tar", [TAR], True), ("b.tar", [TAR, OTHER], True), ("c.tar", [OTHER], False)):
        (tmp_path / name).write_bytes(docker_new(tars, pack=packed))
        assert look(tmp_path / name, store) == (look(tmp_path / name, None)[0], reads)


def test_a_stated_digest_is_not_believed(tmp_path: Path) -> None:
    """An archive that gives its layer another one's digest neither gets that one, nor stands in for it later."""
    honest, liar = tmp_path / "honest", tmp_path / "liar"
    for folder in (honest, liar):
        for name, data in oci_files([TAR]).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            is_layer = folder is liar and data.startswith(b"\x1f\x8b")
            (folder / name).write_bytes(gzip.compress(OTHER) if is_layer else data)
    expected = {folder: look(folder, None)[0] for folder in (honest, liar)}
    assert json.loads(expected[liar])["size"] == 50
    for order in ((honest, liar), (liar, honest)):
        store = Store(tmp_path / f"{order[0].name}-first")
        assert [look(folder, store) for folder in order] == [(expected[folder], True) for folder in order]
        assert [look(folder, store) for folder in order] == [(expected[folder], False) for folder in order]


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:-9], lambda data: b"x" + data[1:], lambda data: b"{}"]
)
def test_damaged_and_foreign_files_are_written_again(damage: object, tmp_path: Path) -> None:
    archive, store = tmp_path / "a.tar", Store(tmp_path / "kept")
    archive.write_bytes(docker_new([TAR], pack=packed))
    expected = look(archive, store)[0]
    for path in store.folder.iterdir():
        path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert look(archive, store) == (expected, True)
    assert look(archive, store) == (expected, False)


def test_a_file_under_another_ones_name_is_foreign(tmp_path: Path) -> None:
    archive, store = tmp_path / "a.tar", Store(tmp_path / "kept")
    archive.write_bytes(docker_old([TAR, OTHER]))
    expected = look(archive, store)[0]
    first, second = store.folder.iterdir()
    first.write_bytes(second.read_bytes())
    assert look(archive, store) == (expected, True)


def test_the_folder_stays_small(tmp_path: Path) -> None:
    store = Store(tmp_path, 40_000)
    content = Content(Members((b"%d" % n, Kind.FILE, hash((n, n)) % 10**15, b"", 0) for n in range(600)))
    for number in range(12):
        store.save(f"{number}", content, records=False)
        store.load("0", records=False)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40_000
    assert store.has("0")
    assert store.has("11")
    assert not store.has("1")


@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(Kind), st.integers(0, 2**63 - 1), TEXTS, st.integers(0, 99))),
    st.booleans(),
)
def test_what_is_kept_comes_back(entries: list[tuple[str, Kind, int, str, int]], is_packed: bool) -> None:
    records = Records()
    records["p/conda-meta/a.json"] = PackageRecord("a", "1", "0", ("x", "y"))
    costs = [entry[4] for entry in entries]
    members = Members(map(row, entries), (lambda _: costs) if is_packed else None)
    expected = [(*entry[:4], entry[4] if is_packed else 0) for entry in entries]
    content = Content(members, 99 if is_packed else None, records)
    found = decode(encode("k", content, records=True), "k", records=True)
    assert found is not None
    assert ([*found.members], found.packed, found.records) == (expected, content.packed, content.records)
    assert len(found.members) == len(expected)
    assert decode(encode("k", content, records=False), "k", records=True) is None
    assert decode(encode("k", content, records=True), "other", records=True) is None


def row(entry: tuple[str, Kind, int, str, int]) -> Row:
    path, kind, size, target, cost = entry
    return path.encode("utf-8", "surrogateescape"), kind, size, target.encode("utf-8", "surrogateescape"), cost


def test_many_members_take_little_memory_and_come_back_as_often_as_they_are_asked_for() -> None:
    def many() -> Iterator[tuple[str, Kind, int, str, int]]:
        for n in range(30_000):
            path = f"opt/conda/lib/python3.11/site-packages/p{n // 20}/\udcff{n}"
            yield path, HARD_LINK if n % 2 else Kind.FILE, 0 if n % 2 else n << 40, path if n % 2 else "", 3 * n

    tracemalloc.start()
    try:
        members = Members(map(row, many()), lambda places: places)
        assert tracemalloc.get_traced_memory()[0] < 4_000_000
    finally:
        tracemalloc.stop()
    assert len(members) == 30_000
    assert [*members] == [*members] == [*many()]
    kept = decode(encode("k", Content(members, 9), records=False), "k", records=False)
    assert kept is not None
    assert [*kept.members] == [*many()]


@pytest.mark.daemon
def test_a_second_look_at_a_daemons_image_saves_nothing(
    docker_client: DockerClient, base_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    first = report(open_image(base_image, Request(store=store)))
    told: list[int] = []
    assert report(open_image(base_image, Request(progress=told.append, store=store))) == first
    assert told == []
    next(tmp_path.iterdir()).unlink()
    assert report(open_image(base_image, Request(progress=told.append, store=store))) == first
    assert told


def streamed(data: bytes, known: Find, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[bytes]]:
    """Return the report of an image that comes as a stream, and how each tar begins that was read for it."""
    begins: list[bytes] = []

    def read(stream: Stream, *rest: Any, **options: Any) -> Content:
        begins.append(stream.peek(100).rstrip(b"\0"))
        return read_content(stream, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr("slimconda.layers.archive.read_content", read)
        return report(analyse("a", read_stream(iter([data]), Request(), known))), begins


def held(store: Store, *tars: bytes) -> list[str]:
    """Keep layers as if an image of a daemon had had them; returns their digests."""
    for tar in tars:
        store.save(f"daemon sha256:{digest(tar)}", content_of(tar), records=False)
    return [f"sha256:{digest(tar)}" for tar in tars]


def content_of(tar: bytes) -> Content:
    return read_content(Chunks(iter([tar])), len(tar), lambda _: False, records=False)


@pytest.mark.parametrize("form", [docker_new, podman])
def test_of_what_a_daemon_sends_only_new_layers_are_read(
    form: Callable[[list[bytes]], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = members_tar([("new", b"n")])
    expected, every = streamed(form([TAR, OTHER, new]), unknown, monkeypatch)
    store = Store(tmp_path)
    known = Known(store, names_of([*held(store, TAR, OTHER), f"sha256:{digest(new)}"]), records=False)
    assert streamed(form([TAR, OTHER, new]), known.find, monkeypatch) == (expected, [b"new"])
    assert sorted(every) == sorted([b"opt/conda/conda-meta/a-1-0.json", b"other", b"new"])
    assert known.taken == {f"sha256:{digest(tar)}" for tar in (TAR, OTHER)}
    wanting = Known(store, known.names, records=True)
    assert len(streamed(form([TAR, OTHER, new]), wanting.find, monkeypatch)[1]) == 3


def test_a_name_that_the_daemon_does_not_state_for_the_image_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for a layer that the image does not have by the daemon's word, nor for any layer of an archive."""
    store, data = Store(tmp_path / "kept"), docker_new([TAR])
    other, _ = held(store, OTHER, TAR)
    expected = streamed(data, unknown, monkeypatch)
    assert streamed(data, Known(store, names_of([other]), records=False).find, monkeypatch) == expected
    lie = members_tar([("opt/conda/conda-meta/a-1-0.json", RECORD), ("opt/conda/lib/b.so", b"x" * 3000), ("c", b"y")])
    for packing in (plain, packed):
        (tmp_path / "lie.tar").write_bytes(packing(data.replace(TAR, lie)))
        (layer,) = open_image(str(tmp_path / "lie.tar"), Request(store=store)).layers
        assert [file.paths[0] for file in layer.files][1:] == ["/opt/conda/lib/b.so", "/c"]


def test_a_layer_by_another_ones_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    (other,) = held(store, OTHER)
    known = Known(store, {f"blobs/sha256/{digest(TAR)}": other}, records=False)
    with pytest.raises(ImageError, match=f"sent it by the name of {other}, and calls it sha256:{digest(TAR)}"):
        streamed(docker_new([TAR]), known.find, monkeypatch)


def test_a_packed_layer_is_read_where_it_comes_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it took of the blob in another image would else be said of this one."""
    store, stated = Store(tmp_path), f"sha256:{digest(TAR)}"
    store.save(f"daemon {stated}", replace(content_of(TAR), packed=99), records=False)
    known = Known(store, names_of([stated]), records=False)
    assert streamed(docker_new([TAR]), known.find, monkeypatch) == streamed(docker_new([TAR]), unknown, monkeypatch)


@pytest.mark.daemon
def test_names_of_a_daemon_are_those_of_their_digests(docker_client: DockerClient, stacked: list[str]) -> None:
    """A layer that has a name's digest is that name's: by Docker's own archive, read and hashed in full."""
    image = docker_client.images.get(stacked[1])
    names = names_of(image.attrs["RootFS"]["Layers"])
    found = {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.save()))) as tar:
        for member in tar:
            if member.isfile() and member.name in names:
                data = tar.extractfile(member)
                assert data is not None
                found[member.name] = f"sha256:{digest(data.read())}"
    assert found.items() <= names.items()
    # Docker before 25 names the uppermost one by the image's configuration.
    assert [*found.values()].count(image.attrs["RootFS"]["Layers"][-1]) <= 1
    assert set(found.values()) >= set(image.attrs["RootFS"]["Layers"][:-1])


@pytest.mark.daemon
@pytest.mark.parametrize("records", [False, True])
def test_a_second_image_on_a_base_has_its_layers_alone_read(
    docker_client: DockerClient, stacked: list[str], records: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, sizes = Store(tmp_path), list[int]()

    def read(stream: Stream, size: int, *rest: Any, **options: Any) -> Content:
        sizes.append(size)
        return read_content(stream, size, *rest, **options)

    expected = [report(open_image(tag, Request(records=records))) for tag in stacked]
    monkeypatch.setattr("slimconda.layers.archive.read_content", read)
    assert report(open_image(stacked[0], Request(records=records, store=store))) == expected[0]
    assert max(sizes) > 1_000_000
    sizes.clear()
    assert report(open_image(stacked[1], Request(records=records, store=store))) == expected[1]
    assert sizes
    assert max(sizes) < 1_000_000
    for tag, shown in zip(stacked, expected, strict=True):
        sizes.clear()
        assert report(open_image(tag, Request(records=records, store=store))) == shown
        assert sizes == []


@pytest.fixture(scope="module")
def stacked(base_image: str, build: Build) -> list[str]:
    """Return two images that have a base and a layer on it in common, and of which each has one of its own."""
    tags = ["slimconda-test/stacked:1", "slimconda-test/stacked:2"]
    for number, tag in enumerate(tags):
        build(f"FROM {base_image}\nRUN mkdir /common && ln -s /a /common/b\nRUN echo {number} > /own\n", tag)
    return tags


def test_the_command_keeps_layers_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SLIMCONDA_CACHE", raising=False)
    archive, other = tmp_path / "a.tar", tmp_path / "other"
    archive.write_bytes(docker_old([TAR]))
    run = CliRunner().invoke
    assert run(make_app(), ["inspect", "--no-cache", str(archive)]).exit_code == 0
    assert not (tmp_path / "home").exists()
    shown = run(make_app(), ["inspect", str(archive)])
    assert len(list((tmp_path / "home" / "slimconda" / "layers").iterdir())) == 1
    assert run(make_app(), ["compare", "--cache", str(other), str(archive), str(archive)]).exit_code == 0
    assert len(list((other / "layers").iterdir())) == 1
    other.joinpath("file").write_text("")
    assert run(make_app(), ["inspect", "--cache", str(other / "file"), str(archive)]).output == shown.output
