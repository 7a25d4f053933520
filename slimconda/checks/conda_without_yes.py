"""Finds commands that would ask, where nothing answers: a RUN's empty input is taken as yes."""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.answers import asks_for_ever, may_be_answered
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.dead_flags import dead_flags
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.spelling import put_after, refuse_unwritten
from slimconda.findings import Fix, Problem
from slimconda.source import Source

TOOLS = frozenset({Tool.CONDA, Tool.MAMBA, Tool.MICROMAMBA})
ASKING = frozenset({"install", "create", "update", "upgrade", "remove", "uninstall", "clean"})


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each command that asks, in what ships, without -y and without another answer."""
    for layer in analysis.layers:
        for call in layer.calls:
            if _asks(call) and not (_fails(call, layer, analysis) or may_be_answered(call, layer)):
                message = f"{_title(call)} asks before it starts: only an empty input lets it go on"
                fix = _fix(layer, call, analysis.dockerfile.source)
                yield Problem(message, call.place, fix, layer.stage.label)


def _asks(call: CondaCommand) -> bool:
    """Tell whether the subcommand asks; `conda env create` and `env update` do not."""
    return call.tool in TOOLS and (call.subcommand in ASKING or _is_environment_removal(call))


def _is_environment_removal(call: CondaCommand) -> bool:
    return call.subcommand == "env" and [word.text for word in call.arguments[len(call.leading) :]][:1] == ["remove"]


def _title(call: CondaCommand) -> str:
    return f"{call.tool} {call.subcommand}{' remove' if call.subcommand == 'env' else ''}"


def _fails(call: CondaCommand, layer: RunLayer, analysis: Analysis) -> bool:
    """Tell whether a clean does not get as far as a question, or never gets past it."""
    if call.verb is not Verb.CLEAN or call.clean is None:
        return False
    versions = analysis.conda_versions
    lost = call.clean.yes or call.clean.lacks_target or call.clean.unknown
    return bool(lost or dead_flags(call, versions) or asks_for_ever(call, layer, versions))


def _fix(layer: RunLayer, call: CondaCommand, source: Source) -> Fix | None:
    """Return the fix that answers: right behind the subcommand, of a clean at its end."""
    place = call.read.words[-1] if call.verb is Verb.CLEAN else call.subcommand_words[-1]
    if call.subcommand == "env":
        place = call.arguments[len(call.leading)]
    try:
        refuse_unwritten(layer, [*call.subcommand_words, place], source)
    except NoPlaceError:
        return None
    option = _option(call, source)
    return Fix(f"answer with {option}", (put_after(place, option),))


def _option(call: CondaCommand, source: Source) -> str:
    """Return -y or --yes, as the file writes it elsewhere; else as the command's other options are."""
    if b"--yes" in source.data:
        return "--yes"
    options = [word.text for word in call.arguments if word.text.startswith("-")]
    return "--yes" if options and all(text.startswith("--") for text in options) else "-y"
