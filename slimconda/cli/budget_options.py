"""Owns the options by which a project limits its image."""

from typing import TYPE_CHECKING, Annotated

import typer

from slimconda.errors import ConfigurationError

if TYPE_CHECKING:
    from slimconda.budgets import Budget

MaxSizeOption = Annotated[str | None, typer.Option(metavar="SIZE", help="Exit with 1 above this size, such as 1.5GB.")]
MaxResidueOption = Annotated[str | None, typer.Option(metavar="SIZE", help="Exit with 1 above so much residue.")]
MaxPercentOption = Annotated[
    float | None, typer.Option(metavar="PERCENT", help="Exit with 1 above so much residue of the image's size.")
]
FloorOption = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Do not judge the percentage below this residue. [default: 10MB]")
]
MaxGrowthOption = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Exit with 1 where the image outgrows that of --since by more.")
]
SinceOption = Annotated[
    str | None, typer.Option(metavar="IMAGE|JSON", help="What to grow from: an image, or a saved JSON report.")
]


def read_budget(
    size: str | None, residue: str | None, percent: float | None, floor: str | None, growth: str | None
) -> "Budget | None":
    """Return the limits that the options set, None where none does; raises ConfigurationError for one that is none."""
    if (size, residue, percent, floor, growth) == (None,) * 5:
        return None
    from slimconda.budgets import FLOOR, Budget, parse_size

    if percent is not None and not 0 <= percent <= 100:
        raise ConfigurationError(f"--max-residue-percent {percent} is not between 0 and 100")
    sizes = [None if text is None else parse_size(text) for text in (size, residue, growth, floor)]
    return Budget(sizes[0], sizes[1], percent, sizes[2], FLOOR if sizes[3] is None else sizes[3])
