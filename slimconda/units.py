"""Owns how sizes are written for people: decimal units, as Docker does."""

UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(count: int) -> str:
    """Return a number of bytes with three or four significant digits, such as `12.3 MB`."""
    value, unit = float(count), 0
    while abs(value) >= 999.95 and unit < len(UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.1f} {UNITS[unit]}"
