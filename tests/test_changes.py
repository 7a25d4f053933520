"""What a change introduced, what a baseline accepts, what pragmas silence; jobs, the cache, statistics."""

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import CLEAN, DIRTY, one_line, slimconda, written

OLD = b"FROM a\nRUN conda install -y old=1\n"
BUILDER = b"FROM a AS build\nRUN conda install -y b=1\nFROM c\nRUN true\n"


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always")
    run = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True, text=True)
    return run.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository whose branch `main` has one old finding, on a branch `work` of it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    written(folder, OLD, "images/Dockerfile")
    written(folder, BUILDER, "multi.Dockerfile")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "base")
    git(folder, "checkout", "-qb", "work")
    return folder


def lines(folder: Path, *words: str) -> list[tuple[str, int]]:
    select = () if "--select" in words else ("--select", "conda-cache-left")
    run = slimconda("lint", "--format", "json", *select, *words, cwd=folder)
    assert run.returncode in {0, 1}, run.stderr
    return [(finding["path"], finding["line"]) for finding in json.loads(run.stdout)["findings"]]


def since(folder: Path, reference: str = "main") -> list[tuple[str, int]]:
    return lines(folder, "--changed-since", reference)


def test_old_findings_are_set_aside_and_counted(repository: Path) -> None:
    run = slimconda("lint", "--changed-since", "main", cwd=repository)
    assert (run.returncode, run.stdout) == (0, b"nothing found in 2 Dockerfiles, 1 from before the change\n")
    written(repository, b"# moved\n\n" + OLD, "images/Dockerfile")
    assert since(repository) == []


def test_a_finding_counts_if_any_line_of_its_instruction_changed(repository: Path) -> None:
    written(repository, b"FROM a\nRUN true && \\\n  conda install -y old=1\n", "images/Dockerfile")
    assert since(repository) == [("images/Dockerfile", 3)]
    git(repository, "commit", "-qam", "new")
    assert since(repository) == [("images/Dockerfile", 3)]
    written(repository, b"FROM a\nRUN true && \\\n  conda install -y old=1\nRUN x\n", "images/Dockerfile")
    assert since(repository, "HEAD") == []
    written(repository, OLD + b"RUN conda install -y new=1\n", "images/Dockerfile")
    assert since(repository) == [("images/Dockerfile", 3)]
    assert since(repository / "images") == [("Dockerfile", 3)]


def test_a_finding_counts_if_the_change_made_its_stage_ship(repository: Path) -> None:
    assert since(repository) == []
    written(repository, BUILDER.replace(b"FROM c", b"FROM build"), "multi.Dockerfile")
    assert since(repository) == [("multi.Dockerfile", 2)]


def test_a_finding_counts_if_the_change_took_its_pragma_or_its_clean_away(repository: Path) -> None:
    silenced = OLD.replace(b"RUN", b"# slimconda: ignore[conda-cache-left] why\nRUN")
    cleaned = b"FROM a\nRUN conda install -y b=1 && \\\n  conda clean -ay\n"
    written(repository, silenced, "a.Dockerfile")
    written(repository, cleaned, "b.Dockerfile")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "silent")
    written(repository, OLD, "a.Dockerfile")
    written(repository, DIRTY, "b.Dockerfile")
    assert since(repository, "HEAD") == [("a.Dockerfile", 2), ("b.Dockerfile", 2)]


def test_what_git_does_not_track_is_new_and_what_moved_is_not(repository: Path) -> None:
    written(repository, DIRTY, 'new "ü"\n.Dockerfile')
    git(repository, "mv", "images/Dockerfile", "Containerfile")
    assert since(repository) == [('new "ü"\n.Dockerfile', 2)]


def test_the_base_is_where_the_branch_left(repository: Path) -> None:
    git(repository, "checkout", "-q", "main")
    written(repository, CLEAN, "images/Dockerfile")
    git(repository, "commit", "-qam", "main goes on")
    git(repository, "checkout", "-q", "work")
    assert since(repository) == []


def test_no_base_is_one_line_and_exit_2(repository: Path, tmp_path: Path) -> None:
    def reason(folder: Path, reference: str) -> str:
        run = slimconda("lint", "--changed-since", reference, cwd=folder)
        assert run.returncode == 2
        return one_line(run.stderr)

    assert "no such commit" in reason(repository, "nowhere")
    assert "no such commit" in reason(repository, "--output=/tmp/x")
    written(tmp_path, DIRTY, "outside/Dockerfile")
    assert "not in a git repository" in reason(tmp_path / "outside", "main")
    written(repository, DIRTY, "new.Dockerfile")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    git(tmp_path, "clone", "-q", "--depth=1", repository.as_uri(), "shallow")
    assert "shallow" in reason(tmp_path / "shallow", "main")


