"""The catalogue of RUN shapes: each has the verdict it should have, and the fixed text, or the reason for none."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Verdict
from slimconda.dockerfile.parser import parse
from slimconda.rewriter import rewrite
from slimconda.source import Source
from tests.test_verdicts import spelt

BASE = "FROM continuumio/miniconda3\n"
LETTERS = {Verdict.LEFT: "N", Verdict.INCOMPLETE: "P", Verdict.CLEANED: "C", Verdict.UNKNOWN: "U"}
CONFIG = Config(select=frozenset({"conda-cache-left", "conda-clean-incomplete", "conda-clean-in-later-layer"}))
ENTRIES = tomllib.loads((Path(__file__).parent.parent / "fixtures" / "catalogue.toml").read_text())["entry"]


def verdicts(source: Source) -> str:
    dockerfile = parse(source)
    if dockerfile.template:
        return "template"
    if dockerfile.problems:
        return "syntax"
    layers = Analysis(dockerfile, Config()).layers
    fills = [install for layer in layers for install in (*layer.installs, *layer.pixi)]
    return "".join(LETTERS[install.verdict] for install in sorted(fills, key=lambda one: one.conda.place.start))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['number']}: {entry['text'][:50]}")
def test_entry(entry: dict[str, Any]) -> None:
    source = Source("Dockerfile", f"{BASE}{spelt(entry['text'])}\n".encode())
    assert verdicts(source) == entry["verdicts"]
    done = rewrite(source, CONFIG)
    assert done.data.decode() == f"{BASE}{spelt(entry.get('fixed', entry['text']))}\n"
    assert sorted({one.unfixable for one in done.report.open if one.unfixable}) == entry.get("why", [])


def test_the_catalogue_is_whole() -> None:
    assert {entry["number"] for entry in ENTRIES} == set(range(1, 73))
