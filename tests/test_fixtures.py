"""Whole Dockerfiles: each case has its report, and its fixed text where a fix changes it."""

from pathlib import Path

import pytest

from slimconda.config import Config
from slimconda.linter import lint
from slimconda.reporters.text import render
from slimconda.rewriter import rewrite
from slimconda.source import Source

CASES = sorted(path for path in (Path(__file__).parent.parent / "fixtures" / "dockerfiles").iterdir() if path.is_dir())


def source(case: Path) -> Source:
    return Source("Dockerfile", (case / "Dockerfile").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_report(case: Path, update: bool) -> None:
    report = render(lint(source(case), Config()))
    if update:
        (case / "report.txt").write_text(report)
    assert report == (case / "report.txt").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fixed(case: Path, update: bool) -> None:
    fixed = case / "fixed.Dockerfile"
    done = rewrite(source(case), Config())
    if update and done.changed:
        fixed.write_bytes(done.data)
    assert done.gave_up is None
    assert done.data == (fixed.read_bytes() if fixed.exists() else source(case).data)
    assert fixed.exists() == done.changed
    assert rewrite(Source("Dockerfile", done.data), Config()).data == done.data