def test_a_repository_cannot_name_programs(repository: Path) -> None:
    for key in ("core.fsmonitor", "diff.external", "diff.x.textconv", "diff.x.command"):
        git(repository, "config", key, f"touch {repository}/ran; cat")
    written(repository, b"* diff=x\n", ".gitattributes")
    written(repository, OLD.replace(b"old", b"new"), "images/Dockerfile")
    assert since(repository) == [("images/Dockerfile", 2)]
    assert not (repository / "ran").exists()


def test_fix_mends_what_the_change_brought_in_alone(repository: Path) -> None:
    new = b"RUN conda install -y new=1 && \\\n  pip install x\n"
    path = written(repository, OLD + new, "images/Dockerfile")
    compose = written(repository, INLINE, "compose.yaml")
    git(repository, "add", "compose.yaml")
    git(repository, "commit", "-qm", "compose")
    run = slimconda("fix", "--changed-since", "HEAD", cwd=repository)
    assert (run.returncode, run.stderr) == (0, b"images/Dockerfile: 2 fixed\nin 3 files: 2 fixed\n"), run.stderr
    fixed = b"RUN conda install -y new=1 && \\\n  conda clean --all --yes && \\\n  pip install --no-cache-dir x\n"
    assert (path.read_bytes(), compose.read_bytes()) == (OLD + fixed, INLINE)
    written(repository, INLINE + b"        RUN conda install -y c=1\n", "compose.yaml")
    slimconda("fix", "--changed-since", "HEAD", cwd=repository)
    assert compose.read_bytes() == INLINE + b"        RUN conda install -y c=1 && conda clean --all --yes\n"
    slimconda("lint", "--baseline", "base.json", "--update-baseline", "images", cwd=repository)
    written(repository, INLINE, "compose.yaml")
    run = slimconda("fix", "--baseline", "base.json", cwd=repository)
    assert run.stderr == b"compose.yaml: 1 fixed\nin 3 files: 1 fixed\n"
    assert path.read_bytes() == OLD + fixed
    run = slimconda("fix", "--changed-since", "nowhere", cwd=repository)
    assert (run.returncode, "no such commit" in one_line(run.stderr)) == (2, True)


