"""Owns the layout of treemaps: weights to rectangles that are as square as can be, in percent of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; all four in percent of the map's width or height."""

    left: float
    top: float
    width: float
    height: float


def lay_out(weights: Sequence[float], box: Box, aspect: float = 1.0) -> list[Box]:
    """Return a box per weight, in the order given, which should be the largest first; their areas are as the weights.

    `aspect` is the map's width divided by its height as it is shown. The method is that of squarified treemaps
    (Bruls, Huizing, van Wijk 2000): a row takes one more while that makes its worst box squarer.
    """
    boxes: list[Box] = []
    rest, start = box, 0
    while start < len(weights):
        total = sum(weights[start:])
        wide = rest.width * aspect >= rest.height
        length = rest.height if wide else rest.width * aspect
        scale = rest.width * aspect * rest.height / total if total else 0.0
        end = _row_end([weight * scale for weight in weights[start:]], length) + start
        row = weights[start:end]
        share = sum(row) / total if total else 0.0
        placed, rest = _placed(row, rest, share, wide=wide)
        boxes += placed
        start = end
    return boxes


def _row_end(areas: Sequence[float], length: float) -> int:
    """Return how many of the areas stand best in one row along that length."""
    end, total, worst = 1, areas[0], _worst(areas[0], areas[0], areas[0], length)
    while end < len(areas):
        total += areas[end]
        following = _worst(total, areas[0], areas[end], length)
        if following > worst:
            break
        worst, end = following, end + 1
    return end


def _worst(total: float, largest: float, smallest: float, length: float) -> float:
    if not smallest or not length:
        return float("inf")
    thickness = total / length
    return max(largest / thickness**2, thickness**2 / smallest)


def _placed(row: Sequence[float], rest: Box, share: float, *, wide: bool) -> tuple[list[Box], Box]:
    """Return the boxes of a row at the begin of what is left, and what is left then."""
    total, offset, boxes = sum(row), 0.0, list[Box]()
    for weight in row:
        part = weight / total if total else 0.0
        if wide:
            boxes.append(Box(rest.left, rest.top + offset * rest.height, share * rest.width, part * rest.height))
        else:
            boxes.append(Box(rest.left + offset * rest.width, rest.top, part * rest.width, share * rest.height))
        offset += part
    if wide:
        return boxes, Box(rest.left + share * rest.width, rest.top, (1 - share) * rest.width, rest.height)
    return boxes, Box(rest.left, rest.top + share * rest.height, rest.width, (1 - share) * rest.height)
