"""Owns what is asked of tree-sitter-bash's nodes alone: which are redirects, where one ends, what it substitutes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

REDIRECTS = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
DEEPEST_WORD = 8


def after(nodes: list["Node"], kind: str) -> list["Node"]:
    """Return the nodes after the first of a type; all of them where there is none."""
    at = next((n for n, node in enumerate(nodes) if node.type == kind), -1)
    return nodes[at + 1 :]


def substitutions(node: "Node", level: int) -> Iterator["Node"]:
    """Yield the outermost `$( )` below a word, or the like."""
    if node.type == "command_substitution":
        yield node
    elif level < DEEPEST_WORD and node.child_count and node.type not in REDIRECTS:
        for child in node.children:
            yield from substitutions(child, level + 1)


def own_end(node: "Node") -> int:
    """Return where a statement ends on its own line, a heredoc's body aside; 0 where its parts tell."""
    if node.type in {"list", "pipeline", "negated_command"}:
        return 0
    if node.type != "redirected_statement":
        return node.end_byte
    return max(child.end_byte if child.type in REDIRECTS else own_end(child) for child in node.children)
