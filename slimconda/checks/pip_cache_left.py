"""Finds installs by pip that leave its cache in their layer."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.options import added_option
from slimconda.dockerfile.stores import Store
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each pip install whose downloads stay in pip's own cache."""
    for layer, fill in analysis.python_left(Store.PIP):
        edit = added_option(layer, fill.install, "--no-cache-dir")
        fix = Fix("keep no cache: --no-cache-dir", (edit,)) if edit else None
        message = f"{fill.install.title} leaves its cache in this layer"
        yield Problem(message, fill.install.place, fix, layer.stage.label)