def entries(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["findings"]
    return found


def test_a_baseline_accepts_and_keeps_reasons(repository: Path) -> None:
    path = repository / "baseline.json"
    words = ("lint", "--baseline", "baseline.json")
    run = slimconda(*words, "--update-baseline", "--reason", "legacy", cwd=repository)
    assert (run.returncode, one_line(run.stderr)) == (0, "slimconda: baseline.json: 1 findings accepted")
    assert [(entry["rule"], entry["path"], entry["reason"]) for entry in entries(path)] == [
        ("conda-cache-left", "images/Dockerfile", "legacy")
    ]
    run = slimconda(*words, cwd=repository)
    assert (run.returncode, run.stdout) == (0, b"nothing found in 2 Dockerfiles, 1 in the baseline\n")
    written(repository, b"# moved\n" + OLD + b"RUN conda install -y new=1\n", "images/Dockerfile")
    assert lines(repository, "--baseline", "baseline.json") == [("images/Dockerfile", 4)]
    assert lines(repository / "images", "--baseline", "../baseline.json") == [("Dockerfile", 4)]
    slimconda(*words, "--update-baseline", cwd=repository)
    assert sorted(entry["reason"] for entry in entries(path)) == ["found when the baseline was made", "legacy"]
    before = path.read_bytes()
    slimconda(*words, "--update-baseline", cwd=repository)
    assert path.read_bytes() == before


def test_stale_and_expired_entries_are_said(repository: Path) -> None:
    path = repository / "baseline.json"
    words = ("lint", "--baseline", "baseline.json")
    slimconda(*words, "--update-baseline", cwd=repository)
    for day, code in (("2020-01-01", 1), (datetime.now().astimezone().date().isoformat(), 1), ("2999-01-01", 0)):
        path.write_text(json.dumps({"version": 1, "findings": [entries(path)[0] | {"expires": day}]}))
        run = slimconda(*words, cwd=repository)
        assert run.returncode == code
        assert (b"expired on" in run.stderr) == bool(code)
    written(repository, CLEAN, "images/Dockerfile")
    run = slimconda(*words, cwd=repository)
    assert run.returncode == 0
    assert "stale: conda-cache-left in images/Dockerfile" in one_line(run.stderr)
    assert slimconda(*words, "multi.Dockerfile", cwd=repository).stderr == b""
    slimconda(*words, "--update-baseline", "multi.Dockerfile", cwd=repository)
    assert len(entries(path)) == 1
    slimconda(*words, "--update-baseline", cwd=repository)
    assert entries(path) == []


@pytest.mark.parametrize("folder", [".", "images"])
def test_entries_of_a_file_that_is_gone_are_stale(repository: Path, folder: str) -> None:
    words = ("lint", "--baseline", str(repository / "baseline.json"), str(repository))
    slimconda(*words, "--update-baseline", cwd=repository)
    git(repository, "mv", "images/Dockerfile", "images/other.Dockerfile")
    run = slimconda(*words, cwd=repository / folder)
    assert run.returncode == 1
    assert "images/Dockerfile: there is no such file any more" in one_line(run.stderr)
    slimconda(*words, "--update-baseline", cwd=repository / folder)
    assert [entry["path"] for entry in entries(repository / "baseline.json")] == ["images/other.Dockerfile"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}', "[" * 9999,
     '{"version": 1, "findings": [{"fingerprint": 1, "rule": "a", "path": "b", "message": "c", "reason": "d"}]}',
     '{"version": 1, "findings": [{"fingerprint": "x", "rule": "a", "path": "b", "message": "c", "reason": "d", "expires": "soon"}]}'],
)  # fmt: skip
def test_a_bad_baseline_is_one_line_and_exit_2(tmp_path: Path, text: str) -> None:
    written(tmp_path, DIRTY)
    (tmp_path / "b.json").write_text(text)
    run = slimconda("lint", "--baseline", "b.json", cwd=tmp_path)
    assert run.returncode == 2
    assert "not a baseline" in one_line(run.stderr)


@pytest.mark.parametrize(
    "words",
    [["--baseline", "no.json"], ["--update-baseline"], ["--add-ignores"], ["--add-ignores", "--reason", "a\nRUN b"],
     ["--baseline", "b", "--update-baseline", "--changed-since", "main"]],
)  # fmt: skip
def test_options_that_do_not_go_together(tmp_path: Path, words: list[str]) -> None:
    path = written(tmp_path, DIRTY)
    run = slimconda("lint", *words, cwd=tmp_path)
    assert run.returncode == 2
    one_line(run.stderr)
    assert path.read_bytes() == DIRTY


