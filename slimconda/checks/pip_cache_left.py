"""Finds installs by pip, or by conda for an environment file's `pip:` part, that leave pip's cache in their layer."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.options import added_option, added_variable
from slimconda.dockerfile.stores import Store
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each pip install whose downloads stay in pip's own cache."""
    for layer, fill in analysis.python_left(Store.PIP):
        edit = added_option(layer, fill.install, "--no-cache-dir")
        fix = Fix("keep no cache: --no-cache-dir", (edit,)) if edit else None
        message = f"{fill.install.title} leaves its cache in this layer"
        yield Problem(message, fill.install.place, fix, layer.stage.label)
    for layer, install in analysis.pip_parts_left():
        edit = added_variable(layer, install.conda, "PIP_NO_CACHE_DIR=1")
        fix = Fix("keep no cache: PIP_NO_CACHE_DIR=1", (edit,)) if edit else None
        message = f"{install.conda.title} runs pip for the environment file, which leaves its cache in this layer"
        yield Problem(message, install.conda.place, fix, layer.stage.label)
