"""Owns the way from shell text to facts: tree-sitter-bash parses, this module turns its nodes into our statements.

Where tree-sitter-bash differs from a shell: a redirect after a list wraps the list, a redirect takes the words
after its target, a backtick starts a word of its own. Heredocs are taken out of the text before it reads it, and
given to their commands here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
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
from slimconda.dockerfile.shell_heredocs import Heredoc, without_heredocs
from slimconda.dockerfile.shell_lists import chain_of, pipeline_of
from slimconda.dockerfile.shell_nodes import REDIRECTS, after, own_end, substitutions
from slimconda.dockerfile.shell_options import NONE, Options
from slimconda.dockerfile.shell_words import make_word, unquoted_script
from slimconda.dockerfile.text import JoinedText

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

DEEPEST = 8
DEEPEST_TREE = 80
NOT_STATEMENTS = frozenset(
    {"comment", "heredoc_start", "heredoc_body", "heredoc_end", "file_descriptor", "variable_name"}
)
BLANKS = re.compile(rb"[ \t]*")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


@cache
def _parser() -> "Parser":
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def parse_script(text: JoinedText, *, options: Options = NONE, depth: int = 0) -> Script:
    """Parse a shell text; broken grammar makes the script faulty, it raises nothing."""
    data, heredocs = without_heredocs(text.data) or (text.data, None)
    root = _parser().parse(data).root_node
    reader = _Reader(text, depth, heredocs or [])
    try:
        body = reader.sequence(root.children, 0)
    except RecursionError:
        return Script(text, Sequence(()), faulty=True, options=options)
    return Script(text, body, root.has_error or reader.faulty or heredocs is None, options)


class _Reader:
    """Turns the nodes of one script into statements."""

    def __init__(self, text: JoinedText, depth: int, heredocs: list[Heredoc]) -> None:
        self.text = text
        self.heredocs = {heredoc.start: heredoc for heredoc in heredocs}
        self.depth = depth
        self.nested = 0
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
        end = self.heredocs_after(own_end(node))[1]
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

    def pipeline(self, node: "Node", level: int) -> Pipeline | Chain:
        """Return a pipeline; a `!` before its first command negates the whole of it."""
        first, *rest = self.fed([self.statement(c, level + 1) for c in node.named_children if c.type != "comment"])
        if node.named_children[0].type == "negated_command" and isinstance(first, Pipeline):
            return pipeline_of([*first.items, *rest], negated=True)
        return pipeline_of([first, *rest])

    def fed(self, items: list[Statement]) -> list[Statement]:
        """Give each shell that reads its input what `echo` or `cat` before it in the pipe writes."""
        for number, (writer, reader) in enumerate(pairwise(items), start=1):
            if isinstance(writer, ShellCommand) and isinstance(reader, ShellCommand) and reader.inner is None:
                text = self.written(writer)
                items[number] = self.reading(reader, text) if text else reader
        return items

    def written(self, command: ShellCommand) -> JoinedText | None:
        """Return what a command surely writes: the word of an `echo`, the heredoc of a `cat`."""
        if command.name == "cat" and len(command.words) == 1 and len(command.redirects) == 1:
            spans = [one for one in self.heredocs.values() if command.start <= one.start < command.end]
            return self.text.slice(*spans[0].body) if spans else None
        if command.name == "echo" and len(command.words) == 2 and not command.redirects:
            return unquoted_script(self.text, command.words[1])
        return None

    def chain(self, node: "Node", level: int) -> Statement:
        items: list[Statement] = []
        operators: list[str] = []
        while node.type == "list":
            left, operator, right = node.children[0], node.children[1], node.children[-1]
            items.insert(0, self.statement(right, level + 1))
            operators.insert(0, operator.type)
            node = left
        return chain_of([self.statement(node, level + 1), *items], operators)

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
            until = node.children[0].type == "until"
            return Loop(self.sequence(before, level), inside, runs=False, until=until)
        values = [child for child in node.named_children if child.type not in {"variable_name", "do_group"}]
        runs = any(child.type in {"word", "string", "raw_string"} for child in values)
        name = node.child_by_field_name("variable")
        variable = name.text.decode("utf-8", "replace") if name and name.text else ""
        return Loop(None, inside, runs, variable=variable, values=tuple(word.text for _, word in self.words(values)))

    def case(self, node: "Node", level: int) -> Case:
        items = [child for child in node.children if child.type == "case_item"]
        arms = tuple(self.sequence(after(item.children, ")"), level) for item in items)
        return Case(arms, any(item.children[0].text == b"*" for item in items if item.children))

    def function(self, node: "Node", level: int) -> Statement:
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is None or body is None or name.text is None:
            return Opaque()
        return Function(name.text.decode("utf-8", "replace"), self.statement(body, level + 1))

    def command(self, node: "Node", redirects: Iterable["Node"] = ()) -> ShellCommand:
        parts = [node] if node.type == "variable_assignment" else node.children
        found = [*redirects, *(child for child in parts if child.type in REDIRECTS)]
        assignments: list[Word] = []
        words: list[Word] = []
        for kind, word in self.words(child for child in parts if child.type not in {*REDIRECTS, "comment", ";", "&"}):
            assigns = not words and (kind == "variable_assignment" or ASSIGNMENT.match(word.raw))
            (assignments if assigns else words).append(word)
        made = [self.redirect(redirect) for redirect in found]
        words += [word for _, extra in made for word in extra]
        command = self.finished(assignments, words, [redirect for redirect, _ in made], found)
        inner = tuple(self.substitution(node) for part in parts for node in substitutions(part, 0))
        return replace(command, substitutions=inner) if inner else command

    def substitution(self, node: "Node") -> Sequence:
        self.nested += 1
        body = self.sequence(node.children[1:-1] if self.nested <= DEEPEST else (), DEEPEST_TREE // 2)
        self.nested -= 1
        return body

    def finished(
        self, assignments: list[Word], words: list[Word], redirects: list[Redirect], nodes: list["Node"]
    ) -> ShellCommand:
        places = [(word.start, word.end) for word in (*assignments, *words)]
        places += [(node.start_byte, node.end_byte) for node in nodes]
        start, end = min(place[0] for place in places), max(place[1] for place in places)
        start, end, heredocs = self.with_heredocs(start, end)
        made = [Redirect("<<", None, self.text.span(heredoc.start, heredoc.end)) for heredoc in heredocs]
        command = ShellCommand(
            tuple(words), tuple(assignments), (*redirects, *made), self.text.span(start, end), start, end
        )
        bodies = [self.text.slice(*heredoc.body) for heredoc in heredocs]
        self.faulty = self.faulty or any(node.type == "heredoc_redirect" for node in nodes)
        return self.reading(command, bodies[-1] if bodies else None)

    def with_heredocs(self, start: int, end: int) -> tuple[int, int, list[Heredoc]]:
        """Return a command's place with the heredocs that stand in it, right after it or right before it."""
        after, end = self.heredocs_after(end)
        inside = [heredoc for heredoc in self.heredocs.values() if start < heredoc.start < end]
        before = [one for one in self.heredocs.values() if self.blanks_end(one.end) == start and one not in inside]
        start = min([start, *(heredoc.start for heredoc in before)])
        return start, end, sorted({*before, *inside, *after}, key=lambda heredoc: heredoc.start)

    def heredocs_after(self, end: int) -> tuple[list[Heredoc], int]:
        """Return the heredocs that follow a place with nothing but blanks between, and where the last one ends."""
        found: list[Heredoc] = []
        while heredoc := self.heredocs.get(self.blanks_end(end)):
            found.append(heredoc)
            end = heredoc.end
        return found, end

    def blanks_end(self, at: int) -> int:
        """Return where the blanks at a place end."""
        match = BLANKS.match(self.text.data, at)
        return match.end() if match else at

    def reading(self, command: ShellCommand, given: JoinedText | None) -> ShellCommand:
        """Return a command with the script that it runs; `given` is what stands on its input."""
        if self.depth >= DEEPEST:
            return command
        nested = nested_script(self.text, command, given)
        if nested is None:
            return command
        return replace(command, inner=parse_script(nested.text, options=nested.options, depth=self.depth + 1))

    def words(self, nodes: Iterable["Node"]) -> Iterator[tuple[str, Word]]:
        """Yield the words that nodes are, each with its first node's type; the grammar cuts one before a backtick."""
        joined: list[list[Node]] = []
        for node in nodes:
            if joined and joined[-1][-1].end_byte == node.start_byte:
                joined[-1].append(node)
            else:
                joined.append([node])
        yield from ((run[0].type, make_word(self.text, run[0].start_byte, run[-1].end_byte)) for run in joined)

    def redirect(self, node: "Node") -> tuple[Redirect, list[Word]]:
        operator = next((child.type for child in node.children if not child.is_named), "")
        others = {"file_descriptor", "heredoc_body", "heredoc_end", *REDIRECTS}
        targets = [word for _, word in self.words(child for child in node.named_children if child.type not in others)]
        target, extra = (targets[0], targets[1:]) if targets else (None, [])
        return Redirect(operator, target, self.text.span(node.start_byte, node.end_byte)), extra

    def redirected(self, node: "Node", level: int) -> Statement:
        redirects = [child for child in node.children if child.type in REDIRECTS]
        body = next((child for child in node.named_children if child.type not in REDIRECTS), None)
        if body is None:
            return self.command(node)
        return self.with_redirects(body, redirects, level)

    def with_redirects(self, body: "Node", redirects: list["Node"], level: int) -> Statement:
        """Give the redirects to the statement they belong to: the last one of a list or pipeline."""
        if body.type in {"command", "declaration_command", "variable_assignment"}:
            return self.command(body, redirects)
        statement = self.statement(body, level + 1)
        if body.type in {"list", "pipeline"} and isinstance(statement, Chain | Pipeline):
            last = self.with_redirects(body.named_children[-1], redirects, level + 1)
            end = max(statement.end, last.end)
            return replace(statement, items=(*statement.items[:-1], last), end=end)
        end = max(redirect.end_byte for redirect in redirects)
        return replace(statement, end=max(statement.end, end))
