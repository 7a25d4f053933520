"""Finds downloaded installers that stay in a layer."""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import Fetched, RunLayer, Verdict
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.downloads import Download
from slimconda.dockerfile.insertion import NoPlaceError, insert_after
from slimconda.dockerfile.installers import is_installer_name
from slimconda.dockerfile.parser import Instruction, Stage
from slimconda.dockerfile.trial import keeps_out
from slimconda.dockerfile.wrappers import environment_words
from slimconda.findings import Fix, Problem
from slimconda.source import Span

VARIABLE_FILE = re.compile(r"\$\{?(\w+)\}?")
FORCED_REMOVAL = re.compile(r"\brm\s+(?:-\w+\s+)*-\w*f\w*\s[^;&|\n]*")


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each download of an installer that its RUN keeps, and each installer that ADD or COPY brings."""
    for layer in analysis.wasteful_layers:
        for fetched in layer.fetched:
            path = posixpath.join(layer.context.workdir or "", fetched.download.path)
            if fetched.verdict is Verdict.LEFT and analysis.stages.carries(layer.stage, path):
                message = f"the installer {fetched.download.name} stays in this layer"
                place = fetched.download.command.span
                fix, unfixable = _fix(layer, fetched, analysis)
                yield Problem(message, place, fix, layer.stage.label, unfixable)
    for stage in analysis.shipped_stages:
        yield from _added(stage, analysis)


def _added(stage: Stage, analysis: Analysis) -> Iterator[Problem]:
    for instruction in stage.instructions:
        if instruction.keyword in {"ADD", "COPY"} and not any(flag.name == "from" for flag in instruction.flags):
            yield from _brought(instruction, stage, analysis)


def _brought(instruction: Instruction, stage: Stage, analysis: Analysis) -> Iterator[Problem]:
    *names, target = [word.strip("\"'[],") for word in instruction.value.split()] or [""]
    for name in map(posixpath.basename, names):
        path = posixpath.join(target, name) if target.endswith("/") else target
        if is_installer_name(name) and analysis.stages.carries(stage, path):
            message = f"{instruction.keyword} stores the installer {name} in a layer of its own"
            yield Problem(
                message,
                instruction.arguments.span(0, len(instruction.arguments.data)),
                None,
                stage.label,
                "its layer is made before any RUN",
            )


def _fix(layer: RunLayer, fetched: Fetched, analysis: Analysis) -> tuple[Fix | None, str | None]:
    """Return the fix that removes the installer right after it ran, or why there is none."""
    calls = [install.conda for install in layer.installs if _runs(install.conda, fetched.download)]
    if len(calls) != 1:
        return None, "it does not run once in this RUN"
    if _is_mentioned_after(calls[0], fetched.download, analysis):
        return None, "its file may be named again"
    call = calls[0]
    words = [*environment_words(call.read, call.at)]
    text = " ".join([*(word.raw for word in words), "rm -f", call.tool_words[-1].raw])
    try:
        edit = insert_after(layer, call.command, text, analysis.dockerfile)
    except NoPlaceError as error:
        return None, str(error)
    if not keeps_out(fetched, layer, edit, text, analysis):
        return None, "a path around the removal would stay"
    return Fix("remove the installer in the same RUN", (edit,)), None


def _runs(conda: CondaCommand, download: Download) -> bool:
    if conda.tool is not Tool.INSTALLER:
        return False
    return posixpath.basename(conda.tool_words[-1].text) == download.name


def _is_mentioned_after(call: CondaCommand, download: Download, analysis: Analysis) -> bool:
    """Tell whether a later word may mean the file, by its name, a glob or a variable; `rm -f` may, it never fails."""
    after = analysis.dockerfile.source.text(Span(call.command.span.end, len(analysis.dockerfile.source.data)))
    words = re.split(r"[\s;&|()\"'=]+", FORCED_REMOVAL.sub(" ", re.sub(r"[\\`]\r?\n", " ", after)))
    variable = VARIABLE_FILE.fullmatch(posixpath.basename(call.tool_words[-1].raw.strip('"')))
    same = re.compile(rf"\$\{{?{variable[1]}\b") if variable else None
    return any(_may_mean(word, download) or (same is not None and same.search(word)) for word in set(words))


def _may_mean(word: str, download: Download) -> bool:
    name = posixpath.basename(word)
    if download.name in word or ("$" in name and name.endswith(".sh")):
        return True
    if not re.search(r"[*?\[]", name):
        return False
    if word.startswith("/") and download.path.startswith("/"):
        return fnmatchcase(download.path, word)
    return fnmatchcase(download.name, name)
