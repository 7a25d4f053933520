"""Finds cleans that do not say what to empty.

Source: conda 26.7 and 4.3 run (exit codes 2 and 1), mamba and micromamba 2.8 run ("Nothing to do.", exit code 0).
"""

from collections.abc import Iterator

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.cleaning import refuse_unsafe
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.dead_flags import dead_flags
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.shell import Word
from slimconda.dockerfile.spelling import put_after, refuse_unwritten
from slimconda.findings import Fix, Problem


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each clean without a target: conda's in any stage, since it fails; the others' where the image ships."""
    shipped = {id(layer) for layer in analysis.layers}
    for layer in analysis.all_layers:
        for call in layer.cleans:
            fails = call.tool is Tool.CONDA
            if _lacks_target(call, analysis) and (fails or id(layer) in shipped):
                does = "fails" if fails else "frees nothing"
                message = f"{call.title} {does}: it does not say what to clean"
                yield Problem(message, call.place, _fix(layer, call, analysis), layer.stage.label)


def _lacks_target(call: CondaCommand, analysis: Analysis) -> bool:
    if call.clean is None or call.configured or call.guessed or not call.clean.lacks_target:
        return False
    certain = all(_is_certain(word) for word in call.arguments)
    return certain and not dead_flags(call, analysis.conda_versions)


def _is_certain(word: Word) -> bool:
    return word.literal and not word.text.startswith(("$", "`"))


def _fix(layer: RunLayer, call: CondaCommand, analysis: Analysis) -> Fix | None:
    last = call.read.words[-1]
    if call.read_arguments.operands:  # `conda clean all` fails by its word, whatever flags are there.
        return None
    try:
        refuse_unsafe(analysis)
        refuse_unwritten(layer, [*call.subcommand_words, last], analysis.dockerfile.source)
    except NoPlaceError:
        return None
    yes = "" if (call.clean and call.clean.yes) or call.has("-y", "--yes") else " --yes"
    return Fix("clean everything: --all", (put_after(last, f"--all{yes}"),))
