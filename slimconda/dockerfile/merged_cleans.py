"""Owns which cleans of a RUN are needless once it is one with a later RUN that cleans as much at its end."""

from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.merging import AND, Part
from slimconda.dockerfile.shell import Chain
from slimconda.dockerfile.stages import expand
from slimconda.source import Span

# What decides which cache a tool means, beside the tool itself.
VARIABLES = ("CONDA_PKGS_DIRS", "CONDA_ROOT_PREFIX", "MAMBA_ROOT_PREFIX", "CONDA_PREFIX", "CONDARC", "HOME")


def link_of(part: Part, clean: CondaCommand) -> Span | None:
    """Return a clean with the `&&` before it, if it is a link of the chain that a RUN ends with."""
    text, last = part.layer.run.script.text, part.layer.run.script.body.items[-1]
    links = last.items if isinstance(last, Chain) and set(last.operators) == {AND} else ()
    at = next((number for number, link in enumerate(links) if link is clean.command), 0)
    if not at:
        return None
    return Span(text.place(links[at - 1].end - 1).end, text.place(links[at].end - 1).end)


def is_needless(clean: CondaCommand, part: Part, later: Part) -> bool:
    """Tell whether a later RUN always empties what a clean does, after all that it installs itself."""
    last = _last_clean(later)
    if last is None or clean.command.redirects or not (last.clean and clean.clean):
        return False
    return last.clean.kinds >= clean.clean.kinds and _is_same_tool(clean, part, last, later)


def _last_clean(part: Part) -> CondaCommand | None:
    """Return the last clean that a RUN always comes to, if nothing is installed after it."""
    cleans = [clean for clean in part.layer.cleans if link_of(part, clean)]
    filled = max((call.place.start for call in part.layer.calls if call.fills), default=0)
    return cleans[-1] if cleans and cleans[-1].place.start > filled else None


def _is_same_tool(clean: CondaCommand, part: Part, other: CondaCommand, later: Part) -> bool:
    """Tell whether two cleans are surely calls of one program, of which one may be found on PATH, for one cache."""
    if _setting(clean, part) != _setting(other, later):
        return False
    names, paths = zip(_program(clean, part), _program(other, later), strict=True)
    if not any("/" in name for name in names):
        return bool(names[0] == names[1] and paths[0] == paths[1])
    found = [
        name if "/" in name else f"{path.partition(':')[0]}/{name}" for name, path in zip(names, paths, strict=True)
    ]
    return found[0] == found[1]


def _setting(clean: CondaCommand, part: Part) -> tuple[object, ...]:
    """Return what else must be equal: wrappers, variables, and the values of options."""
    holds = part.layer.holds_at(clean)
    before = [word.raw for word in (*clean.command.assignments, *clean.command.words[: clean.at])]
    values = [word.raw for word in (*clean.tool_words[1:], *clean.arguments) if not word.raw.startswith("-")]
    return before, values, holds.pkgs_dirs, [holds.variables.get(name) for name in VARIABLES]


def _program(clean: CondaCommand, part: Part) -> tuple[str, str]:
    """Return the word that calls a clean, and PATH there."""
    holds = part.layer.holds_at(clean)
    path = holds.variables.get("PATH") or f"{holds.base_root or ''}/bin:"
    return expand(clean.tool_words[0].text, holds.variables), path