PRAGMA = b"# slimconda: ignore[conda-cache-left] needed offline = yes"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DIRTY, b"FROM a\n" + PRAGMA + b"\nRUN conda install -y b=1\n"),
        (b"FROM a\r\nRUN conda install -y b=1", b"FROM a\r\n" + PRAGMA + b"\nRUN conda install -y b=1"),
        (b"FROM a\r\n  RUN x && \\\r\n conda install -y b=1\r\n", b"FROM a\r\n  " + PRAGMA + b"\r\n  RUN x && \\\r\n conda install -y b=1\r\n"),
        (b"FROM a\nRUN <<E\nconda install -y b=1\nE\n", b"FROM a\n" + PRAGMA + b"\nRUN <<E\nconda install -y b=1\nE\n"),
        (b"FROM a\nRUN conda install -y b=1 && conda install -y c=1\n", b"FROM a\n" + PRAGMA + b"\nRUN conda install -y b=1 && conda install -y c=1\n"),
        (CLEAN, CLEAN),
        (b"FROM a\nRUNX\n", b"FROM a\nRUNX\n"),
    ],
)  # fmt: skip
def test_add_ignores_writes_a_pragma_above_each_instruction(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = written(tmp_path, before)
    run = slimconda(
        "lint", "--add-ignores", "--reason", "needed offline = yes", "--ignore", "unused-ignore", cwd=tmp_path
    )
    # The last line of a file has no end of its own to go by.
    assert path.read_bytes().replace(b"\r\n", b"\n") == after.replace(b"\r\n", b"\n")
    assert run.returncode == (1 if b"RUNX" in before else 0)
    assert slimconda("lint", cwd=tmp_path).returncode == run.returncode


def test_add_ignores_keeps_line_ends(tmp_path: Path) -> None:
    path = written(tmp_path, b"FROM a\r\nRUN conda install -y b=1")
    slimconda("lint", "--add-ignores", "--reason", "x", cwd=tmp_path)
    assert path.read_bytes() == b"FROM a\r\n# slimconda: ignore[conda-cache-left] x\r\nRUN conda install -y b=1"


def test_other_pragmas_live_beside_ours(tmp_path: Path) -> None:
    text = b"# syntax=docker/dockerfile:1\n# check=skip=all\n# hadolint ignore=DL3006\nFROM a\n# hadolint ignore=DL3059\nRUN conda install -y b=1\n"
    path = written(tmp_path, text)
    assert slimconda("lint", "--add-ignores", "--reason", "x", cwd=tmp_path).returncode == 0
    assert path.read_bytes() == text.replace(b"RUN", b"# slimconda: ignore[conda-cache-left] x\nRUN")


def test_statistics_count_by_rule(tmp_path: Path) -> None:
    written(tmp_path, DIRTY + b"RUN conda install -y c=1 || make\n")
    written(tmp_path, DIRTY, "b.Dockerfile")
    run = slimconda("lint", "--statistics", "--format", "json", cwd=tmp_path)
    assert json.loads(run.stdout)["statistics"] == [
        {"rule": "conda-cache-left", "severity": "warning", "findings": 3, "fixable": 2, "files": 2}
    ]
    assert b"conda-cache-left  warning" in slimconda("lint", "--statistics", cwd=tmp_path).stdout


def test_jobs_and_cache_change_nothing_that_is_shown(tmp_path: Path) -> None:
    for number in range(30):
        written(tmp_path, DIRTY + b"RUN conda install -y \xff%d\n" % number, f"{number}/Dockerfile")
    written(tmp_path, b"", "7/b.Dockerfile")
    written(tmp_path, b"FROM a\n{% x %}\n", "8/b.Dockerfile")
    plain = slimconda("lint", "--format", "json", "--jobs", "1", cwd=tmp_path)
    assert len(json.loads(plain.stdout)["findings"]) == 60
    for words in (["--jobs", "3"], ["--cache", "cache"], ["--cache", "cache", "--jobs", "2"]):
        run = slimconda("lint", "--format", "json", *words, cwd=tmp_path)
        assert (run.returncode, run.stdout, run.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert len(list((tmp_path / "cache").iterdir())) == 31


def test_the_cache_knows_content_and_configuration(tmp_path: Path) -> None:
    words = ("lint", "--format", "json", "Dockerfile")
    cache = str(tmp_path / "cache")
    path = written(tmp_path, DIRTY)
    assert slimconda(*words, cwd=tmp_path, SLIMCONDA_CACHE=cache).returncode == 1
    assert slimconda(*words, "--ignore", "conda-cache-left", cwd=tmp_path, SLIMCONDA_CACHE=cache).returncode == 0
    path.write_bytes(CLEAN)
    assert slimconda(*words, cwd=tmp_path, SLIMCONDA_CACHE=cache).returncode == 0
    path.write_bytes(DIRTY)
    (kept,) = [file for file in (tmp_path / "cache").iterdir() if b"conda install leaves" in file.read_bytes()]
    kept.write_bytes(kept.read_bytes().replace(b"conda install leaves", b"from the cache"))
    assert b"from the cache" in slimconda(*words, cwd=tmp_path, SLIMCONDA_CACHE=cache).stdout
    for broken in (b"", b"[]", b'{"findings": [{"is": "Config"}], "template": 0}', b'{"findings": 1, "template": 0}'):
        kept.write_bytes(broken)
        run = slimconda(*words, cwd=tmp_path, SLIMCONDA_CACHE=cache)
        assert (run.returncode, run.stderr) == (1, b"")
        assert b"conda install leaves" in run.stdout


def test_a_cache_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    assert slimconda("lint", "--cache", "Dockerfile/x", cwd=tmp_path).returncode == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["Dockerfile"]


COPIES = (
    b"FROM condaforge/miniforge3\nCOPY environment.yml .\nRUN conda env update -f environment.yml && conda clean -afy\n"
)
PLAIN = b"dependencies:\n  - numpy\n"
WITH_PIP = b"dependencies:\n  - pip\n  - pip:\n      - requests\n"


def test_the_cache_knows_the_files_that_a_dockerfile_copies(tmp_path: Path) -> None:
    written(tmp_path, COPIES)
    for data, found in ((PLAIN, 0), (WITH_PIP, 1), (PLAIN, 0), (WITH_PIP, 1)):
        written(tmp_path, data, "environment.yml")
        for _ in range(2):
            assert len(lines(tmp_path, "--select", "pip-cache-left", "--cache", "cache")) == found


def test_a_changed_environment_file_counts_and_an_unchanged_one_does_not(repository: Path) -> None:
    written(repository, COPIES, "Dockerfile")
    written(repository, WITH_PIP, "environment.yml")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "pip")
    select = ("--select", "pip-cache-left", "--changed-since", "HEAD")
    assert lines(repository, *select) == []
    assert len(lines(repository, "--select", "pip-cache-left")) == 1
    written(repository, PLAIN, "environment.yml")
    git(repository, "commit", "-qam", "no pip")
    written(repository, WITH_PIP, "environment.yml")
    assert lines(repository, *select) == [("Dockerfile", 3)]


TWICE = b"dependencies:\n- numpy\n- pip:\n  - numpy\n"
INLINE = b"services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM a\n        RUN conda install -y b=1\n"


def test_old_findings_of_environment_and_compose_files_are_set_aside(repository: Path) -> None:
    written(repository, TWICE, "environment.yml")
    written(repository, INLINE, "compose.yaml")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "both")
    written(repository, TWICE + b"# moved\n", "environment.yml")
    written(repository, b"# moved\n" + INLINE, "compose.yaml")
    run = slimconda("lint", "--changed-since", "HEAD", cwd=repository)
    assert (run.returncode, run.stdout.endswith(b", 5 from before the change\n")) == (0, True)
    written(repository, TWICE + b"  - numpy>2\n", "environment.yml")
    written(repository, INLINE.replace(b"b=1", b"b=2"), "compose.yaml")
    assert lines(repository, "--changed-since", "HEAD") == [("compose.yaml", 6)]
    words = ("--select", "package-given-twice", "--changed-since", "HEAD")
    assert lines(repository, *words) == [("environment.yml", 4), ("environment.yml", 5)]


