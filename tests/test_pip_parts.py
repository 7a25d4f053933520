"""Which environment file a conda call reads, where COPY, ADD, heredocs and mounts bring it, and what its pip part leaves."""

from pathlib import Path

import pytest

from slimconda.config import Config
from slimconda.files import LARGEST_BESIDE, read_beside
from slimconda.linter import lint
from slimconda.rewriter import rewrite
from slimconda.source import Source
from tests.dockerfiles import WITHOUT_ADVICE

WITH_PIP = b"dependencies:\n  - python\n  - pip:\n    - requests\n"
WITHOUT = b"dependencies:\n  - python\n  - pip\n"
FILES = {"env.yml": WITH_PIP, "sub/env.yml": WITH_PIP, "plain.yml": WITHOUT, "odd.yml": b"- pip: [\n", "empty.yml": b""}
CREATE = "RUN conda env create -f {} && conda clean -afy\n"


def found(text: str) -> list[int]:
    report = lint(source(text), Config(select=frozenset({"pip-cache-left"})))
    return [text.encode()[: finding.place.start].count(b"\n") + 1 for finding in report.findings]  # type: ignore[union-attr]


def source(text: str) -> Source:
    return Source("Dockerfile", text.encode(), FILES.get)


KNOWN = [
    "FROM continuumio/miniconda3\nCOPY env.yml /tmp/\n" + CREATE.format("/tmp/env.yml"),
    "FROM continuumio/miniconda3\nCOPY env.yml /tmp/other.yml\n" + CREATE.format("/tmp/other.yml"),
    "FROM continuumio/miniconda3\nADD plain.yml env.yml /tmp/\n" + CREATE.format("/tmp/env.yml"),
    'FROM continuumio/miniconda3\nCOPY ["env.yml", "/tmp/"]\n' + CREATE.format("/tmp/env.yml"),
    "FROM continuumio/miniconda3\nCOPY . /app\n" + CREATE.format("/app/sub/env.yml"),
    "FROM continuumio/miniconda3\nCOPY sub /app\n" + CREATE.format("/app/env.yml"),
    "FROM continuumio/miniconda3\nWORKDIR /app\nCOPY . .\n" + CREATE.format("env.yml"),
    "FROM continuumio/miniconda3\nWORKDIR /app\nCOPY env.yml .\n" + CREATE.format("./env.yml"),
    "FROM debian\nCOPY . .\n" + CREATE.format("env.yml"),
    "FROM continuumio/miniconda3\nENV D=/srv\nCOPY env.yml $D/e.yml\n" + CREATE.format("${D}/e.yml"),
    "FROM continuumio/miniconda3 AS a\nCOPY env.yml /tmp/\nFROM a\n" + CREATE.format("/tmp/env.yml"),
    "FROM continuumio/miniconda3\nRUN --mount=type=bind,source=env.yml,target=/e.yml conda env update -f /e.yml\n",
]


@pytest.mark.parametrize("text", KNOWN)
def test_the_file_is_found(text: str) -> None:
    assert found(text) == [text.count("\n")]


SILENT = [
    "FROM continuumio/miniconda3\n" + CREATE.format("/tmp/env.yml"),
    "FROM continuumio/miniconda3\nCOPY plain.yml /tmp/env.yml\n" + CREATE.format("/tmp/env.yml"),
    "FROM continuumio/miniconda3\nCOPY odd.yml empty.yml /tmp/\n" + CREATE.format("/tmp/odd.yml"),
    "FROM continuumio/miniconda3\nCOPY env.yml /a/\n" + CREATE.format("/b/env.yml"),
    "FROM continuumio/miniconda3\nCOPY env.yml /a/\nCOPY plain.yml /a/env.yml\n" + CREATE.format("/a/env.yml"),
    "FROM continuumio/miniconda3\nCOPY --from=x env.yml /a/\n" + CREATE.format("/a/env.yml"),
    "FROM continuumio/miniconda3\nCOPY env.yml /a/\nRUN sed -i /pip/d /a/env.yml\n" + CREATE.format("/a/env.yml"),
    "FROM continuumio/miniconda3\nWORKDIR /a\nCOPY env.yml .\nWORKDIR /b\n" + CREATE.format("env.yml"),
    "FROM continuumio/miniconda3\nENV PIP_NO_CACHE_DIR=1\nCOPY env.yml /a/\n" + CREATE.format("/a/env.yml"),
    "FROM continuumio/miniconda3\nCOPY env.yml /a/\nRUN conda env create -f /a/env.yml && rm -rf ~/.cache\n",
    "FROM continuumio/miniconda3\nCOPY env.yml /a/\nRUN --mount=type=cache,target=/root/.cache/pip conda env create -f /a/env.yml\n",
]


@pytest.mark.parametrize("text", SILENT)
def test_what_is_not_certain_is_silent(text: str) -> None:
    assert found(text) == []


def test_the_fix_turns_pips_cache_off() -> None:
    text = "FROM continuumio/miniconda3\nCOPY env.yml /e.yml\nRUN X=1 conda env create -f /e.yml \\\n && conda clean -afy\n"
    fixed = rewrite(source(text), WITHOUT_ADVICE)
    assert fixed.data.decode() == text.replace("X=1", "PIP_NO_CACHE_DIR=1 X=1")
    assert fixed.report.open == ()


def test_only_regular_files_inside_the_context_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "outside.yml").write_bytes(WITH_PIP)
    (tmp_path / "context" / "in.yml").write_bytes(WITH_PIP)
    (tmp_path / "context" / "link.yml").symlink_to(tmp_path / "outside.yml")
    (tmp_path / "context" / "huge.yml").write_bytes(b"x" * (LARGEST_BESIDE + 1))
    monkeypatch.chdir(tmp_path / "context")
    dockerfile = tmp_path / "context" / "Dockerfile"
    names = ("in.yml", "/in.yml", "../outside.yml", "link.yml", "huge.yml", ".", "none.yml", "a\0b", "x" * 5000)
    assert [read_beside(dockerfile, name) is not None for name in names] == [True, True] + [False] * 7
