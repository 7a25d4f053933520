"""Finds installs whose failure a later command of the RUN hides."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.shell import Chain, ShellCommand, Statement
from slimconda.findings import Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each install in a list that goes on whatever it says: after `;` or a line end, without `set -e`."""
    for layer in analysis.layers:
        ignored = [id(command) for command in _ignored(layer)]
        for install in layer.installs:
            if id(install.conda.command) in ignored:
                message = f"the RUN goes on, and may end well, where {install.conda.title} fails"
                yield Problem(message, install.conda.place, None, layer.stage.label)


def _ignored(layer: RunLayer) -> Iterator[ShellCommand]:
    """Yield the commands of all list items but the last that run without errexit; none where `$?` is asked for."""
    if b"$?" in layer.run.script.text.data:
        return
    items = layer.run.script.body.items
    errexit = layer.errexit or {}
    for item in items[:-1]:
        for command in _direct(item):
            if errexit.get(id(command)) == frozenset({False}):
                yield command


def _direct(item: Statement) -> Iterator[ShellCommand]:
    if isinstance(item, ShellCommand):
        yield item
    if isinstance(item, Chain) and set(item.operators) == {"&&"}:
        yield from (link for link in item.items if isinstance(link, ShellCommand))
