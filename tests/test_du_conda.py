"""What du says of an installation that the real conda 4.3.16 made, beside find and du, and beside what conda then frees."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slimconda.du.facts import Facts, read_facts
from slimconda.du.labels import Kind, Sort
from slimconda.du.layout import find_layout, find_prefix
from slimconda.du.measure import survey
from tests.conftest import obtain
from tests.material import disk, store
from tests.material.disk import Installation, copy_installation, measured

Place = Callable[[str], Installation]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return obtain(lambda: disk.make_installation(tmp_path_factory.mktemp("conda") / "template"))


@pytest.fixture
def made(template: Installation, tmp_path: Path) -> Installation:
    return copy_installation(template, tmp_path / "copy")


def facts_of(made: Installation, prefix: Path | None = None) -> Facts:
    environment = made.environment
    return read_facts(survey(find_layout(find_prefix(str(prefix or made.root), environment, "/"), environment)))


def freed(facts: Facts, command: str) -> tuple[int, int]:
    (clean,) = [clean for clean in facts.cleans if clean.command == command]
    return clean.bytes.allocated, clean.bytes.apparent


def test_the_whole_is_what_find_and_du_count(made: Installation) -> None:
    facts = facts_of(made)
    assert (facts.total.allocated, facts.total.apparent) == measured(made.root, made.home / ".conda/pkgs")
    du = store.run([store.tool("du"), "-cs", "--block-size=1", made.root, made.home / ".conda/pkgs"])
    assert int(du.splitlines()[-1].split()[0]) == facts.total.allocated
    assert facts.outside.files == 0


def test_an_environment_stands_for_its_installation(made: Installation) -> None:
    assert facts_of(made, made.root / "envs/a") == facts_of(made)


@pytest.mark.parametrize("option", ["--tarballs", "--packages", "--index-cache", "--all"])
def test_a_clean_frees_what_was_predicted(made: Installation, option: str) -> None:
    predicted = freed(facts_of(made), f"conda clean {option} --yes")
    before = measured(made.root)
    made.conda("clean", option, "--yes")
    after = measured(made.root)
    assert (before[0] - after[0], before[1] - after[1]) == predicted
    assert predicted[0] > 0
    assert freed(facts_of(made), f"conda clean {option} --yes") == (0, 0)


def test_the_unused_package_alone_goes(made: Installation) -> None:
    cache = facts_of(made).caches[0]
    unused = {package.stem for package in cache.extracted if not package.linked}
    made.conda("clean", "--packages", "--yes")
    left = {path.name for path in (made.root / "pkgs").iterdir() if path.is_dir()}
    assert unused == {"tool-2.0-h0_0"}
    assert left == {"app-1.0-h0_0", "lib-1.0-h0_0", "tool-1.0-h0_0", "cache"}


@pytest.mark.parametrize("name", ["a", "copied"])
def test_deleting_an_environment_frees_its_net_size(made: Installation, name: str) -> None:
    path = made.root / "envs" / name
    facts = facts_of(made)
    (removal,) = [removal for removal in facts.removals if removal.environment == str(path)]
    (environment,) = [environment for environment in facts.environments if environment.path == str(path)]
    before = measured(made.root)
    made.conda("remove", "--all", "--yes", "--prefix", str(path))
    assert not path.exists()
    after = measured(made.root)
    assert (before[0] - after[0], before[1] - after[1]) == (removal.alone.allocated, removal.alone.apparent)
    assert environment.share.own == removal.alone
    made.conda("clean", "--all", "--yes")
    cleaned = measured(made.root)
    assert (before[0] - cleaned[0], before[1] - cleaned[1]) == (
        removal.with_clean.allocated,
        removal.with_clean.apparent,
    )


def test_deleting_the_last_user_makes_packages_unused(made: Installation) -> None:
    shutil.rmtree(made.root / "envs/b")
    (removal,) = [removal for removal in facts_of(made).removals if removal.environment.endswith("/a")]
    before = measured(made.root)
    shutil.rmtree(made.root / "envs/a")
    made.conda("clean", "--all", "--yes")
    after = measured(made.root)
    assert (before[0] - after[0], before[1] - after[1]) == (removal.with_clean.allocated, removal.with_clean.apparent)
    assert not [path for path in (made.root / "pkgs").iterdir() if path.is_dir()]


def test_moving_the_cache_frees_and_takes(made: Installation, tmp_path: Path) -> None:
    move = facts_of(made).moves[0]
    before, cache = measured(made.root), made.root / "pkgs"
    assert move.there.allocated == measured(cache)[0]
    shutil.move(cache, "/dev/shm/slimconda-du-test") if os.path.ismount("/dev/shm") else shutil.rmtree(cache)
    shutil.rmtree("/dev/shm/slimconda-du-test", ignore_errors=True)
    assert before[0] - measured(made.root)[0] == move.here.allocated
    again = facts_of(made)
    for name in ("a", "b"):  # what a copy instead of links takes
        for package in ("app", "lib", "tool"):
            for file in (made.root / "envs" / name).glob(f"*/*{package}*"):
                if not file.is_symlink() and file.parent.name != "conda-meta" and file.stat().st_nlink > 1:
                    copy = file.with_name("copy")
                    shutil.copy2(file, copy)
                    copy.replace(file)
    assert facts_of(made).total.allocated - again.total.allocated == move.later


def test_the_parts_of_the_cache(made: Installation) -> None:
    pkgs = made.root / "pkgs"
    (pkgs / "app-1.0-h0_0.tar.bz2.part").write_bytes(b"x" * 700)
    (pkgs / "broken-1.0-0/lib").mkdir(parents=True)
    (pkgs / ".trash").mkdir()
    (pkgs / ".trash/old").write_bytes(b"x" * 500)
    cache = facts_of(made).caches[0]
    archives = list(pkgs.glob("*.tar.bz2"))
    assert cache.parts[Kind.ARCHIVE].bytes.files == len(archives) == 4
    assert cache.parts[Kind.ARCHIVE].own.allocated == measured(*archives)[0]
    assert cache.parts[Kind.INDEX].own.allocated == measured(pkgs / "cache")[0]
    assert cache.parts[Kind.TRASH].own.apparent == 500
    assert cache.parts[Kind.PARTIAL].own.apparent == 700
    assert cache.in_use.bytes.allocated == measured(*(pkgs / f"{name}-1.0-h0_0" for name in ("app", "lib", "tool")))[0]
    assert cache.unused.own.allocated == measured(pkgs / "tool-2.0-h0_0")[0]
    users = {package.stem: package.environments for package in cache.extracted}
    assert users["lib-1.0-h0_0"] == (str(made.root / "envs/a"), str(made.root / "envs/b"))
    assert cache.older == ("tool-1.0-h0_0",)


def test_the_parts_of_an_environment(made: Installation) -> None:
    folder = made.root / "envs/a"
    (folder / "notes.txt").write_bytes(b"n" * 1234)
    (folder / "lib/tool.pyc").unlink()
    (folder / "include/lib.h").unlink()
    (folder / "include/lib.h").write_text("// changed by hand\n")
    (environment,) = [found for found in facts_of(made).environments if found.path == str(folder)]
    names = [(package.name, package.version, package.missing) for package in environment.packages]
    assert names == [("lib", "1.0", 0), ("tool", "1.0", 1), ("app", "1.0", 0)]
    lib = environment.packages[0]
    assert (
        lib.share.bytes.apparent
        == sum(
            path.lstat().st_size
            for path in (folder / "bin/lib", folder / "lib/lib.bin", folder / "lib/liblib.a", folder / "lib/lib.pyc")
        )
        + len("// changed by hand\n")
        + (folder / "conda-meta/lib-1.0-h0_0.json").stat().st_size
    )
    links = (folder / "bin/activate", folder / "bin/conda", folder / "bin/deactivate")  # conda 4.3's own
    others = (folder / "conda-meta/history", *links)
    assert environment.unclaimed.bytes.apparent == 1234 + sum(path.lstat().st_size for path in others)
    assert environment.sorts[Sort.STATIC].bytes.apparent == 15_000
    assert environment.sorts[Sort.BYTECODE].bytes.apparent == 6_000
    assert environment.share.bytes.allocated == measured(folder)[0]
    assert environment.share.own.allocated == measured(folder)[0] - sum(
        path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file() and path.lstat().st_nlink > 1
    )


def test_copies_and_versions_are_named(made: Installation) -> None:
    made.conda("create", "-y", "-p", str(made.root / "envs/new"), "tool=2.0")
    facts = facts_of(made)
    (lib,) = [package for package in facts.repeated if package.stem == "lib-1.0-h0_0"]
    assert {Path(place.environment).name: place.how for place in lib.places} == {
        "a": "linked",
        "b": "linked",
        "copied": "copied",
    }
    assert facts.repeated[0] == lib
    (versions,) = facts.versions
    assert (versions.name, versions.versions) == ("tool", ("1.0", "2.0"))
    before = measured(made.root)
    for name in ("a", "b"):
        for path in (made.root / "envs" / name).rglob("*tool*"):
            path.unlink()
    shutil.rmtree(made.root / "pkgs/tool-1.0-h0_0")
    (made.root / "pkgs/tool-1.0-h0_0.tar.bz2").unlink()
    assert before[0] - measured(made.root)[0] == versions.older.allocated


def test_soft_links_are_seen_and_said_to_break(made: Installation) -> None:
    made.conda("create", "-y", "-p", str(made.root / "envs/soft"), "tool=2.0", CONDA_ALWAYS_SOFTLINK="1")
    facts = facts_of(made)
    (environment,) = [found for found in facts.environments if found.path.endswith("/soft")]
    assert environment.soft_links > 0
    (clean,) = [clean for clean in facts.cleans if clean.command == "conda clean --all --yes"]
    assert clean.breaks == environment.soft_links
    made.conda("clean", "--all", "--yes")
    assert not (made.root / "envs/soft/lib/tool.bin").exists()
