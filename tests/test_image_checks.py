"""The image checks on recorded layers of real conda and mamba builds, and the demonstration that shows them."""

import re
from pathlib import Path

import pytest

from slimconda.config import Config
from slimconda.layers.image import analyse
from slimconda.linter import lint_image
from tests.images import FIXTURES, load_listing
from tests.test_cli import slimconda

FOUND = {
    "inst-none": ["conda-cache-left"],
    "inst-later": ["conda-clean-in-later-layer"],
    "m-none": ["conda-cache-left"],
    "copy": ["conda-cache-left"],
    # What a clean leaves, packages linked into an environment and lists of URLs, is no finding.
    "inst-all": [],
    "inst-afy": [],
    "m-a": [],
    "copy-all": [],
    "cachemnt": [],
}


@pytest.mark.parametrize("case", FOUND)
def test_findings_of_recorded_images(case: str) -> None:
    listing = load_listing(FIXTURES / "listings" / f"{case}.jsonl.gz")
    image = analyse(case, [(source, members) for _, source, members in listing])
    assert [finding.rule for finding in lint_image(image, Config()).findings] == FOUND[case]


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
