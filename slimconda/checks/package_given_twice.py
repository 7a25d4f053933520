"""Finds packages that an environment file asks for twice: conda and pip both, or one of them in two lines.

Only names are compared that are known to mean the same software in conda-forge and PyPI.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from slimconda.dockerfile.specs import parse_spec
from slimconda.findings import Fix, Problem

if TYPE_CHECKING:
    from slimconda.environments.file import Entry, EnvironmentFile

ALL_OF_IT = "nothing would be left of the pip part"
IN_OTHER_FILE = "the line stands in another file"
NOT_ALONE = "something else stands in its line"


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield each requirement of the pip part that conda is asked for, too, and each line that says nothing new."""
    from slimconda.environments.same_names import name_for_conda, name_for_pip

    if file.mistakes or file.solves:
        return
    named = [(entry, _conda_name(entry.text)) for entry in file.dependencies]
    yield from _repeated(file, named)
    if file.pip is None:
        return
    own = [(entry, name_for_pip(entry.text)) for entry in file.pip.requirements]
    yield from _repeated(file, own)
    conda = {name.replace("_", "-"): entry for entry, name in named if name}
    both = [(entry, conda[name]) for entry in file.pip.packages if (name := name_for_conda(entry.text)) in conda]
    empty = len({entry for entry, _ in both if _is_bare(entry) and not entry.origin}) == len(set(file.pip.requirements))
    for entry, other in both:
        yield _of_both(file, entry, other, empty=empty)


def _is_bare(entry: "Entry") -> bool:
    from slimconda.environments.requirements import requirement_of

    found = requirement_of(entry.text)
    return found is not None and found.is_bare


def _conda_name(text: str) -> str:
    """Return a name as conda reads it, for which `typing-extensions` and `typing_extensions` are two packages."""
    spec = parse_spec(text)
    return spec.name if spec else ""


def _of_both(file: "EnvironmentFile", entry: "Entry", conda: "Entry", *, empty: bool) -> Problem:
    from slimconda.environments.same_names import name_for_pip

    where = f" of {entry.origin}" if entry.origin else ""
    what = f"conda is asked for {name_for_pip(entry.text)}{where}, too ({conda.text})"
    if not _is_bare(entry):
        return Problem(f"{what}: pip replaces it, if the versions differ", entry.span)
    why_not = IN_OTHER_FILE if entry.origin else ALL_OF_IT if empty else None
    return _removable(file, entry, f"{what}: pip finds it installed and does nothing", why_not)


def _repeated(file: "EnvironmentFile", named: "Iterable[tuple[Entry, str]]") -> Iterator[Problem]:
    """Yield the lines of one list that ask for what another line asks for as they do, or more exactly."""
    lines = [(entry, name, _squeezed(entry.text)) for entry, name in named if name]
    exact = {name: entry for entry, name, text in reversed(lines) if text != name}
    seen: dict[str, Entry] = {}
    for entry, name, text in lines:
        other = seen.get(text) or (exact.get(name) if text == name else None)
        seen.setdefault(text, entry)
        if other is not None:
            message = f"{name} stands here twice ({other.text}): this line changes nothing"
            yield _removable(file, entry, message)


def _squeezed(text: str) -> str:
    return text.replace(" ", "").lower()


def _removable(file: "EnvironmentFile", entry: "Entry", message: str, why_not: str | None = None) -> Problem:
    from slimconda.environments.edits import removal

    edit = None if why_not else removal(file, entry)
    fix = Fix("take this line away", (edit,)) if edit else None
    return Problem(message, entry.span, fix, unfixable=why_not or NOT_ALONE)
