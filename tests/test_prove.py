"""The proof of a fix: what it counts as residue, as expected, as a difference; and real builds before and after."""

import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from slimconda.errors import BuildError
from slimconda.prove.comparison import Comparison, compare
from slimconda.prove.files import File, read_files
from tests.conftest import Build
from tests.material.images import CondaBase, docker
from tests.test_cli import slimconda

FILE = File("file", 0o644, (0, 0), "digest", 5, "/a")
LINK = File("link", 0o777, (0, 0), "a", 0, "/l")


def rule_of(path: str) -> str | None:
    return "conda-cache-left" if path.startswith("/pkgs/") else None


def others(comparison: Comparison) -> list[tuple[str, str]]:
    return [(one.path, one.how) for one in comparison.others]


@pytest.mark.parametrize(
    ("changed", "how"),
    [
        ({"mode": 0o600}, "mode"),
        ({"owner": (1, 0)}, "owner"),
        ({"content": "other"}, "content"),
        ({"attributes": (("SCHILY.xattr.security.capability", "x"),)}, "attributes"),
        ({"kind": "link", "content": "a"}, "kind"),
        ({"mode": 0o600, "content": "other"}, "mode, content"),
    ],
)
def test_each_fact_of_a_file_is_compared(changed: dict[str, object], how: str) -> None:
    found = compare({"/a": FILE}, {"/a": replace(FILE, **changed)}, rule_of)  # type: ignore[arg-type]
    assert others(found) == [("/a", how)]
    assert found.equal == 0


def test_what_went_and_what_came_is_told_apart() -> None:
    before = {"/a": FILE, "/pkgs/b": replace(FILE, inode="/pkgs/b"), "/c/conda-meta/history": FILE}
    found = compare(before, {"/a": FILE, "/new": FILE, "/x/__pycache__/y.pyc": FILE}, rule_of)
    assert others(found) == [("/new", "new")]
    assert [one.path for one in found.residue["conda-cache-left"]] == ["/pkgs/b"]
    assert set(found.expected) == {"bytecode", "conda-meta/history"}
    assert found.equal == 1


def test_a_folder_goes_with_the_residue_in_it() -> None:
    folder = replace(FILE, kind="folder", content="")
    before = {"/r": folder, "/r/c": folder, "/r/c/pip": folder, "/r/c/pip/a": FILE, "/r/other": folder}
    gone = compare(before, {"/r": folder}, lambda path: "pip-cache-left" if path.startswith("/r/c/pip/") else None)
    assert others(gone) == [("/r/other", "gone")]
    assert [one.path for one in gone.residue["pip-cache-left"]] == ["/r/c", "/r/c/pip", "/r/c/pip/a"]
    kept = {**before, "/r": replace(folder, mode=0o700)}
    del kept["/r/c/pip/a"]
    assert others(compare(before, kept, lambda path: "x" if path == "/r/c/pip/a" else None)) == [("/r", "mode")]


def test_hard_links_count_among_what_both_images_have() -> None:
    linked = {"/a": FILE, "/b": FILE, "/pkgs/a": FILE}
    other_first = replace(FILE, inode="/b")
    assert others(compare(linked, {"/a": other_first, "/b": other_first}, rule_of)) == []
    apart = {"/a": FILE, "/b": replace(FILE, inode="/b")}
    assert others(compare(linked, apart, rule_of)) == [("/a", "hard links"), ("/b", "hard links")]


def test_a_link_whose_target_went_is_a_difference() -> None:
    link = replace(LINK, content="../pkgs/t")
    before = {"/lib/l": link, "/pkgs/t": FILE}
    assert others(compare(before, {"/lib/l": link}, rule_of)) == [("/lib/l", "broken link")]
    assert others(compare({"/lib/l": link}, {"/lib/l": link}, rule_of)) == []


def tar_of(members: Iterable[tarfile.TarInfo], data: bytes = b"") -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    stream.seek(0)
    return stream


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size, found.mode, found.uid = kind, target, size, 0o640, 7
    return found


def test_files_are_read_with_their_facts() -> None:
    members = [
        member("a", size=2),
        member("d/b", tarfile.LNKTYPE, "a"),
        member("l", tarfile.SYMTYPE, "x"),
        member("etc/hosts"),
    ]
    files = read_files(tar_of(members, b"hi"))
    assert set(files) == {"/a", "/d/b", "/l"}
    assert files["/a"] is files["/d/b"]
    assert (files["/a"].kind, files["/a"].mode, files["/a"].owner, files["/a"].size) == ("file", 0o640, (7, 0), 2)
    assert files["/a"].content == "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
    assert (files["/l"].kind, files["/l"].content) == ("link", "x")


