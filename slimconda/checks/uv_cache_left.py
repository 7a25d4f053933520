"""Finds installs by uv that leave its cache in their layer."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.options import added_option
from slimconda.dockerfile.stores import Store
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install by uv whose downloads stay in uv's own cache."""
    for layer, fill in analysis.python_left(Store.UV):
        edit = added_option(layer, fill.install, "--no-cache")
        fix = Fix("keep no cache: --no-cache", (edit,)) if edit else None
        message = f"{fill.install.title} leaves its cache in this layer"
        yield Problem(message, fill.install.place, fix, layer.stage.label)
