"""What inspect shows: text for 80 columns, JSON for machines, and nothing of an image that steers a terminal."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from slimconda.findings import Finding, LayerPart, Report, Severity
from slimconda.layers.environments import Duplicate
from slimconda.layers.image import Image, analyse
from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member
from slimconda.reporters import inspect_json, inspect_text
from slimconda.units import size_text
from tests.images import FIXTURES, load_listing

EVIL = "x\x1b[2J\x07\n\x9b31m\u202e\udcff\ud800"
INST_LATER = """\
inst-later: 125.6 MB in 2 layers, 20.5 MB (16.4 %) of it residue

layer 0: warning[conda-clean-in-later-layer] what was cleaned too late stays
    /opt/conda/pkgs/numpy-2.2.6-py311_0.conda
    /opt/conda/pkgs/pandas-3.1.1-py311_0.conda
    /opt/conda/pkgs/pandas-3.1.1-py311_0/info/paths.json

layer      size   hidden  residue               what ran
    0  125.6 MB  20.5 MB  20.5 MB  #########xx  RUN conda install -y -q ...
    1       0 B      0 B      0 B               RUN conda clean -afy
(# in use, x residue, . hidden by later layers)

conda environments: /opt/conda
package caches: /opt/conda/pkgs

package caches by kind (extracted: named by the cache alone; needed: targets of
an environment's symlinks; shared: hard-linked into an environment, free), and
what a clean with --all, or --force-pkgs-dirs, in the same RUN would have saved:
layer  archives  extracted    index  needed    shared      all    force
    0   19.7 MB   862.8 kB  14.0 kB     0 B  103.2 MB  19.7 MB  20.5 MB

visible 105.1 MB, hidden by later layers 20.5 MB
residue 20.5 MB, of it reclaimable 20.5 MB
not judged: bytecode 521.4 kB, static libraries 191.0 kB
"""


def listed(case: str) -> Image:
    listing = load_listing(FIXTURES / "listings" / f"{case}.jsonl.gz")
    return analyse(case, [(source, members) for _, source, members in listing])


def report(image: Image, message: str) -> Report:
    findings = [
        Finding(part.rule, Severity.WARNING, message, image.name, LayerPart(layer.index, part.bytes, part.paths))
        for layer in image.layers
        for part in layer.residue.values()
    ]
    return Report(tuple(findings))


def evil() -> Image:
    members = [
        Member(f"{EVIL}/urls", Kind.FILE, 0, ""),
        Member(f"{EVIL}/urls.txt", Kind.FILE, 9, ""),
        Member(f"{EVIL}/conda-meta/history", Kind.FILE, 9, ""),
    ]
    return analyse(EVIL, [(LayerSource("l", EVIL, f"RUN /bin/sh -c {EVIL}"), members)])


def test_text() -> None:
    image = listed("inst-later")
    assert inspect_text.render(image, report(image, "what was cleaned too late stays")) == INST_LATER


@pytest.mark.parametrize("case", ["soft", "m-none", "f-env3n", "e-pip2", "copy"])
def test_text_fits_80_columns(case: str) -> None:
    image = listed(case)
    text = inspect_text.render(image, report(image, "this is a rather long message " * 5))
    assert max(len(line) for line in text.splitlines()) <= 80


def test_text_without_layers_and_findings() -> None:
    text = inspect_text.render(analyse("empty", []), Report(()))
    assert text.startswith("empty: 0 B in 0 layers\n")
    assert text.endswith("no residue found\n")


def test_text_is_safe_for_terminals() -> None:
    image = evil()
    text = inspect_text.render(image, report(image, EVIL))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "conda-cache-left" in text
    text.encode()


def test_many_duplicates_take_little_time() -> None:
    several = tuple(Duplicate(f"p{number} 1 0", ("/a", "/b"), number) for number in range(20_000))
    started = time.process_time()
    text = inspect_text.render(replace(listed("inst-later"), duplicates=several), Report(()))
    assert time.process_time() - started < 5
    assert [line.split()[3] for line in text.split("package in several environments\n")[1].splitlines()[:2]] == [
        "p19999",
        "p19998",
    ]


def test_largest_findings_come_first_and_ignored_are_counted() -> None:
    parts = [Finding("r", Severity.INFO, f"m{size}", "i", LayerPart(0, size)) for size in (5, 70, 600)]
    hidden = Finding("r", Severity.INFO, "hidden", "i", LayerPart(0, 9000), ignored=True)
    text = inspect_text.render(analyse("i", []), Report((*parts, hidden)))
    assert text.index("m600") < text.index("m70") < text.index("m5")
    assert "hidden\n" not in text
    assert "1 ignored" in text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (2_738_391_972, "2.7 GB"),
    ],
)
def test_sizes_are_decimal(size: int, text: str) -> None:
    assert size_text(size) == text


def test_json() -> None:
    image = listed("inst-later")
    content = json.loads(inspect_json.render(image, report(image, "m")))
    first, second = content["layers"]
    assert (content["version"], content["image"], content["size"]) == (1, "inst-later", 125_625_731)
    assert {key: first[key] for key in ("index", "size", "live", "dead", "residue")} == {
        "index": 0,
        "size": 125_625_731,
        "live": 105_079_607,
        "dead": 20_546_124,
        "residue": {"conda-clean-in-later-layer": 20_546_124},
    }
    assert first["clean"] == {"all": 19_683_096, "force": 20_546_124}
    assert second["residue"] == {}
    assert content["totals"] == {
        "size": 125_625_731,
        "live": 105_079_607,
        "dead": 20_546_124,
        "residue": 20_546_124,
        "reclaimable": 20_546_124,
    }
    (finding,) = content["findings"]
    assert (finding["layer"], finding["bytes"], finding["line"], finding["fix"]) == (0, 20_546_124, None, None)
    assert finding["paths"][0] == "/opt/conda/pkgs/numpy-2.2.6-py311_0.conda"


def test_json_is_valid_whatever_names_hold() -> None:
    image = evil()
    text = inspect_json.render(image, report(image, EVIL))
    content = json.loads(text)
    assert text.isascii()
    assert content["image"] == EVIL.replace("\udcff", "\ufffd").replace("\ud800", "\ufffd")
    json.dumps(content, ensure_ascii=False).encode()
