"""What du finds and counts, on small trees made by hand: where things are, links, other disks, hostile names."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rattler import Version
from typer.testing import CliRunner

from slimconda.cli import make_app
from slimconda.du.condarc import read_settings
from slimconda.du.facts import Facts, read_facts
from slimconda.du.labels import Kind, Label, Sort
from slimconda.du.layout import find_layout, find_prefix
from slimconda.du.ledger import Bytes
from slimconda.du.measure import survey
from slimconda.du.reflinks import file_system_of
from slimconda.du.table import Table
from slimconda.errors import InputError
from slimconda.reporters import du_text
from slimconda.versions import version_key
from tests.material.disk import measured


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prefix(tmp_path / "root")


def prefix(path: Path) -> Path:
    (path / "conda-meta").mkdir(parents=True)
    (path / "conda-meta/history").touch()
    return path


def write(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def package(cache: Path, stem: str, size: int, *environments: Path, copy: bool = False) -> Path:
    """Extract a package of one file into a cache and install it."""
    file = write(cache / stem / "lib" / f"{stem}.so", os.urandom(size))
    write(cache / stem / "info/index.json", b"{}")
    for environment in environments:
        target = environment / "lib" / f"{stem}.so"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.read_bytes()) if copy else target.hardlink_to(file)
        record(environment, stem, [f"lib/{stem}.so"], cache / stem)
    return file


def record(environment: Path, stem: str, files: list[str], source: Path | None = None, **more: object) -> None:
    content = {"files": files, "link": {"source": str(source or ""), "type": 1}, **more}
    write(environment / f"conda-meta/{stem}.json", json.dumps(content, indent=2).encode())


def facts_of(path: Path, home: Path, **variables: str) -> Facts:
    environment = {"HOME": str(home), **variables}
    return read_facts(survey(find_layout(find_prefix(str(path), environment, "/"), environment)))


# --- the table ---


def label(home: str) -> Label:
    return Label(home, Kind.PACKAGE)


def test_a_group_is_freed_only_with_all_of_its_names() -> None:
    table = Table()
    table.add([label("a")], 1, 10)
    table.add([label("a"), label("b")], 2, 100)
    table.add([label("a"), label("a")], 2, 1000)
    table.add([label("a")], 2, 10_000)  # its other name is outside
    ledger = table.close()
    assert ledger.freed(lambda found: found.home == "a").apparent == 1010
    assert ledger.freed(lambda found: found.home == "b") == Bytes()
    assert ledger.freed(lambda _: True).apparent == 1110
    assert ledger.total.apparent == 11_110
    shares = ledger.split(lambda found: found.home)
    assert (shares["a"].bytes.apparent, shares["a"].own.apparent) == (11_110, 1010)
    assert (shares["b"].bytes.apparent, shares["b"].own.apparent, shares["b"].shared.apparent) == (100, 0, 100)


# --- where things are ---


def test_settings_of_all_files_are_joined_the_variables_first(root: Path, home: Path, tmp_path: Path) -> None:
    write(root / ".condarc", b"pkgs_dirs: [/of/root]\nalways_copy: false\n")
    write(home / ".condarc", b"pkgs_dirs:\n  - ~/mine\n  - $DISK/pkgs\nenvs_dirs: /single\nalways_copy: yes\n")
    write(home / ".conda/.condarc", b"pkgs_dirs: [\n")
    variables = {"HOME": str(home), "DISK": "/disk", "CONDA_PKGS_DIRS": "/first, /second"}
    settings = read_settings(str(root), variables)
    assert settings.pkgs_dirs == ("/first", "/second", f"{home}/mine", "/disk/pkgs", "/of/root")
    assert settings.envs_dirs == ("/single",)
    assert settings.always_copy
    assert settings.broken == (f"{home}/.conda/.condarc",)


def test_caches_and_environments_elsewhere_are_found(root: Path, home: Path, tmp_path: Path) -> None:
    disk, foreign = tmp_path / "disk", prefix(tmp_path / "foreign")
    package(disk / "pkgs", "a-1-0", 1000, prefix(disk / "envs/one"), prefix(tmp_path / "listed"))
    write(home / ".condarc", f"pkgs_dirs: [{disk}/pkgs]\nenvs_dirs: [{disk}/envs]\n".encode())
    write(home / ".conda/environments.txt", f"{tmp_path}/listed\n{foreign}\n{tmp_path}/none\n".encode())
    package(root / "pkgs", "old-1-0", 500)
    layout = find_layout(str(root), {"HOME": str(home)})
    assert layout.environments == (str(root), f"{disk}/envs/one", f"{tmp_path}/listed")
    assert (layout.caches, layout.unused) == ((f"{disk}/pkgs",), (f"{root}/pkgs",))
    facts = facts_of(root, home)
    assert [cache.configured for cache in facts.caches] == [True, False]
    cleans = {clean.command: clean.bytes for clean in facts.cleans}
    assert cleans["conda clean --packages --yes"] == Bytes()  # conda does not look at the cache that it does not use


def test_links_to_caches_are_resolved_but_no_link_is_followed(root: Path, home: Path, tmp_path: Path) -> None:
    package(tmp_path / "big/pkgs", "a-1-0", 1000, root)
    (root / "pkgs").symlink_to(tmp_path / "big/pkgs")
    (root / "lib/out").symlink_to("/usr")
    (root / "lib/loop").symlink_to(".")
    facts = facts_of(root, home)
    assert [cache.path for cache in facts.caches] == [f"{tmp_path}/big/pkgs"]
    assert facts.links == {f"{root}/pkgs": f"{tmp_path}/big/pkgs"}
    assert (facts.total.allocated, facts.total.apparent) == measured(root, tmp_path / "big/pkgs")


@pytest.mark.parametrize("place", ["given", "active", "here"])
def test_the_prefix_is_found(root: Path, home: Path, place: str) -> None:
    environment = {"CONDA_PREFIX": str(root)} if place == "active" else {}
    found = find_prefix(str(root) if place == "given" else None, environment, str(root) if place == "here" else "/")
    assert found == str(root)


def test_no_prefix_is_one_clear_line(tmp_path: Path) -> None:
    for path, message in ((None, "no conda environment"), (str(tmp_path), "no conda-meta"), ("/none", "no such")):
        with pytest.raises(InputError, match=message):
            find_prefix(path, {}, str(tmp_path))


# --- what is counted ---


def test_mamba_keeps_packages_deeper_than_conda_looks(root: Path, home: Path) -> None:
    deep = root / "pkgs/https/conda.anaconda.org/conda-forge/linux-64"
    package(deep, "used-1-0", 5000, root)
    package(deep, "unused-1-0", 7000)
    write(deep / "used-1-0.conda", b"x" * 900)
    write(root / "pkgs/cache/01234567.json", b"{}")
    record(root, "mamba-2.8.1-0", [])
    cleans = {clean.command: clean.bytes.apparent for clean in facts_of(root, home).cleans}
    assert cleans["conda clean --all --yes"] == 2
    assert cleans["mamba clean --tarballs --yes"] == 900
    assert cleans["mamba clean --packages --yes"] == 7002
    assert cleans["mamba clean --all --yes"] == 7904
    assert cleans["conda clean --force-pkgs-dirs --yes"] == 7906


def test_temporary_files_logs_and_odd_archives(root: Path, home: Path) -> None:
    write(root / "lib/a.c~", b"1" * 10)
    write(root / "envs/e/conda-meta/history")
    write(root / "envs/e/b.trash", b"1" * 100)
    write(root / "pkgs/.logs/conda.log", b"1" * 1000)
    archive = write(root / "pkgs/a-1-0.conda", b"1" * 10_000)
    (root / "pkgs/linked-1-0.conda").hardlink_to(archive)
    write(root / "pkgs/b-1-0.tar.bz2.part", b"1" * 100_000)
    cleans = {clean.command: clean.bytes.apparent for clean in facts_of(root, home).cleans}
    assert cleans["conda clean --tempfiles --yes"] == 110
    assert cleans["conda clean --logfiles --yes"] == 1000
    assert cleans["conda clean --tarballs --yes"] == 100_000  # conda passes over archives with a second name


def test_an_old_conda_knows_no_conda_archives(root: Path, home: Path) -> None:
    write(root / "pkgs/a-1-0.conda", b"1" * 10)
    write(root / "pkgs/b-1-0.tar.bz2", b"1" * 100)
    record(root, "conda-4.3.16-0", [])
    cleans = {clean.command: clean.bytes.apparent for clean in facts_of(root, home).cleans}
    assert cleans == {
        "conda clean --tarballs --yes": 100,
        "conda clean --packages --yes": 0,
        "conda clean --index-cache --yes": 0,
        "conda clean --all --yes": 100,
    }
    (root / "conda-meta/conda-4.3.16-0.json").rename(root / "conda-meta/conda-4.12.0-0.json")
    commands = {clean.command: clean.bytes.apparent for clean in facts_of(root, home).cleans}
    assert set(commands) - set(cleans) == {"conda clean --tempfiles --yes", "conda clean --force-pkgs-dirs --yes"}
    assert commands["conda clean --tarballs --yes"] == 110


def test_another_disk_is_why_a_package_was_copied(root: Path, home: Path, tmp_path: Path) -> None:
    if Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("/dev/shm is on the same file system")
    cache = Path("/dev/shm") / f"slimconda-{os.getpid()}"
    try:
        package(cache, "a-1-0", 5000, root, prefix(root / "envs/e"), copy=True)
        facts = facts_of(root, home, CONDA_PKGS_DIRS=str(cache))
        (found,) = facts.repeated
        assert {place.how for place in found.places} == {"copied: the package cache is on another file system"}
        assert (facts.total.allocated, facts.total.apparent) == measured(root, cache)
    finally:
        for path in sorted(cache.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        cache.rmdir()


def test_a_cleaned_cache_leaves_the_only_copies(root: Path, home: Path) -> None:
    for environment in (root, prefix(root / "envs/e")):
        write(environment / "lib/a.so", b"1" * 5000)
        record(environment, "a-1-0", ["lib/a.so"])
    (found,) = facts_of(root, home).repeated
    assert {place.how for place in found.places} == {"the only copy: no package cache has it"}
    assert found.extra >= 5000


def test_pip_packages_are_told_by_their_records(root: Path, home: Path) -> None:
    site = root / "lib/python3.11/site-packages"
    for name in ("one", "two"):
        write(site / name / "__init__.py", b"1" * 100)
        write(site / name / "__pycache__/x.pyc", b"1" * 1000)
        lines = (
            f"{name}/__init__.py,,\n{name}/__pycache__/x.pyc,,\n../../../bin/{name},,\n{name}-1.0.dist-info/RECORD,,\n"
        )
        write(site / f"{name}-1.0.dist-info/RECORD", lines.encode())
        write(root / "bin" / name, b"1" * 10_000)
    files = ["one/__init__.py", "one/__pycache__/x.pyc", "one-1.0.dist-info/RECORD"]
    record(root, "one-1.0-0", [*(f"lib/python3.11/site-packages/{file}" for file in files), "bin/one"])
    (environment,) = facts_of(root, home).environments
    found = {(package.name, package.version, package.kind): package for package in environment.packages}
    assert set(found) == {("one", "1.0", Kind.PACKAGE), ("two", "1.0", Kind.PIP_PACKAGE)}
    size = (site / "two-1.0.dist-info/RECORD").stat().st_size
    assert found["two", "1.0", Kind.PIP_PACKAGE].share.own.apparent == 11_100 + size
    assert environment.sorts[Sort.BYTECODE].bytes.apparent == 2000
    assert environment.unclaimed.bytes.apparent == 0


def test_a_file_is_changed_if_its_content_is(root: Path, home: Path) -> None:
    entries: list[dict[str, Any]] = []
    for name, content in (("same", b"same"), ("other", b"before"), ("size", b"short"), ("prefix", b"/placeholder")):
        write(root / f"lib/{name}", content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append({"_path": f"lib/{name}", "sha256": digest, "size_in_bytes": len(content)})
    entries[3] |= {"prefix_placeholder": "/placeholder", "sha256_in_prefix": hashlib.sha256(b"/prefix").hexdigest()}
    record(root, "a-1-0", [entry["_path"] for entry in entries], paths_data={"paths": entries})
    for name, content in (("other", b"behind"), ("size", b"longer"), ("prefix", b"/prefix")):
        write(root / f"lib/{name}", content)
    late = time.time() + 60
    for entry in entries:
        os.utime(root / entry["_path"], (late, late))
    (environment,) = facts_of(root, home).environments
    assert environment.changed.paths == ("lib/other", "lib/size")
    assert environment.changed.bytes == 12


def test_libraries_by_conda_and_by_pip_are_the_same(root: Path, home: Path) -> None:
    package(root / "pkgs", "libcublas-12.1-0", 3000, root)
    site = root / "lib/python3.11/site-packages"
    write(site / "nvidia/cublas/lib.so", b"1" * 4000)
    record_file = site / "nvidia_cublas_cu12-12.4.dist-info/RECORD"
    write(record_file, b"nvidia/cublas/lib.so,,\nnvidia_cublas_cu12-12.4.dist-info/RECORD,,\n")
    (library,) = facts_of(root, home).libraries
    assert library.name == "cublas"
    assert [name for _, name, _ in library.places] == ["libcublas", "nvidia_cublas_cu12"]
    own = record_file.stat().st_size + (root / "conda-meta/libcublas-12.1-0.json").stat().st_size
    assert library.bytes.apparent == 7000 + own


def test_what_cannot_be_read_is_said(root: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / "secret/file", b"1")
    real = os.open

    def refuse(path: str, *arguments: int, **more: int) -> int:
        if str(path).endswith("/secret"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert facts_of(root, home).unreadable == (f"{root}/secret",)


def test_hostile_records_claim_nothing(root: Path, home: Path) -> None:
    os.mkfifo(root / "conda-meta/pipe-1-0.json")
    (root / "conda-meta/link-1-0.json").symlink_to("/dev/zero")
    write(root / "conda-meta/broken-1-0.json", b'{"files": [1, {"a": "../../../etc/passwd"}], "link": {"type": []}}')
    write(root / "conda-meta/deep-1-0.json", b'{"files": ' + b"[" * 100_000)
    write(root / "conda-meta/b-1-0.json", b'{"files": ["lib/a]b", "../../x", "/etc/passwd", "lib"]}')
    write(root / "lib/a]b", b"1" * 100)
    os.mkfifo(root / "lib/pipe")
    write(Path(os.fsdecode(os.fsencode(root) + b"/lib/\xff\n\x1b[31m")), b"1")
    facts = facts_of(root, home)
    (environment,) = facts.environments
    (found,) = [package for package in environment.packages if package.name == "b"]
    assert found.share.bytes.apparent == 100 + (root / "conda-meta/b-1-0.json").stat().st_size
    assert facts.total.allocated == measured(root)[0]


# --- versions ---

PARTS = st.sampled_from(["0", "1", "2", "10", "a", "rc1", "dev", "post1", "1a", "1rc2", "0b1", "1post", "09"])


@given(st.lists(PARTS, min_size=1, max_size=4), st.lists(PARTS, min_size=1, max_size=4), st.sampled_from(["", "1!"]))
def test_versions_are_ordered_as_rattler_orders_them(left: list[str], right: list[str], epoch: str) -> None:
    first, second = ".".join(left), epoch + ".".join(right)
    ours = bool(version_key(first) > version_key(second)) - bool(version_key(first) < version_key(second))
    theirs = (Version(first) > Version(second)) - (Version(first) < Version(second))
    assert ours == theirs, (first, second)


# --- the command ---


@pytest.fixture
def command(root: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in [name for name in os.environ if name.startswith(("CONDA", "MAMBA", "PIP", "UV", "XDG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    package(root / "pkgs", "a-1-0", 5000, root, prefix(root / "envs/e"))
    package(root / "pkgs", "a-2-0", 6000)
    write(root / "pkgs/a-2-0.conda", b"1" * 3000)
    write(home / ".cache/pip/http-v2/x", b"1" * 800)
    return CliRunner()


def test_text_reads_well_in_eighty_columns(command: CliRunner, root: Path) -> None:
    long = root / "envs" / ("x" * 90)
    package(root / "pkgs", "b-1-0", 100, prefix(long), copy=True)
    shown = command.invoke(make_app(), ["du", str(root)])
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert [line for line in shown.stdout.splitlines() if line != line.rstrip()] == []
    assert "archives" in shown.stdout
    assert "conda clean --all --yes" in shown.stdout


def test_text_is_short_where_no_clean_frees_anything(command: CliRunner, tmp_path: Path) -> None:
    bare = prefix(tmp_path / "bare")
    (Path(os.environ["HOME"]) / ".cache/pip/http-v2/x").unlink()
    for folder in ("pip/http-v2", "pip"):
        (Path(os.environ["HOME"]) / ".cache" / folder).rmdir()
    shown = command.invoke(make_app(), ["du", str(bare)])
    assert "what a clean would free: nothing\n" in shown.stdout
    assert "conda clean" not in shown.stdout


def test_json_has_all_facts(command: CliRunner, root: Path) -> None:
    shown = command.invoke(make_app(), ["du", str(root), "--json"])
    content = json.loads(shown.stdout)
    assert content["version"] == 1
    assert content["total"]["allocated"] == measured(root)[0]
    assert content["caches"][0]["parts"]["archive"]["own"]["apparent"] == 3000
    assert [clean["command"] for clean in content["cleans"]][-1] == "python -m pip cache purge"
    assert content["cleans"][-1]["bytes"]["apparent"] == 800


def test_bad_input_is_one_line_and_two(command: CliRunner, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        command.invoke(make_app(), ["du", str(tmp_path / "none")], catch_exceptions=False)


# --- two processes ---


@pytest.fixture
def spread(root: Path) -> Path:
    """Return a root whose environments share inodes with each other, with the cache and with the outside."""
    environments = [prefix(root / f"envs/{name}") for name in "abcd"]
    package(root / "pkgs", "all-1-0", 5000, root, *environments)
    package(root / "pkgs", "two-1-0", 7000, *environments[1:3])
    package(root / "pkgs", "own-1-0", 9000, environments[3], copy=True)
    between = write(environments[0] / "lib/between", b"1" * 300)
    (environments[3] / "lib/between").hardlink_to(between)
    (environments[3] / "lib/again").hardlink_to(between)
    outside = write(root.parent / "outside", b"1" * 40)
    (environments[1] / "lib/outside").hardlink_to(outside)
    (environments[2] / "lib/outside").hardlink_to(outside)
    (environments[2] / "lib/soft").symlink_to(root / "pkgs/two-1-0/lib/two-1-0.so")
    os.link(environments[2] / "lib/soft", environments[3] / "lib/soft", follow_symlinks=False)
    (environments[1] / "lib/unlisted").hardlink_to(root / "pkgs/two-1-0/lib/two-1-0.so")
    record(environments[2], "zz-1-0", ["lib/two-1-0.so"])  # it is two's for all that
    late = time.time() + 60
    os.utime(environments[0] / "lib/all-1-0.so", (late, late))
    return root


def test_two_processes_see_what_one_sees(spread: Path, home: Path) -> None:
    layout = find_layout(str(spread), {"HOME": str(home)})
    one, two = (read_facts(survey(layout, alone=alone)) for alone in (True, False))
    assert one == two
    assert one.outside.apparent == 40
    assert [found.soft_links for found in one.environments] == [0, 0, 0, 1, 1]
    assert [found.changed.unknown for found in one.environments] == [1, 1, 1, 1, 1]  # one inode, late in each of them
    sizes = {package.name: package.share.bytes.apparent for package in one.environments[3].packages}
    assert sizes["zz"] < 7000 < sizes["two"]
    assert one.environments[2].unclaimed.bytes.apparent == 40
    assert (one.total.allocated, one.total.apparent) == measured(spread)


def test_a_lost_process_is_made_up_for(spread: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = find_layout(str(spread), {"HOME": str(home)})
    expected = read_facts(survey(layout, alone=True))
    monkeypatch.setattr("slimconda.du.apart.pickle.dump", lambda *_: os.kill(os.getpid(), 9))
    assert read_facts(survey(layout, alone=False)) == expected


def test_files_of_one_folder_may_part_in_others(root: Path, home: Path) -> None:
    """Inodes that are seen together at first, and one by one, twice in a folder, or with another ending later on."""
    files = [write(root / f"pkgs/a-1-0/lib/{number}", b"1" * 10**number) for number in range(5)]
    write(root / "pkgs/a-1-0/info/index.json", b"{}")
    one, two = prefix(root / "envs/one"), prefix(root / "envs/two")
    for environment in (root, one):
        record(environment, "a-1-0", [f"lib/{number}" for number in range(5)])
        (environment / "lib").mkdir()
    for place in ("lib/0", "lib/again", "deep/0"):
        (one / place).parent.mkdir(exist_ok=True)
        (one / place).hardlink_to(files[0])
    (one / "lib/1").hardlink_to(files[1])
    for file in files:
        (root / "lib" / file.name).hardlink_to(file)
    (two / "x.a").hardlink_to(files[2])
    (two / "y").hardlink_to(files[2])
    for alone in (True, False):
        facts = read_facts(survey(find_layout(str(root), {"HOME": str(home)}), alone=alone))
        assert (facts.total.allocated, facts.total.apparent) == measured(root)
        assert facts.outside == Bytes()
        assert [found.share.bytes.apparent for found in facts.environments[1:]] == [measured(one)[1], 100]
        assert facts.environments[2].sorts[Sort.STATIC].bytes.apparent == 100
        assert facts.caches[0].share.own.apparent == 2


# --- reflinks ---


@pytest.fixture
def btrfs(tmp_path: Path) -> Iterator[Path]:
    """A file system with reflinks, in a file of its own; where no loop device can be had, the test cannot run."""
    if shutil.which("mkfs.btrfs") is None or os.geteuid() != 0:
        pytest.skip("needs root and btrfs-progs")
    image, folder = tmp_path / "disk", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(200 << 20)
    folder.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", image, folder], check=False, capture_output=True).returncode:
        pytest.skip("no loop device or no btrfs here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_reflinks_are_told_where_the_system_tells(btrfs: Path, home: Path) -> None:
    root = prefix(btrfs / "root")
    file = package(root / "pkgs", "a-1-0", 500_000, root)
    for name, how in (("reflinked", "always"), ("copied", "never")):
        target = prefix(root / "envs" / name) / "lib/a"
        target.parent.mkdir()
        subprocess.run(["cp", f"--reflink={how}", file, target], check=True)
    os.sync()
    facts = facts_of(root, home)
    reflinked = {Path(environment.path).name: environment.reflinked for environment in facts.environments}
    assert 500_000 <= reflinked["reflinked"] < 510_000
    assert 500_000 <= reflinked["root"] < 510_000
    assert reflinked["copied"] == 0
    assert "at least 503.8 kB share blocks with other files" in du_text.render(facts)


def test_file_systems_are_told_by_the_innermost_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = write(
        tmp_path / "mounts",
        b"1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n2 1 0:2 / /a\\040b rw - tmpfs none rw\n"
        b"3 1 0:3 / /a\\040b/c rw - xfs /dev/b rw\n4 1 0:4 / /a\\040b/c rw - btrfs /dev/b rw\n",
    )
    monkeypatch.setattr("slimconda.du.reflinks.MOUNTS", str(mounts))
    assert [file_system_of(path) for path in ("/", "/a", "/a b/d", "/a b/c", "/a b/cc")] == [
        "ext4",
        "ext4",
        "tmpfs",
        "btrfs",
        "tmpfs",
    ]
