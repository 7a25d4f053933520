"""Owns the text report of a comparison of two images, for 80 columns."""

from collections.abc import Sequence

from slimconda.layers.comparison import Change, Comparison
from slimconda.layers.image import Layer
from slimconda.reporters.escapes import visible
from slimconda.units import size_text

WIDTH = 80
SHOWN = 15


def render(comparison: Comparison) -> str:
    """Return what went and what came, as text without control characters."""
    parts = [
        _head(comparison),
        _layers("layers that went:", comparison.gone),
        _layers("layers that came:", comparison.new),
        _changes("residue by rule:", comparison.rules),
        _changes("environments:", comparison.environments),
        _changes("packages:", comparison.packages),
    ]
    return "\n".join(part for part in parts if part)


def _head(comparison: Comparison) -> str:
    before, after = comparison.before, comparison.after
    percent = f" ({100 * comparison.growth / before.size:+.1f} %)" if before.size else ""
    residue = (before.totals.residue, after.totals.residue)
    return (
        f"before: {visible(before.name)}: {size_text(before.size)}\n"
        f"after:  {visible(after.name)}: {size_text(after.size)}\n"
        f"{_signed(comparison.growth)}{percent}, {comparison.growth:+,} bytes; {comparison.common} layers are common\n"
        f"residue {size_text(residue[0])} -> {size_text(residue[1])}, {residue[1] - residue[0]:+,} bytes\n"
    )


def _signed(count: int) -> str:
    return f"{'+' if count > 0 else '-' if count < 0 else ''}{size_text(abs(count))}"


def _layers(title: str, layers: Sequence[Layer]) -> str:
    lines = [
        _line(f"{layer.index:>5}  {size_text(layer.size):>9}", " ".join(layer.created_by.split())) for layer in layers
    ]
    return _block(title, lines)


def _changes(title: str, changes: Sequence[Change]) -> str:
    lines = [_line(f"{_signed(change.difference):>10}  {_from_to(change):<21}", change.name) for change in changes]
    return _block(title, lines)


def _from_to(change: Change) -> str:
    if change.before is None:
        return "new"
    if change.after is None:
        return "gone"
    return f"{size_text(change.before)} -> {size_text(change.after)}"


def _line(figures: str, text: str) -> str:
    room = WIDTH - len(figures) - 2
    shown = visible(text)
    return f"{figures}  {shown if len(shown) <= room else shown[: room - 3] + '...'}"


def _block(title: str, lines: list[str]) -> str:
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "".join(f"{line}\n" for line in [title, *lines[:SHOWN], *more]) if lines else ""
