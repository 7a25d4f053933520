"""Finds static libraries, source maps and bytecode in the environments of an image."""

import re
from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Verdict
from slimconda.dockerfile.conda import Tool
from slimconda.dockerfile.installed import shipped_installs
from slimconda.findings import Problem

TRIM = re.compile(r"\*\.(?:a|la|pyc|pyo|py\[co\]|js\.map|map)\b|__pycache__|--no-pyc")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the last install of an image in which no command takes such files out.

    Only where nothing of the package cache stays, linked packages neither: else a trim frees nothing.
    """
    installs = [*shipped_installs(analysis.layers, analysis.stages)]
    if any(layer.opaque for layer, _ in installs) or TRIM.search(analysis.dockerfile.source.data.decode("latin-1")):
        return
    for layer, install in installs[-1:]:
        # Of cleans by several tools it is not known which one empties the install's cache.
        one = len({clean.tool for clean in layer.cleans}) < 2
        emptied = one and install.verdict is Verdict.CLEANED and not install.kinds
        if emptied and install.conda.tool is not Tool.INSTALLER:
            message = "static libraries, source maps and bytecode of the packages stay: few images need them"
            yield Problem(message, install.conda.place, None, layer.stage.label)
