"""Finds version specs without quotes, whose `>` or `<` the shell reads as a redirect."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.caches import RunLayer
from slimconda.dockerfile.scripts import Form
from slimconda.dockerfile.shell import Redirect, ShellCommand, Word, commands
from slimconda.findings import Fix, Problem, Safety
from slimconda.source import Edit, Source, Span

# What follows `>` or `<` in a spec; a file's name may start with a digit, too.
VERSION = re.compile(r"=.*|\d(?!.*\.(?:log|txt|out|err|json|ya?ml|lock|list)\Z)[\w.*+!,=~-]*")
PLAIN = re.compile(r"[\w.\[\],:-]+[<>][\w.*+!,=~<>-]+")
PLAIN_WITH_VARIABLES = re.compile(r"[\w.\[\],:-]+[<>](?:[\w.*+!,=~<>-]|\$\w+|\$\{\w+\})+")


@dataclass(frozen=True)
class Spec:
    """A package's word, and the redirects that stand against it without a blank."""

    word: Word
    redirects: tuple[Redirect, ...]

    @property
    def place(self) -> Span:
        """Return the bytes that the author meant as one word."""
        return Span(self.word.span.start, _end(self.redirects[-1]))


def check_dockerfile(analysis: Analysis) -> Iterator[Problem]:
    """Yield each spec of a package, in any stage, that the shell cuts in two."""
    source = analysis.dockerfile.source
    for layer in analysis.all_layers:
        installs = [(call.command, call.packages) for call in layer.calls]
        installs += [(fill.install.command, fill.install.packages) for fill in layer.python]
        specs = [spec for command, packages in installs for spec in _specs(command, packages)]
        scripts = _inner_scripts(layer) if specs else []
        for spec in specs:
            yield Problem(_message(spec, source), spec.place, _fix(layer, spec, scripts, source), layer.stage.label)


def _specs(command: ShellCommand, packages: Iterable[Word]) -> Iterator[Spec]:
    ends = {word.span.end: Spec(word, ()) for word in packages}
    for redirect in sorted(command.redirects, key=lambda redirect: redirect.span.start):
        spec = ends.get(redirect.span.start)
        if spec and _is_version(redirect, again=bool(spec.redirects)):
            del ends[redirect.span.start]
            ends[_end(redirect)] = Spec(spec.word, (*spec.redirects, redirect))
    yield from (spec for spec in ends.values() if spec.redirects)


def _end(redirect: Redirect) -> int:
    """Return where a redirect's own word ends; the shell's grammar takes further words for its targets, too."""
    return redirect.target.span.end if redirect.target else redirect.span.end


def _is_version(redirect: Redirect, *, again: bool) -> bool:
    target = redirect.target
    if target is None or redirect.operator not in {"<", ">"} or target.span.start != redirect.span.start + 1:
        return False
    return VERSION.fullmatch(target.text) is not None or again


def _message(spec: Spec, source: Source) -> str:
    first = spec.redirects[0]
    does = "writes to" if first.operator == ">" else "reads from"
    return f"the shell {does} a file {first.target.text if first.target else ''!r}: quote {source.text(spec.place)}"


def _inner_scripts(layer: RunLayer) -> list[Word]:
    """Return the words that hold a script of their own: `bash -c '...'`, `eval "..."`."""
    outer = [command for command in commands(layer.run.script.body) if command.inner]
    targets = [redirect.target for command in outer for redirect in command.redirects if redirect.target]
    return [word for command in outer for word in command.words] + targets


def _fix(layer: RunLayer, spec: Spec, scripts: list[Word], source: Source) -> Fix | None:
    """Return the fix that quotes the spec; not safe, since it then asks for other versions than it did."""
    outer = [word.raw[:1] for word in scripts if word.span != spec.place and word.span.contains(spec.place)]
    text = source.text(spec.place)
    if layer.run.form is Form.EXEC or layer.run.script.faulty or len(outer) > 1:
        return None
    if not (PLAIN if outer else PLAIN_WITH_VARIABLES).fullmatch(text):
        return None
    quote = "'" if outer == ['"'] else '"'
    return Fix("quote the version", (Edit(spec.place, f"{quote}{text}{quote}".encode()),), Safety.UNSAFE)
