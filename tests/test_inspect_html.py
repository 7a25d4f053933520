"""The page about an image: complete without JavaScript and network, safe whatever an image holds, drawn by a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimconda.findings import Report
from slimconda.layers.image import Image, analyse
from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member
from slimconda.reporters import inspect_html
from slimconda.reporters.inspect_html import _tiles
from slimconda.reporters.treemap import Box, lay_out
from slimconda.units import size_text
from tests.test_cli import slimconda
from tests.test_compare import images
from tests.test_inspect_reports import listed, report
from tests.test_provenance import installed

if TYPE_CHECKING:
    from pathlib import Path

MARKUP = "<script>alert(1)</script>&amp;\"'\x1b[2J\u202e\udcff"


class Reader(HTMLParser):
    """Collects elements, attributes and text; a tag that is not closed in its order is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile() -> Image:
    members = [
        Member(f"{MARKUP}/urls", Kind.FILE, 5, ""),
        Member(f"{MARKUP}/urls.txt", Kind.FILE, 200_000, ""),
        Member(f"{MARKUP}/conda-meta/history", Kind.FILE, 9, ""),
    ]
    return analyse(MARKUP, [(LayerSource("l", MARKUP, f"RUN {MARKUP}"), members)])


@pytest.mark.parametrize("case", ["inst-later", "soft", "m-none", "copy"])
def test_figures_need_no_script(case: str) -> None:
    image = listed(case)
    reader = Reader(inspect_html.render(image, report(image, "what was found")))
    assert size_text(image.size) in reader.text
    for layer in image.layers:
        assert size_text(layer.size) in reader.text
        for rule, residue in layer.residue.items():
            assert rule in reader.text
            assert size_text(residue.bytes) in reader.text
    assert sum(tile.size for tile in _tiles(image)) == image.size


def test_nothing_is_fetched() -> None:
    image = listed("inst-later")
    page = inspect_html.render(image, report(image, "m"))
    assert not re.search(r"https?:|//[a-z]|url\(|@import|\bsrc=|<link", page)
    assert "default-src 'none'" in page


def test_markup_in_an_image_stays_text() -> None:
    image = hostile()
    page = inspect_html.render(image, report(image, MARKUP), fixed=f"-{MARKUP}\n+{MARKUP}\n")
    reader = Reader(page)
    assert reader.tags.count("script") == 1
    assert not any(name.startswith("on") for name, _ in reader.attributes)
    assert "<script>alert(1)</script>" in reader.text
    assert "\x1b" not in page
    assert "\u202e" not in page
    page.encode()


def test_an_image_without_layers() -> None:
    assert "None." in Reader(inspect_html.render(analyse("empty", []), Report(()))).text


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=40), st.floats(0.2, 5))
def test_areas_are_as_the_weights(weights: list[int], aspect: float) -> None:
    weights.sort(reverse=True)
    boxes = lay_out([float(weight) for weight in weights], Box(0, 0, 100, 100), aspect)
    for weight, box in zip(weights, boxes, strict=True):
        assert box.width * box.height / 10_000 == pytest.approx(weight / sum(weights), rel=1e-6, abs=1e-9)
        assert -1e-6 <= box.left <= box.left + box.width <= 100 + 1e-6
        assert -1e-6 <= box.top <= box.top + box.height <= 100 + 1e-6
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
            down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
            assert min(across, down) < 1e-6


def test_the_command_line(tmp_path: Path) -> None:
    installed(tmp_path)
    run = slimconda("inspect", "image.tar", "--dockerfile=Dockerfile", "--html=page.html", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (1, b"")
    text = Reader((tmp_path / "page.html").read_text()).text
    assert "Dockerfile:3" in text
    assert "    conda install -y numpy" in text
    assert "+    conda install -y numpy && \\" in text
    run = slimconda("inspect", "image.tar", "--html=no/such/folder.html", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, b"")


def chromium(*options: str, page: Path, folder: Path) -> bytes:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here")
    basic = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/chromium"]
    command = [program, *basic, *options, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout


def drawn(page: Path, folder: Path, height: int) -> list[bytes]:
    """Return pictures of a page in dark and in light."""
    pictures = []
    for scheme in (0, 1):
        picture = folder / f"{scheme}.png"
        size = f"--window-size=800,{height}"
        shown = [f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}", size]
        chromium(*shown, page=page, folder=folder)
        pictures.append(picture.read_bytes())
    return pictures


def test_a_browser_draws_it(tmp_path: Path) -> None:
    """Its own script passes its own policy and makes the heads of tables buttons; a picture in both schemes differs."""
    images(tmp_path)
    slimconda("inspect", "after.tar", "--html=page.html", cwd=tmp_path)
    page = tmp_path / "page.html"
    assert b"<button>size</button>" in chromium("--dump-dom", page=page, folder=tmp_path)
    pictures = drawn(page, tmp_path, 900)
    assert all(len(picture) > 10_000 for picture in pictures)
    assert pictures[0] != pictures[1]
