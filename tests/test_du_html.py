"""The page about an installation: all figures without JavaScript, safe whatever it holds, drawn by a browser."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from slimconda.du.facts import Facts, read_facts
from slimconda.du.layout import find_layout
from slimconda.du.measure import survey
from slimconda.reporters import du_html, du_text
from slimconda.reporters.du_html import _tiles
from slimconda.units import size_text
from tests.conftest import obtain
from tests.material import disk
from tests.material.disk import measured
from tests.test_cli import slimconda
from tests.test_du import package, prefix, write
from tests.test_inspect_html import MARKUP, Reader, chromium, drawn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.material.disk import Installation


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return obtain(lambda: disk.make_installation(tmp_path_factory.mktemp("conda") / "made"))


def facts_of(root: Path, environment: dict[str, str]) -> Facts:
    return read_facts(survey(find_layout(str(root), environment)))


def test_parts_add_up_to_what_find_counts(made: Installation) -> None:
    facts = facts_of(made.root, made.environment)
    assert sum(part.bytes.allocated for part in facts.parts) == facts.total.allocated
    assert sum(part.bytes.apparent for part in facts.parts) == facts.total.apparent == measured(made.root)[1]
    assert sum(tile.size for tile in _tiles(facts)) == facts.total.allocated
    shared = [part for part in facts.parts if len(part.environments) == 2 and part.name.startswith("lib-1.0")]
    assert len(shared) == 1
    assert shared[0].bytes.apparent > 700_000
    unused = [part for part in facts.parts if part.name == "extracted package" and not part.environments]
    assert unused[0].bytes.apparent > 310_000


def test_figures_need_no_script(made: Installation) -> None:
    facts = facts_of(made.root, made.environment)
    page = du_html.render(facts)
    text = Reader(page).text
    assert size_text(facts.total.allocated) in text
    for environment in facts.environments:
        assert environment.path in text
        assert size_text(environment.share.own.allocated) in text
        for one in environment.packages:
            assert f"{one.name} {one.version}" in text
    for clean in facts.cleans:
        assert clean.command in text
        assert f"{clean.bytes.allocated:,}" in text
    for removal in facts.removals:
        assert f"{removal.with_clean.allocated:,}" in text
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|//[a-z]|url\(|@import|\bsrc=|<link", page)


def test_markup_on_a_disk_stays_text(tmp_path: Path) -> None:
    root = prefix(tmp_path / "root")
    name = os.fsdecode(MARKUP.replace("/", "_").encode("utf-8", "surrogateescape"))
    package(root / "pkgs", f"{name}-1-0", 900, prefix(root / "envs" / name))
    write(root / "pkgs" / f"{name}-2-0.conda", b"1" * 700)
    page = du_html.render(facts_of(root, {"HOME": str(tmp_path)}))
    reader = Reader(page)
    assert reader.tags.count("script") == 1
    assert not any(name.startswith("on") for name, _ in reader.attributes)
    assert "<script>alert(1)<_script>" in reader.text
    assert "\x1b" not in page
    assert "\u202e" not in page
    page.encode()


def test_what_a_venv_figure_leaves_out_is_said(tmp_path: Path) -> None:
    root = prefix(tmp_path / "root")
    site = root / "lib/python3.11/site-packages"
    for name, wheel in (("pure", b"true"), ("fast", b"false"), ("faster", b"false"), ("told", None)):
        write(site / f"{name}-1.dist-info/RECORD", f"{name}.py,,3000\n".encode())
        if wheel is not None:
            write(site / f"{name}-1.dist-info/WHEEL", b"Root-Is-Purelib: " + wheel)
    facts = facts_of(root, {"HOME": str(tmp_path)})
    said = (
        "1 pure Python package, 3.0 kB of content, the same as here; 2 compiled packages, 6.0 kB here, left out of that"
        " figure: a compiled wheel bundles what conda has as packages of its own, and nothing in an environment tells"
        " how much; 1 package left out: without a WHEEL file, which tells the one from the other."
    )
    assert said in Reader(du_html.render(facts)).text
    assert "compiled: 2 packages, 6.0 kB here; what wheels take is not known" in du_text.render(facts)
    assert "without a WHEEL file: 1 package; pure or compiled is not known" in du_text.render(facts)


def test_the_command_line(tmp_path: Path) -> None:
    root = prefix(tmp_path / "root")
    package(root / "pkgs", "a-1-0", 900, root)
    run = slimconda("du", "root", "--html=page.html", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, b"")
    assert str(root) in Reader((tmp_path / "page.html").read_text()).text
    run = slimconda("du", "root", "--html=no/such/folder.html", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, b"")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_browser_draws_it(made: Installation, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(du_html.render(facts_of(made.root, made.environment)))
    assert b"<button>on disk</button>" in chromium("--dump-dom", page=page, folder=tmp_path)
    pictures = drawn(page, tmp_path, 1400)
    assert all(len(picture) > 10_000 for picture in pictures)
    assert pictures[0] != pictures[1]