def test_add_ignores_in_compose_and_environment_files(tmp_path: Path) -> None:
    environment = written(tmp_path, TWICE, "environment.yml")
    compose = written(tmp_path, INLINE, "compose.yaml")
    run = slimconda("lint", "--add-ignores", "--reason", "x", cwd=tmp_path)
    assert run.returncode == 0
    assert compose.read_bytes() == INLINE.replace(
        b"        RUN", b"        # slimconda: ignore[conda-cache-left] x\n        RUN"
    )
    assert environment.read_bytes() == (
        b"dependencies:\n# slimconda: ignore[conda-unpinned] x\n- numpy\n"
        b"- pip:\n  # slimconda: ignore[conda-unpinned, package-given-twice] x\n  - numpy\n"
    )


def test_add_ignores_leaves_alone_what_else_is_set_aside(repository: Path) -> None:
    written(repository, OLD + b"RUN conda install -y new=1\n", "images/Dockerfile")
    run = slimconda("lint", "--changed-since", "main", "--add-ignores", "--reason", "x", cwd=repository)
    assert (run.returncode, b"1 ignored, 1 from before the change" in run.stdout) == (0, True)
    pragma = b"# slimconda: ignore[conda-cache-left] x\n"
    assert (repository / "images/Dockerfile").read_bytes() == OLD + pragma + b"RUN conda install -y new=1\n"


def test_add_ignores_counts_what_else_is_set_aside(repository: Path) -> None:
    written(repository, DIRTY, "a.Dockerfile")
    ignored = b"# slimconda: ignore[conda-cache-left] y\nRUN conda install -y c=1\n"
    written(repository, OLD + ignored, "images/Dockerfile")
    slimconda("lint", "--baseline", "base.json", "--update-baseline", "images", cwd=repository)
    run = slimconda("lint", "--baseline", "base.json", "--add-ignores", "--reason", "x", cwd=repository)
    assert run.stdout.endswith(b"nothing found in 3 Dockerfiles, 2 ignored, 1 in the baseline\n"), run.stdout


def test_add_ignores_sees_the_files_beside(tmp_path: Path) -> None:
    path = written(tmp_path, COPIES)
    written(tmp_path, WITH_PIP, "environment.yml")
    run = slimconda("lint", "--select", "pip-cache-left", "--add-ignores", "--reason", "x", cwd=tmp_path)
    assert run.returncode == 0
    assert path.read_bytes() == COPIES.replace(b"RUN", b"# slimconda: ignore[pip-cache-left] x\nRUN")
