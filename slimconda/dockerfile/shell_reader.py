"""Owns the way from shell text to facts: tree-sitter-bash parses, this module turns its nodes into our statements.

Where tree-sitter-bash differs from a shell: a redirect after a list wraps the list, a redirect takes the words
after its target, and what follows a heredoc's name on its line hangs below the heredoc.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from slimconda.dockerfile.nested import nested_script
from slimconda.dockerfile.shell import (
    Case,
    Chain,
    Function,
    Group,
    If,
    Loop,
    Opaque,
    Pipeline,
    Redirect,
    Script,
    Sequence,
    ShellCommand,
    Statement,
    Test,
    Word,
)
from slimconda.dockerfile.shell_words import make_word
from slimconda.dockerfile.text import JoinedText

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

DEEPEST = 8
DEEPEST_TREE = 80
REDIRECTS = frozenset({"file_redirect", "heredoc_redirect", "herestring_redirect"})
NOT_STATEMENTS = frozenset(
    {"comment", "heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor", "variable_name"}
)
AFTER_HEREDOC = NOT_STATEMENTS | REDIRECTS | {"word"}


@cache
def _parser() -> "Parser":
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def parse_script(text: JoinedText, *, errexit: bool = False, depth: int = 0) -> Script:
    """Parse a shell text; broken grammar makes the script faulty, it raises nothing."""
    root = _parser().parse(text.data).root_node
    reader = _Reader(text, depth)
    try:
        body = reader.sequence(root.children, 0)
    except RecursionError:
        return Script(text, Sequence(()), faulty=True, errexit=errexit)
    return Script(text, body, root.has_error or reader.faulty, errexit)


class _Reader:
    """Turns the nodes of one script into statements."""

    def __init__(self, text: JoinedText, depth: int) -> None:
        self.text = text
        self.depth = depth
        self.faulty = False

    def sequence(self, nodes: Iterable["Node"], level: int) -> Sequence:
        items: list[Statement] = []
        background: set[int] = set()
        for node in nodes:
            if node.type == "&":
                background.add(len(items) - 1)
            elif node.is_named and node.type not in NOT_STATEMENTS:
                items.append(self.statement(node, level + 1))
        start, end = (items[0].start, items[-1].end) if items else (0, 0)
        return Sequence(tuple(items), frozenset(background), start, end)

    def statement(self, node: "Node", level: int) -> Statement:
        statement = self.read(node, level)
        if isinstance(statement, ShellCommand):
            return statement
        end = _own_end(node)
        if isinstance(statement, Chain | Pipeline):
            end = max(end, statement.items[-1].end)
        return replace(statement, start=node.start_byte, end=max(statement.end, end))

    def read(self, node: "Node", level: int) -> Statement:
        if level > DEEPEST_TREE:
            self.faulty = True
            return Opaque()
        match node.type:
            case "command" | "declaration_command" | "unset_command" | "variable_assignment" | "variable_assignments":
                return self.command(node)
            case "redirected_statement":
                return self.redirected(node, level)
            case "list":
                return self.chain(node, level)
            case "pipeline":
                return self.pipeline(node, level)
            case "negated_command":
                return Pipeline((self.statement(node.named_children[-1], level + 1),), negated=True)
            case "test_command":
                return Test()
            case _:
                return self.compound(node, level)

    def compound(self, node: "Node", level: int) -> Statement:
        match node.type:
            case "subshell" | "compound_statement":
                if node.children[0].type == "((":
                    return Test()
                return Group(self.sequence(node.children[1:-1], level), node.type == "subshell")
            case "if_statement":
                return self.conditional(node, level)
            case "for_statement" | "c_style_for_statement" | "while_statement" | "until_statement":
                return self.loop(node, level)
            case "case_statement":
                return self.case(node, level)
            case "function_definition":
                return self.function(node, level)
            case _:
                return Opaque()

    def pipeline(self, node: "Node", level: int) -> Pipeline:
        """Return a pipeline; a `!` before its first command negates the whole of it."""
        first, *rest = [self.statement(child, level + 1) for child in node.named_children if child.type != "comment"]
        if node.named_children[0].type == "negated_command" and isinstance(first, Pipeline):
            return Pipeline((*first.items, *rest), negated=True)
        return Pipeline((first, *rest))

    def chain(self, node: "Node", level: int) -> Statement:
        items: list[Statement] = []
        operators: list[str] = []
        while node.type == "list":
            left, operator, right = node.children[0], node.children[1], node.children[-1]
            items.insert(0, self.statement(right, level + 1))
            operators.insert(0, operator.type)
            node = left
        return Chain((self.statement(node, level + 1), *items), tuple(operators))

    def conditional(self, node: "Node", level: int) -> If:
        branches, otherwise = [self.branch(node.children, level)], None
        for child in node.children:
            if child.type == "elif_clause":
                branches.append(self.branch(child.children, level))
            elif child.type == "else_clause":
                otherwise = self.sequence(child.children, level)
        return If(tuple(branches), otherwise)

    def branch(self, nodes: list["Node"], level: int) -> tuple[Sequence, Sequence]:
        nodes = [node for node in nodes if node.type not in {"elif_clause", "else_clause"}]
        then = next((n for n, node in enumerate(nodes) if node.type == "then"), len(nodes))
        return self.sequence(nodes[:then], level), self.sequence(nodes[then:], level)

    def loop(self, node: "Node", level: int) -> Loop:
        body = next((child for child in node.children if child.type in {"do_group", "compound_statement"}), None)
        inside = self.sequence(body.children if body else [], level)
        if node.type in {"while_statement", "until_statement"}:
            before = [child for child in node.children if child is not body and child.type != "do_group"]
            return Loop(self.sequence(before, level), inside, runs=False)
        values = [child for child in node.named_children if child.type not in {"variable_name", "do_group"}]
        return Loop(None, inside, runs=any(child.type in {"word", "string", "raw_string"} for child in values))

    def case(self, node: "Node", level: int) -> Case:
        items = [child for child in node.children if child.type == "case_item"]
        arms = tuple(self.sequence(_after(item.children, ")"), level) for item in items)
        return Case(arms, any(item.children[0].text == b"*" for item in items if item.children))

    def function(self, node: "Node", level: int) -> Statement:
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is None or body is None or name.text is None:
            return Opaque()
        return Function(name.text.decode("utf-8", "replace"), self.statement(body, level + 1))

    def command(self, node: "Node", redirects: Iterable["Node"] = ()) -> ShellCommand:
        assignments: list[Word] = []
        words: list[Word] = []
        found = [*redirects]
        parts = [node] if node.type == "variable_assignment" else node.children
        for child in parts:
            if child.type in REDIRECTS:
                found.append(child)
            elif child.type == "variable_assignment" and not words:
                assignments.append(self.word(child))
            elif child.type not in {"comment", ";", "&"}:
                words.append(self.word(child))
        made = [self.redirect(redirect) for redirect in found]
        words += [word for _, extra in made for word in extra]
        return self.finished(assignments, words, [redirect for redirect, _ in made], found)

    def finished(
        self, assignments: list[Word], words: list[Word], redirects: list[Redirect], nodes: list["Node"]
    ) -> ShellCommand:
        places = [(word.start, word.end) for word in (*assignments, *words)]
        places += [(node.start_byte, _redirect_end(node)) for node in nodes]
        start, end = min(place[0] for place in places), max(place[1] for place in places)
        command = ShellCommand(
            tuple(words), tuple(assignments), tuple(redirects), self.text.span(start, end), start, end
        )
        return replace(command, inner=self.inner(command, nodes))

    def word(self, node: "Node") -> Word:
        return make_word(self.text, node.start_byte, node.end_byte)

    def redirect(self, node: "Node") -> tuple[Redirect, list[Word]]:
        operator = next((child.type for child in node.children if not child.is_named), "")
        targets = [
            self.word(child)
            for child in node.named_children
            if child.type not in {"file_descriptor", "heredoc_body", "heredoc_end", *REDIRECTS}
            and not _follows_heredoc(node, child)
        ]
        target, extra = (targets[0], targets[1:]) if targets else (None, [])
        return Redirect(operator, target, self.text.span(node.start_byte, _redirect_end(node))), extra

    def redirected(self, node: "Node", level: int) -> Statement:
        redirects = [child for child in node.children if child.type in REDIRECTS]
        nested = [child for redirect in redirects for child in redirect.children if child.type in REDIRECTS]
        body = next((child for child in node.named_children if child.type not in REDIRECTS), None)
        if body is None:
            return self.command(node)
        statement = self.with_redirects(body, [*redirects, *nested], level)
        return self.with_heredoc_rest(statement, redirects, level)

    def with_redirects(self, body: "Node", redirects: list["Node"], level: int) -> Statement:
        """Give the redirects to the statement they belong to: the last one of a list or pipeline."""
        if body.type in {"command", "declaration_command", "variable_assignment"}:
            return self.command(body, redirects)
        statement = self.statement(body, level + 1)
        if body.type in {"list", "pipeline"} and isinstance(statement, Chain | Pipeline):
            last = self.with_redirects(body.named_children[-1], redirects, level + 1)
            return replace(statement, items=(*statement.items[:-1], last))
        end = max(_redirect_end(redirect) for redirect in redirects)
        return replace(statement, end=max(statement.end, end))

    def with_heredoc_rest(self, statement: Statement, redirects: list["Node"], level: int) -> Statement:
        """Tie on what follows a heredoc's name on its line: one `&&` or `||` and a command, else all is uncertain."""
        for redirect in redirects:
            if redirect.type != "heredoc_redirect":
                continue
            operators = [child.type for child in redirect.children if child.type in {"&&", "||"}]
            after = [child for child in redirect.named_children if child.type not in AFTER_HEREDOC]
            late = [child for child in redirect.children if after and child.start_byte > after[0].start_byte]
            wanted = ["command"] * len(operators[:1])
            if self.leaves_text(redirect) or [child.type for child in after] != wanted:
                self.faulty = True
            elif any(child.type in REDIRECTS for child in late):
                self.faulty = True  # a redirect of the later command hangs beside it
            elif after:
                statement = Chain((statement, self.statement(after[0], level + 1)), (operators[0],))
        return statement

    def leaves_text(self, redirect: "Node") -> bool:
        """Tell whether text after a heredoc's name on its line belongs to no node."""
        name = next((child for child in redirect.children if child.type == "heredoc_start"), None)
        if name is None:
            return True
        line = bytearray(self.text.data[name.end_byte : redirect.end_byte].partition(b"\n")[0])
        for child in redirect.children:
            for at in range(max(child.start_byte, name.end_byte), min(child.end_byte, name.end_byte + len(line))):
                line[at - name.end_byte] = 0x20
        return bool(line.strip())

    def inner(self, command: ShellCommand, redirects: list["Node"]) -> Script | None:
        if self.depth >= DEEPEST:
            return None
        bodies = [body for node in redirects for body in node.children if body.type == "heredoc_body"]
        heredoc = self.text.slice(bodies[0].start_byte, bodies[0].end_byte) if bodies else None
        nested = nested_script(self.text, command, heredoc)
        return parse_script(nested.text, errexit=nested.errexit, depth=self.depth + 1) if nested else None


def _after(nodes: list["Node"], kind: str) -> list["Node"]:
    at = next((n for n, node in enumerate(nodes) if node.type == kind), -1)
    return nodes[at + 1 :]


def _is_statement(node: "Node") -> bool:
    return node.type.endswith(("command", "statement", "list", "subshell", "pipeline"))


def _follows_heredoc(node: "Node", child: "Node") -> bool:
    return node.type == "heredoc_redirect" and child.type != "heredoc_start" and _is_statement(child)


def _own_end(node: "Node") -> int:
    """Return where a statement ends on its own line, a heredoc's body aside; 0 where its parts tell."""
    if node.type in {"list", "pipeline", "negated_command"}:
        return 0
    if node.type != "redirected_statement":
        return node.end_byte
    return max(_redirect_end(child) if child.type in REDIRECTS else _own_end(child) for child in node.children)


def _redirect_end(node: "Node") -> int:
    """Return where a redirect ends on its own line; a heredoc's body stands elsewhere."""
    if node.type != "heredoc_redirect":
        return node.end_byte
    starts = [child.end_byte for child in node.children if child.type == "heredoc_start"]
    return starts[0] if starts else node.start_byte
