"""Owns lists of commands that tree-sitter-bash ties otherwise than a shell does: `a && b 2>&1 | c`, in which it takes
all before the redirect as the first part of the pipe.
"""

from slimconda.dockerfile.shell import Chain, Pipeline, Statement


def pipeline_of(items: list[Statement], *, negated: bool = False) -> Pipeline | Chain:
    """Return statements tied by `|`; where one of them is a chain, `|` binds tighter than its operators."""
    if not any(isinstance(item, Chain) for item in items):
        return Pipeline(tuple(items), negated)
    links: list[list[Statement]] = [[]]
    operators: list[str] = []
    for item in items:
        first, *rest = item.items if isinstance(item, Chain) else (item,)
        links[-1] += _parts(first) if links[-1] or not _is_negated(first) else [first]
        links += [[link] for link in rest]
        operators += item.operators if isinstance(item, Chain) else ()
    tied = [_piped(link, negated=negated and number == 0) for number, link in enumerate(links)]
    return Chain(tuple(tied), tuple(operators), tied[0].start, tied[-1].end)


def _is_negated(statement: Statement) -> bool:
    return isinstance(statement, Pipeline) and statement.negated


def _parts(statement: Statement) -> list[Statement]:
    return list(statement.items) if isinstance(statement, Pipeline) else [statement]


def _piped(items: list[Statement], *, negated: bool) -> Statement:
    if len(items) == 1 and not negated:
        return items[0]
    first = items[0]
    if isinstance(first, Pipeline):
        return Pipeline((*first.items, *items[1:]), first.negated, first.start, items[-1].end)
    return Pipeline(tuple(items), negated, first.start, items[-1].end)


def chain_of(items: list[Statement], operators: list[str]) -> Chain:
    """Return statements tied by `&&` and `||` from left to right; a chain among them is part of the whole."""
    links: list[Statement] = []
    tied: list[str] = []
    for number, item in enumerate(items):
        tied += operators[number - 1 : number] if number else []
        links += item.items if isinstance(item, Chain) else (item,)
        tied += item.operators if isinstance(item, Chain) else ()
    return Chain(tuple(links), tuple(tied))
