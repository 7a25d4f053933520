"""Finds images that would need no conda if a stage of its own made their environment."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.sole_environment import sole_environment
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield the command that makes the only environment, with the two stages that ship it alone."""
    found = sole_environment(analysis)
    if found:
        from slimconda.dockerfile.builder import split_stage

        fix, unfixable = None, None
        try:
            split = split_stage(found, analysis)
            base = analysis.config.runtime_image
            fix = Fix(f"make {split.prefix} in a builder stage and copy it into {base}", split.edits, adds=split.adds)
        except NoPlaceError as error:
            unfixable = str(error)
        message = f"{found.call.title} makes the environment in the stage that ships, so conda ships with it"
        yield Problem(message, found.call.place, fix, found.layer.stage.label, unfixable)
