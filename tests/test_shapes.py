"""The labelled suite: RUN shapes with a verdict for each command that fills a cache, in the order of the text."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Install, PythonFill, RunLayer, Verdict
from slimconda.dockerfile.parser import parse
from slimconda.dockerfile.stores import Store
from slimconda.source import Source

FOLDER = Path(__file__).parent.parent / "fixtures" / "shapes"
BASE = "FROM continuumio/miniconda3\n"
SHAPES = [
    pytest.param(shape, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.toml"))
    for number, shape in enumerate(tomllib.loads(path.read_text())["shape"])
]


def read(text: str) -> Analysis:
    text = text.lstrip("\n")
    whole = text if re.search(r"^\s*FROM ", text, re.MULTILINE | re.IGNORECASE) else BASE + text
    dockerfile = parse(Source("Dockerfile", whole.encode()))
    assert dockerfile.problems == ()
    return Analysis(dockerfile, Config())


def word(fill: Install | PythonFill) -> str:
    return "left" if fill.kept.verdict is Verdict.INCOMPLETE else fill.kept.verdict.value


def conda_words(analysis: Analysis, layer: RunLayer) -> list[str]:
    fills = sorted((*layer.installs, *layer.pixi), key=lambda install: install.conda.place.start)
    return [word(fill) for fill in fills if analysis.ships(layer, fill.cache)]


def python_words(analysis: Analysis, layer: RunLayer, store: Store) -> list[str]:
    return [word(fill) for fill in layer.python if fill.cache.store is store and analysis.ships(layer, fill.cache)]


@pytest.mark.parametrize("shape", SHAPES)
def test_verdicts_are_as_labelled(shape: dict[str, Any]) -> None:
    analysis = read(shape["text"])
    found = analysis.layers
    assert [word for layer in found for word in conda_words(analysis, layer)] == shape["verdicts"], shape["why"]
    for name, store in (("pip", Store.PIP), ("uv", Store.UV)):
        if name in shape:
            assert [word for layer in found for word in python_words(analysis, layer, store)] == shape[name], shape[
                "why"
            ]
    if "downloads" in shape:
        assert [one.verdict.value for layer in found for one in layer.fetched] == shape["downloads"], shape["why"]


def test_the_suite_is_large() -> None:
    assert len(SHAPES) >= 200
