"""Owns the summary of rewritten files: how much was fixed, and for what reasons the rest was not."""

from collections import Counter
from collections.abc import Sequence

from slimconda.findings import Finding, Safety, Severity
from slimconda.reporters.text import visible
from slimconda.rewriter import Rewrite


def render_file(done: Rewrite, *, verb: str) -> str:
    """Return one line for a file that findings were fixed in or are left in, else nothing."""
    left = _left(done)
    if not done.fixed and not left:
        return ""
    rest = f", {len(left)} left (see: slimconda lint)" if left else ""
    return f"{visible(done.source.path)}: {len(done.fixed)} {verb}{rest}\n"


def render_all(rewrites: Sequence[Rewrite], skipped: int, *, verb: str) -> str:
    """Return the closing summary; nothing where there is no more to say than in the file's own line.

    `skipped` counts the files that could not be read, or that Docker would refuse.
    """
    left = Counter(_reason(finding) for done in rewrites for finding in _left(done))
    ignored = sum(finding.ignored for done in rewrites for finding in done.report.findings)
    if len(rewrites) + skipped < 2 and not left and not ignored:
        return ""
    parts = [f"{sum(len(done.fixed) for done in rewrites)} {verb}"]
    if left:
        reasons = ", ".join(
            f"{count} {reason}" for reason, count in sorted(left.items(), key=lambda one: (-one[1], one[0]))
        )
        parts.append(f"{left.total()} left: {reasons}")
    parts += [f"{ignored} ignored"] if ignored else []
    parts += [f"{skipped} skipped as no Dockerfile that Docker takes"] if skipped else []
    total = len(rewrites) + skipped
    return f"in {total} file{'' if total == 1 else 's'}: {'; '.join(parts)}\n"


def _left(done: Rewrite) -> list[Finding]:
    """Return what is left to mend; advice is not."""
    return [finding for finding in done.report.open if finding.severity >= Severity.WARNING]


def _reason(finding: Finding) -> str:
    if finding.fix is not None and finding.fix.safety is Safety.UNSAFE:
        return "for --unsafe"
    return finding.unfixable or "without a fix"
