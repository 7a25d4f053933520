"""The language server, asked by a real client over its standard input and output."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from slimconda import lsp
from slimconda.cli.reference import lsp as command
from slimconda.errors import InputError
from slimconda.rulebook import load_rules
from tests.test_cli import CLEAN, written

TEXT = "FROM a\r\nRUN : '𝒳漢' && conda install -y b\r\nRUN conda install -y c\r\n"
SELECT = b"select = ['conda-cache-left']"
SECONDS = 60


class Editor:
    """A client with one document, and what the server published about it."""

    def __init__(self, folder: Path) -> None:
        self.uri = (folder / "Dockerfile").as_uri()
        self.client = LanguageClient("editor", "1")
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.messages: list[str] = []
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda shown: self.published.put_nowait(shown))  # noqa: PLW0108  # pygls sets an attribute on it
        self.client.feature(types.WINDOW_SHOW_MESSAGE)(lambda shown: self.messages.append(shown.message))

    @classmethod
    def of(cls, name: str) -> "Callable[[Path], Editor]":
        """Return how to make one whose document has another name."""

        def make(folder: Path) -> Editor:
            editor = cls(folder)
            editor.uri = (folder / name).as_uri()
            return editor

        return make

    async def open(self, text: str, encoding: str | None = None) -> list[types.Diagnostic]:
        await self.client.start_io(sys.executable, "-c", "from slimconda.cli import main; main()", "lsp")
        kinds = [types.PositionEncodingKind(encoding)] if encoding else None
        capabilities = types.ClientCapabilities(general=types.GeneralClientCapabilities(position_encodings=kinds))
        await self.client.initialize_async(types.InitializeParams(capabilities))
        self.client.initialized(types.InitializedParams())
        document = types.TextDocumentItem(self.uri, "dockerfile", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        return await self.next()

    async def change(self, text: str) -> list[types.Diagnostic]:
        document = types.VersionedTextDocumentIdentifier(2, self.uri)
        changes = [types.TextDocumentContentChangeWholeDocument(text)]
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, changes))
        return await self.next()

    async def next(self) -> list[types.Diagnostic]:
        published = await asyncio.wait_for(self.published.get(), SECONDS)
        assert published.uri == self.uri
        return list(published.diagnostics)

    async def actions(self, place: types.Range, *only: str) -> list[types.CodeAction]:
        context = types.CodeActionContext([], list(only) or None)
        asked = types.CodeActionParams(types.TextDocumentIdentifier(self.uri), place, context)
        found: Any = await self.client.text_document_code_action_async(asked)
        return list(found or ())

    async def hover(self, line: int, character: int) -> types.Hover | None:
        document = types.TextDocumentIdentifier(self.uri)
        asked = types.HoverParams(document, types.Position(line, character))
        return await self.client.text_document_hover_async(asked)

    async def close(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()  # type: ignore[no-untyped-call]


def with_editor(
    folder: Path, play: Callable[[Editor], Awaitable[None]], make: Callable[[Path], Editor] = Editor
) -> None:
    async def all_of_it() -> None:
        editor = make(folder)
        try:
            await play(editor)
        finally:
            await editor.close()

    asyncio.run(all_of_it())


def applied(text: str, action: types.CodeAction) -> str:
    """Apply an action's edits as an editor does that counts UTF-16 units."""
    assert action.edit is not None
    (change,) = action.edit.document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    data = text.encode("utf-16-le")
    starts = [0]
    for line in text.split("\n")[:-1]:
        starts.append(starts[-1] + len(line.encode("utf-16-le")) + 2)
    for edit in sorted(
        change.edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True
    ):
        assert isinstance(edit, types.TextEdit)
        start, end = (starts[p.line] + 2 * p.character for p in (edit.range.start, edit.range.end))
        data = data[:start] + edit.new_text.encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")


