"""The image checks on recorded layers of real conda and mamba builds, and the demonstration that shows them."""

import re
from pathlib import Path

import pytest

from slimconda.config import Config
from slimconda.findings import LayerPart, Place, Severity
from slimconda.image_checks.conda_files_not_needed import check_image
from slimconda.image_linter import lint_image
from slimconda.layers.image import analyse
from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member
from slimconda.rulebook import load_rules
from tests.images import FIXTURES, load_listing
from tests.test_cli import slimconda

FOUND = {
    "inst-none": ["conda-cache-left"],
    "inst-later": ["conda-clean-in-later-layer"],
    "m-none": ["conda-cache-left", "conda-files-not-needed"],
    "copy": ["conda-cache-left"],
    # What a clean leaves, packages linked into an environment and lists of URLs, is no finding.
    "inst-all": [],
    "inst-afy": [],
    "m-a": ["conda-files-not-needed"],
    "copy-all": [],
    "cachemnt": [],
}


@pytest.mark.parametrize("case", FOUND)
def test_findings_of_recorded_images(case: str) -> None:
    listing = load_listing(FIXTURES / "listings" / f"{case}.jsonl.gz")
    image = analyse(case, [(source, members) for _, source, members in listing])
    assert [finding.rule for finding in lint_image(image, Config()).findings] == FOUND[case]


def test_a_cache_that_links_alone_need_is_named_without_kinds() -> None:
    members = [
        Member("pkgs/urls", Kind.FILE, 0, ""),
        Member("pkgs/urls.txt", Kind.FILE, 0, ""),
        Member("pkgs/x-1-0.conda", Kind.FILE, 5, ""),
        Member("x", Kind.SYMLINK, 21, "/pkgs/x-1-0.conda"),
    ]
    (finding,) = lint_image(analyse("a", [(LayerSource("l", "", ""), members)]), Config()).findings
    assert finding.message == "5 B of package cache stay in this layer"


def test_files_not_needed_are_measured_and_are_no_residue() -> None:
    listing = load_listing(FIXTURES / "listings" / "m-af.jsonl.gz")
    image = analyse("m-af", [(source, members) for _, source, members in listing])
    findings = lint_image(image, Config()).findings
    assert [(finding.rule, finding.severity) for finding in findings] == [("conda-files-not-needed", Severity.INFO)]
    part = findings[0].place
    assert isinstance(part, LayerPart)
    assert part.bytes == sum(
        member.size
        for _, _, members in load_listing(FIXTURES / "listings" / "m-af.jsonl.gz")
        for member in members
        if member.path.endswith((".a", ".pyc", ".js.map"))
    )
    assert findings[0].message.endswith("(191.0 kB static libraries, 8.7 MB bytecode)")
    assert (image.totals.residue, image.totals.reclaimable) == (0, 0)


def test_only_visible_files_in_environments_count() -> None:
    big = 2_000_000
    members = [
        Member("env/conda-meta/history", Kind.FILE, 0, ""),
        Member("env/pkgs/urls", Kind.FILE, 0, ""),
        Member("env/pkgs/urls.txt", Kind.FILE, 0, ""),
        Member("env/pkgs/x-1-0/info/repodata_record.json", Kind.FILE, 0, ""),
        Member("env/lib/libx.so", Kind.FILE, big, ""),
        Member("env/lib/small.a", Kind.FILE, 999_999, ""),
        Member("srv/lib/other.a", Kind.FILE, big, ""),
        Member("env/pkgs/x-1-0/lib/unlinked.a", Kind.FILE, big, ""),
    ]
    layer = LayerSource("x.tar", "sha256:0", "RUN x")
    assert found([(layer, members)]) == []
    members += [
        Member("env/pkgs/x-1-0/lib/linked.a", Kind.FILE, big, ""),
        Member("env/lib/linked.a", Kind.HARD_LINK, 0, "env/pkgs/x-1-0/lib/linked.a"),
        Member("env/share/x.js.map", Kind.FILE, 1, ""),
    ]
    assert found([(layer, members)]) == [
        LayerPart(0, big + 1_000_000, ("/env/lib/linked.a", "/env/lib/small.a", "/env/share/x.js.map"))
    ]
    gone = [
        Member("env/lib/.wh.linked.a", Kind.FILE, 0, ""),
        Member("env/pkgs/x-1-0/lib/.wh.linked.a", Kind.FILE, 0, ""),
    ]
    assert found([(layer, members), (layer, gone)]) == [
        LayerPart(0, 1_000_000, ("/env/lib/small.a", "/env/share/x.js.map"))
    ]


def found(layers: list[tuple[LayerSource, list[Member]]]) -> list[Place]:
    image = analyse("x", layers)
    return [problem.place for problem in check_image(load_rules()["conda-files-not-needed"], image)]


def test_the_demonstration_saves_what_it_announces(tmp_path: Path) -> None:
    run = slimconda("demo", cwd=tmp_path, DOCKER_HOST="unix:///nowhere")
    text = run.stdout.decode()
    before, after = text.split("== slimconda inspect after.tar")
    assert (run.returncode, run.stderr) == (0, b"")
    assert "warning[conda-clean-in-later-layer]" in before
    assert "warning[" not in after
    announced, saved = re.findall(r"announced to save ([\d,]+) bytes; it saved ([\d,]+)\.", after)[0]
    assert announced == saved
    assert list(tmp_path.iterdir()) == []
