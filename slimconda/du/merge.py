"""Owns how what a second process has seen gets into the table of the first: as columns, which are soon written."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from slimconda.du.labels import Kind, Label, Sort
from slimconda.du.table import Group, Table, Waiting

Key = tuple[str, Kind, str, str, Sort, bool]


@dataclass(frozen=True)
class Columns:
    """A table: the labels, each row as labels, links, files, apparent bytes and blocks, and by device what waits.

    Of a group that waits there is the row's number, and how many of all `members` in turn are its own.
    """

    labels: list[Key]
    rows: list[tuple[tuple[int, ...], int, int, int, int]]
    waiting: list[tuple[int, list[int], list[int], bytes]]


def columns_of(table: Table) -> Columns:
    """Return a table as columns."""
    links = table.links.values()
    places = {id(link): place for place, link in enumerate(links)}
    waiting = []
    for device, open_there in table.open.items():
        groups = [*dict.fromkeys(open_there.values())]
        rows, lengths = [places[id(group.link)] for group in groups], [len(group.members) for group in groups]
        waiting.append((device, rows, lengths, b"".join([group.members.tobytes() for group in groups])))
    counts = [(link.labels, link.links, link.files, link.apparent, link.blocks) for link in links]
    return Columns([label.key for label in table.labels], counts, waiting)


def merge(table: Table, columns: Columns) -> list[int]:
    """Add what columns tell, and return the numbers of their labels; inodes that both have seen get all their names."""
    numbers = [table.number(Label(*key)) for key in columns.labels]
    rows = []
    for labels, links, files, apparent, blocks in columns.rows:
        rows.append(row := table.link(links, tuple(sorted([numbers[label] for label in labels]))))
        row.add(files, apparent, blocks)
    for device, places, lengths, data in columns.waiting:
        waiting = table.open.setdefault(device, {})
        for place, members in zip(places, _cut(data, lengths), strict=True):
            _join(table, waiting, Group(rows[place], members))
    return numbers


def _cut(data: bytes, lengths: list[int]) -> "Iterator[array[int]]":
    members, start = array("Q"), 0
    members.frombytes(data)
    for length in lengths:
        yield members[start : start + length]
        start += length


def _join(table: Table, waiting: Waiting, group: Group) -> None:
    inodes = group.inodes
    groups = [*map(waiting.get, inodes)]
    known = groups[0]
    if groups.count(known) < len(groups):
        for _, single in group.singles():
            _join(table, waiting, single)
    elif known is None:
        waiting.update(dict.fromkeys(inodes, group))
    else:
        table.move(waiting, inodes, group.link.labels)