def test_a_damaged_tar_is_an_error() -> None:
    with pytest.raises(BuildError):
        read_files(io.BytesIO(tar_of([member("a", size=2)], b"hi").getvalue()[:513]))


def test_a_missing_docker_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nRUN conda install -y a\n")
    run = slimconda("prove", "--docker", "no-such-docker", cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr == b"slimconda: no-such-docker: cannot be run: No such file or directory\n"


def test_nothing_to_fix_builds_nothing(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nRUN conda install -y a && conda clean -ay\n")
    run = slimconda("prove", "--docker", "no-such-docker", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, b"Dockerfile: there is nothing to fix, so nothing to prove\n")


BUILDS = {
    "chain": "RUN conda install -y alpha beta && echo done\nRUN conda clean --all --yes\n",
    "errexit": "RUN set -e; conda install -y alpha; conda create -y -n e beta; echo done\n",
    "loop": "RUN for name in alpha beta; do conda install -y $name; done\n",
    "quotes": "RUN sh -c 'conda install -y alpha && echo done'\nRUN [\"sh\", \"-c\", \"conda install -y beta\"]\n",
    "partial": "RUN conda install -y beta && conda clean -t -y\n",
    "branches": "RUN if [ -e /none ]; then echo; else conda create -y -n e beta; fi\n",
}  # fmt: skip


@pytest.mark.daemon
# Each shape by one of the two: what a build takes is much, and what differs between them is held elsewhere.
@pytest.mark.parametrize(
    ("conda_base", "name"), list(zip(cycle(["conda43", "rattler"]), BUILDS, strict=False)), indirect=["conda_base"]
)
def test_a_real_fix_is_proved(name: str, conda_base: CondaBase, build: Build, tmp_path: Path) -> None:
    text = f'FROM {conda_base.tag}\nARG WORD\n{BUILDS[name]}RUN test "$WORD" = secret && test -e /c\n'.replace(
        "ARG WORD\n", "ARG WORD\nCOPY c /\n"
    )
    (tmp_path / "Dockerfile").write_text(text)
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "c").write_text("")
    options = ["--docker", docker(), "--context", "context", "--build-arg", "WORD=secret", "--network", "none"]
    run = slimconda("prove", *options, "--format", "json", cwd=tmp_path, DOCKER_BUILDKIT="1")
    proof = json.loads(run.stdout or "{}")
    assert run.returncode == 0, (proof.get("others"), run.stderr.decode()[-2000:])
    saved = proof["size"]["before"] - proof["size"]["after"]
    announced = sum(rule["announced"] for rule in proof["rules"].values())
    print(f"{conda_base.name} {name}: announced {announced}, saved {saved}")
    # The RUN that only cleaned stored a few hundred bytes of its own with conda 4.3; they went with it.
    assert announced <= saved <= announced + 500
    assert announced > 1_000
    assert set(proof["residue"]) == ({"conda-cache-left"} if "clean --all" not in text else set())
    assert (tmp_path / "Dockerfile").read_text() == text


@pytest.mark.daemon
def test_what_else_differs_is_shown(rattler_base: CondaBase, build: Build, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {rattler_base.tag}\nRUN date +%N | tee /stamp /stamp.a > /conda.sh && conda install -y alpha\n"
    )
    run = slimconda("prove", "--docker", docker(), "--network", "none", "--quiet", cwd=tmp_path, DOCKER_BUILDKIT="1")
    assert run.returncode == 1
    assert run.stdout.decode().endswith(
        "3 other differences:\n  content: /conda.sh\n  content: /stamp\n  content: /stamp.a\n"
    )
    assert run.stderr == b""


@pytest.mark.daemon
def test_a_build_that_fails_is_one_line(rattler_base: CondaBase, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {rattler_base.tag}\nRUN test -e /none && conda install -y alpha\n")
    run = slimconda("prove", "--docker", docker(), "--network", "none", "--quiet", cwd=tmp_path, DOCKER_BUILDKIT="1")
    assert run.returncode == 2
    assert run.stderr.count(b"\n") == 1
    assert b"the build before the fix failed" in run.stderr
