"""Owns what lint sets aside: findings from before a change, those in a baseline, and those that get a pragma."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from slimconda.cli.inputs import STDIN
from slimconda.cli.judging import Judged
from slimconda.cli.output import complain, note
from slimconda.cli.reports import top_folder
from slimconda.errors import ConfigurationError, InputError
from slimconda.findings import join_reports
from slimconda.writing import replace_file, write_file

NO_REASON = "found when the baseline was made"


@dataclass(frozen=True)
class Aside:
    """What the options say of findings that are not to be shown."""

    changed_since: str | None = None
    baseline: Path | None = None
    update_baseline: bool = False
    add_ignores: bool = False
    reason: str | None = None

    def check(self) -> None:
        """Raise ConfigurationError for options that do not go together."""
        if self.update_baseline and (self.baseline is None or self.changed_since):
            raise ConfigurationError("--update-baseline needs --baseline FILE, and no --changed-since")
        if self.add_ignores and not self.reason:
            raise ConfigurationError("--add-ignores needs --reason TEXT")
        if self.reason and not re.fullmatch(r"\S(?:.*\S)?", self.reason):
            raise ConfigurationError("--reason must be a line of text")

    def apply(self, judged: list[Judged]) -> tuple[list[Judged], bool]:
        """Return the files with what is left to show, and whether some could not get their pragmas, which is then said.

        Writes the baseline, or the pragmas, where asked to.
        """
        left = self.left(judged)
        if not self.add_ignores or not self.reason:
            return left, False
        silenced = [_silenced(one, self.reason) for one in left]
        # What got no pragma is set aside again from the start, so that it is counted again.
        changed = [now if now not in (None, was) else None for now, was in zip(silenced, left, strict=True)]
        after = self.left([new or one for new, one in zip(changed, judged, strict=True)], quiet=True)
        return after, None in silenced

    def left(self, judged: list[Judged], *, quiet: bool = False) -> list[Judged]:
        """Return the files without what is set aside; `quiet` says nothing and writes no baseline."""
        if self.changed_since and judged:
            judged = _introduced(judged, self.changed_since)
        return self._accepted(judged, self.baseline, quiet=quiet) if self.baseline else judged

    def _accepted(self, judged: list[Judged], path: Path, *, quiet: bool) -> list[Judged]:
        from slimconda.baseline import Baseline, read_baseline

        baseline = Baseline({}) if self.update_baseline and not path.exists() else read_baseline(path)
        report = join_reports([one.report for one in judged])
        today = datetime.now().astimezone().date()
        gone = baseline.gone(top_folder())
        if self.update_baseline and not quiet:
            baseline = baseline.updated(report, self.reason or NO_REASON, gone)
            write_file(path, baseline.render())
            note(f"{path}: {len(baseline.entries)} findings accepted")
        elif not self.changed_since and not quiet:
            for complaint in baseline.complaints(report, today, gone):
                note(f"{path}: {complaint}")
        return [replace(one, report=baseline.accept(one.report, today)) for one in judged]


def _introduced(judged: list[Judged], reference: str) -> list[Judged]:
    from slimconda.changes import change_since
    from slimconda.introduced import introduced

    change = change_since(reference, Path.cwd())
    return [
        one if one.name == STDIN else replace(one, report=introduced(one.report, change, one.config)) for one in judged
    ]


def _silenced(one: Judged, reason: str) -> Judged | None:
    """Return the file as if it had been judged with its new pragmas; None where it cannot have them, which is said."""
    from slimconda.ignores import add_ignores
    from slimconda.judge import lint_file

    if not one.report.open or one.name == STDIN:
        return one
    source = one.report.sources[one.name]
    try:
        data, count = add_ignores(one.report, one.config, reason)
        if count:
            replace_file(Path(one.name), source.data, data)
            note(f"{one.name}: {count} findings ignored by pragmas")
    except InputError as error:
        complain(error)
        return None
    after = lint_file(replace(source, data=data), one.config)
    return replace(one, report=replace(after, locations=one.report.locations))
