"""Owns the language server: diagnostics, quick fixes, a fix for all, and rule cards, on what an editor has unsaved."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from slimconda import __version__
from slimconda.config import Config
from slimconda.errors import ConfigurationError, InputError
from slimconda.file_rewriter import rewrite_file
from slimconda.files import read_beside
from slimconda.findings import Finding, Report, Safety, Severity
from slimconda.judge import is_compose, is_environment, lint_file
from slimconda.rulebook import load_rules
from slimconda.settings import config_of, forget_settings
from slimconda.source import Source, Span

if TYPE_CHECKING:
    from pygls.workspace import TextDocument

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
FIX_ALL = "source.fixAll.slimconda"
END_OF_LINE = re.compile(r"\r\n|\n|\r")
# What a character takes in each encoding of positions that a client may choose; UTF-16 is the protocol's own.
UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@dataclass(frozen=True)
class Opened:
    """An editor's document with its report; `encoding` is what its columns count."""

    uri: str
    version: int | None
    source: Source
    config: Config
    report: Report
    encoding: str

    def range(self, span: Span) -> types.Range:
        """Return a span as the editor counts."""
        return types.Range(self.position(span.start), self.position(span.end))

    def position(self, offset: int) -> types.Position:
        """Return a byte offset as the editor counts: lines end as the protocol says, at a lone CR, too."""
        lines = END_OF_LINE.split(self.source.data[:offset].decode("utf-8", "replace"))
        codec, size = UNITS[self.encoding]
        return types.Position(len(lines) - 1, len(lines[-1].encode(codec)) // size)

    def findings(self, wanted: types.Range) -> list[tuple[Finding, types.Range]]:
        """Return the open findings that a range touches."""
        placed = [(f, self.range(f.place)) for f in self.report.open if isinstance(f.place, Span)]
        return [(f, r) for f, r in placed if _key(r.start) <= _key(wanted.end) and _key(wanted.start) <= _key(r.end)]


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def judge(document: "TextDocument", encoding: str) -> Opened:
    """Return a document with its report; raises ConfigurationError.

    The report is empty where the text is no Dockerfile, nor in a file of YAML that describes an environment or a build.
    """
    path = to_fs_path(document.uri) or "Dockerfile"
    config = config_of(Path(path), frozenset(load_rules()))
    source = Source(path, document.source.encode("utf-8", "replace"), partial(read_beside, Path(path)))
    report = Report(())
    with suppress(InputError):
        if is_environment(path, source.data) or is_compose(path) or not path.lower().endswith((".yml", ".yaml")):
            report = lint_file(source, config)
    return Opened(document.uri, document.version, source, config, report, encoding)


def diagnostics(opened: Opened) -> list[types.Diagnostic]:
    """Return a diagnostic for each open finding."""
    return [_diagnostic(finding, opened) for finding in opened.report.open]


def _diagnostic(finding: Finding, opened: Opened) -> types.Diagnostic:
    return types.Diagnostic(
        range=opened.range(finding.place if isinstance(finding.place, Span) else Span(0, 0)),
        message=finding.message,
        severity=SEVERITIES[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(load_rules()[finding.rule].url),
        source="slimconda",
    )


def actions(opened: Opened, wanted: types.Range, only: list[str]) -> list[types.CodeAction]:
    """Return the fixes of the findings in a range, and the one that makes all safe fixes of the document."""
    made = [_quick_fix(finding, opened) for finding, _ in opened.findings(wanted) if finding.fix]
    made += _fix_all(opened) if any(finding.fix for finding in opened.report.open) else []
    kinds = [action.kind or "" for action in made]
    return [a for a, kind in zip(made, kinds, strict=True) if not only or any(_covers(o, kind) for o in only)]


def _covers(asked: str, kind: str) -> bool:
    return kind == asked or kind.startswith(f"{asked}.")


def _quick_fix(finding: Finding, opened: Opened) -> types.CodeAction:
    edits = finding.fix.edits if finding.fix else ()
    unsafe = finding.fix is not None and finding.fix.safety is Safety.UNSAFE
    title = f"{finding.fix.title if finding.fix else ''}{' (unsafe)' if unsafe else ''}"
    changes = [types.TextEdit(opened.range(edit.span), edit.text.decode("utf-8", "replace")) for edit in edits]
    kind = types.CodeActionKind.QuickFix
    own = _diagnostic(finding, opened)
    return types.CodeAction(title, kind, [own], is_preferred=not unsafe, edit=_edit(opened, changes))


def _fix_all(opened: Opened) -> list[types.CodeAction]:
    before = after = opened.source.data
    with suppress(InputError):
        after = rewrite_file(opened.source, opened.config).data
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    span = Span(start, len(before) - end)
    change = types.TextEdit(opened.range(span), after[start : len(after) - end].decode())
    action = types.CodeAction("Fix all that slimconda finds", FIX_ALL, edit=_edit(opened, [change]))
    return [action] if before != after else []


def _common(one: bytes, other: bytes) -> int:
    """Return how many first bytes are alike, in steps that split no character; ASCII ones alone count."""
    count = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    while count and one[count - 1] > 127:
        count -= 1
    return count


def _edit(opened: Opened, edits: list[types.TextEdit]) -> types.WorkspaceEdit:
    document = types.OptionalVersionedTextDocumentIdentifier(opened.uri, opened.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, edits)])


def hover(opened: Opened, position: types.Position) -> types.Hover | None:
    """Return the card of the rule whose finding stands at a position."""
    for finding, place in opened.findings(types.Range(position, position)):
        card = load_rules()[finding.rule].help
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, card), place)
    return None


def make_server() -> LanguageServer:
    """Return a server with all features, which the caller starts."""
    server = LanguageServer("slimconda", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)

    def opened(uri: str) -> Opened:
        encoding = server.workspace.position_encoding or types.PositionEncodingKind.Utf16
        return judge(server.workspace.get_text_document(uri), getattr(encoding, "value", encoding))

    def publish(uri: str) -> None:
        found: list[types.Diagnostic] = []
        version = None
        try:
            judged = opened(uri)
            found, version = diagnostics(judged), judged.version
        except ConfigurationError as error:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"slimconda: {error}"))
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    _add_events(server, publish)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL]),
    )
    def act(parameters: types.CodeActionParams) -> list[types.CodeAction]:
        only = [getattr(kind, "value", kind) for kind in parameters.context.only or ()]
        return actions(opened(parameters.text_document.uri), parameters.range, only)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def explain(parameters: types.HoverParams) -> types.Hover | None:
        return hover(opened(parameters.text_document.uri), parameters.position)

    return server


def _add_events(server: LanguageServer, publish: Any) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def on_open(parameters: types.DidOpenTextDocumentParams) -> None:
        forget_settings()
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def on_change(parameters: types.DidChangeTextDocumentParams) -> None:
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def on_save(parameters: types.DidSaveTextDocumentParams) -> None:
        forget_settings()
        publish(parameters.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def on_close(parameters: types.DidCloseTextDocumentParams) -> None:
        uri = parameters.text_document.uri
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))