def test_diagnostics_fixes_and_cards_on_an_unsaved_buffer(tmp_path: Path) -> None:
    written(tmp_path, b"FROM saved\n")
    written(tmp_path, SELECT, "slimconda.toml")

    async def play(editor: Editor) -> None:
        first, second = await editor.open(TEXT)
        assert (first.code, first.severity, first.source) == (
            "conda-cache-left",
            types.DiagnosticSeverity.Warning,
            "slimconda",
        )
        assert first.range == types.Range(types.Position(1, 15), types.Position(1, 33))
        assert second.range.start == types.Position(2, 4)
        quick = await editor.actions(first.range, "quickfix")
        title = "clean the package cache in the same RUN; the install in line 3 loads the index again"
        assert [action.title for action in quick] == [title]
        assert list(quick[0].diagnostics or ()) == [first]
        assert applied(TEXT, quick[0]) == TEXT.replace("-y b", "-y b && conda clean --all --yes")
        (everything,) = await editor.actions(first.range, "source.fixAll")
        fixed = applied(TEXT, everything)
        assert fixed == TEXT.replace("-y b", "-y b && conda clean --all --yes").replace(
            "-y c", "-y c && conda clean --all --yes"
        )
        card = await editor.hover(1, 20)
        assert card is not None
        assert isinstance(card.contents, types.MarkupContent)
        assert card.contents.value == load_rules()["conda-cache-left"].help
        assert await editor.hover(0, 1) is None
        assert await editor.change(fixed) == []
        assert await editor.actions(first.range) == []

    with_editor(tmp_path, play)
    assert (tmp_path / "Dockerfile").read_bytes() == b"FROM saved\n"


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 19), ("utf-16", 15), ("utf-32", 14)])
def test_columns_are_counted_as_the_editor_wants(tmp_path: Path, encoding: str, column: int) -> None:
    written(tmp_path, SELECT, "slimconda.toml")

    async def play(editor: Editor) -> None:
        first, _ = await editor.open(TEXT, encoding)
        assert first.range.start == types.Position(1, column)

    with_editor(tmp_path, play)


ENVIRONMENT = "dependencies:\n- numpy=2.2\n- pip=25.3\n- pip:\n  - numpy\n  - requests==2.31.0\n"
INLINE = "services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM a\n        RUN conda install -y b=1\n"


def test_environment_files(tmp_path: Path) -> None:
    async def play(editor: Editor) -> None:
        (twice,) = await editor.open(ENVIRONMENT)
        assert (twice.code, twice.range.start) == ("package-given-twice", types.Position(4, 4))
        assert await editor.hover(4, 5) is not None
        quick, everything = await editor.actions(twice.range)
        for action in (quick, everything):
            assert applied(ENVIRONMENT, action) == ENVIRONMENT.replace("  - numpy\n", "")

    with_editor(tmp_path, play, Editor.of("environment.yml"))


def test_compose_files(tmp_path: Path) -> None:
    async def play(editor: Editor) -> None:
        (left,) = await editor.open(INLINE)
        assert left.range == types.Range(types.Position(5, 12), types.Position(5, 32))
        for action in await editor.actions(left.range):
            assert applied(INLINE, action) == INLINE.replace("b=1", "b=1 && conda clean --all --yes")

    with_editor(tmp_path, play, Editor.of("compose.yaml"))


def test_other_files_of_yaml_are_left_alone(tmp_path: Path) -> None:
    async def play(editor: Editor) -> None:
        assert await editor.open("a: 1\n") == []

    with_editor(tmp_path, play, Editor.of("other.yaml"))


def test_configuration_and_strange_texts(tmp_path: Path) -> None:
    written(tmp_path, b"select = ['syntax-error']", "slimconda.toml")

    async def play(editor: Editor) -> None:
        assert await editor.open(TEXT) == []
        for text in ("", "\0", "FROM a\n{% if x %}\n", CLEAN.decode()):
            assert await editor.change(text) == []
        (broken,) = await editor.change("FROM a\rRUNX\n\x0c")
        assert broken.code == "syntax-error"
        written(tmp_path, b"nothing = 1", "slimconda.toml")
        document = types.TextDocumentIdentifier(editor.uri)
        editor.client.text_document_did_save(types.DidSaveTextDocumentParams(document))
        assert await editor.next() == []
        assert "unknown key 'nothing'" in editor.messages[0]

    with_editor(tmp_path, play)


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slimconda.lsp", None)
    with pytest.raises(InputError, match=r"slimconda\[lsp\]"):
        command()


def test_a_common_start_splits_no_character() -> None:
    assert lsp._common("aé".encode(), "aè".encode()) == 1
    assert lsp._common(b"abc", b"abd") == 2
    assert lsp._common(b"abc", b"abc") == 3
