"""Reads Word documents: the text that Word shows, in order, with headings by style, list numbers, tables and formulas."""

from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import TreeBuilder

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.formulas import SUBSCRIPT, SUPERSCRIPT, omml_text, script
from anytasktune.documents.table_grid import TableGrid
from anytasktune.documents.word_styles import VERTICAL, WordNumbering, WordStyle, is_on, read_styles, symbol
from anytasktune.documents.zip_containers import attribute, open_container, parse_xml

_DRAWINGS = frozenset({"anchor", "inline"})
_LEAST_RAISED = 4
"""Half points by which text is moved up or down that reads as a superscript or subscript."""
_NOT_SHOWN = frozenset({"Fallback", "del", "moveFrom", "instrText", "delText", "pPrChange", "rPrChange"})
_NOTES = ("endnotes", "footnotes")


def read_docx(path: Path) -> DocumentBuilder:
    """A Word document: text, tables, text boxes, content controls, insertions, foot- and endnotes. Deletions, hidden text,
    comments, headers and footers are left out. Pages are where Word last broke them, if it left that in the file."""
    builder = DocumentBuilder()
    with open_container(path) as container:
        main = container.main_part("word/document.xml")
        related = sorted((kind, part) for kind, part in container.relations(main).values() if part in container)
        styles = read_styles(container.tree(part) for kind, part in related if kind == "styles")
        lists = next((container.tree(part) for kind, part in related if kind == "numbering"), None)
        content = container.read(main)
        has_pages = b"lastRenderedPageBreak" in content or b'type="page"' in content
        parse_xml(content, _Document(builder, styles, WordNumbering(lists), has_pages=has_pages))
        for part in (part for kind, part in related if kind in _NOTES):
            parse_xml(container.read(part), _Document(builder, styles, WordNumbering(lists), has_pages=False))
        builder.title = container.title()
    return builder


@dataclass
class _Paragraph:
    """An open paragraph: pieces of text with their script marks, its properties, and whether its end is hidden."""

    pieces: list[tuple[str, str]] = field(default_factory=list)
    style: WordStyle = field(default_factory=WordStyle)
    end_hidden: bool = False


@dataclass
class _Table:
    """An open table; what its open row and cell are like; the builder around it."""

    around: DocumentBuilder
    grid: TableGrid = field(default_factory=TableGrid)
    row_hidden: bool = False
    columns: int = 1
    continues: bool = False


class _Document:
    """Puts a document together from its XML. Text boxes are paragraphs within paragraphs, tables may hold tables.

    `start_<name>` and `end_<name>` are called for the elements of that name that are shown.
    """

    def __init__(
        self, builder: DocumentBuilder, styles: dict[str, WordStyle], numbering: WordNumbering, *, has_pages: bool
    ) -> None:
        self._document = self._builder = builder
        self._styles, self._numbering, self._has_pages = styles, numbering, has_pages
        self._paragraphs: list[_Paragraph] = []
        self._runs: list[WordStyle] = []
        self._tables: list[_Table] = []
        self._math: TreeBuilder | None = None
        self._not_shown = 0
        self._drawing_hidden = False
        self._in_text = False
        if has_pages:
            builder.page()

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        if self._math is not None:
            self._math.start(name, attributes)
        elif name in _NOT_SHOWN:
            self._not_shown += 1
        elif not self._not_shown and (method := getattr(self, f"start_{name.lower()}", None)):
            method(attributes)

    def data(self, text: str, /) -> None:
        if self._math is not None:
            self._math.data(text)
        elif self._in_text and not self._not_shown:
            self._add_text(text)

    def end(self, name: str, /) -> None:
        if self._math is not None:
            self._math.end(name)
            if name == "oMath":
                formula = omml_text(self._math.close())
                self._math = None
                self._add_text(formula)
        elif name in _NOT_SHOWN or (name in _DRAWINGS and self._drawing_hidden):
            self._not_shown -= 1
            self._drawing_hidden &= name not in _DRAWINGS
        elif not self._not_shown and (method := getattr(self, f"end_{name.lower()}", None)):
            method()

    def start_p(self, _: dict[str, str]) -> None:
        self._paragraphs.append(_Paragraph())

    def start_pstyle(self, attributes: dict[str, str]) -> None:
        if self._paragraphs:
            self._paragraphs[-1].style = self._styles.get(attribute(attributes, "val"), WordStyle())

    def start_outlinelvl(self, attributes: dict[str, str]) -> None:
        level = attribute(attributes, "val")
        if level.isdigit() and int(level) < 9:
            self._change_paragraph(level=int(level) + 2)

    def start_numid(self, attributes: dict[str, str]) -> None:
        self._change_paragraph(list_id=attribute(attributes, "val").removeprefix("0"))

    def start_ilvl(self, attributes: dict[str, str]) -> None:
        level = attribute(attributes, "val")
        self._change_paragraph(list_level=int(level) if level.isdigit() else 0)

    def start_r(self, _: dict[str, str]) -> None:
        self._runs.append(self._paragraphs[-1].style if self._paragraphs else WordStyle())

    def start_rstyle(self, attributes: dict[str, str]) -> None:
        style = self._styles.get(attribute(attributes, "val"), WordStyle())
        self._change_run(hidden=style.hidden, script=style.script)

    def start_vanish(self, attributes: dict[str, str]) -> None:
        if self._runs:
            self._change_run(hidden=is_on(attributes))
        elif self._paragraphs:
            self._paragraphs[-1].end_hidden = is_on(attributes)

    def start_vertalign(self, attributes: dict[str, str]) -> None:
        self._change_run(script=VERTICAL.get(attribute(attributes, "val"), ""))

    def start_position(self, attributes: dict[str, str]) -> None:
        moved = attribute(attributes, "val")
        if moved.removeprefix("-").isdigit() and abs(int(moved)) >= _LEAST_RAISED:
            self._change_run(script=SUBSCRIPT if int(moved) < 0 else SUPERSCRIPT)

    def start_docpr(self, attributes: dict[str, str]) -> None:
        if attribute(attributes, "hidden") in {"1", "true"}:
            self._drawing_hidden = True
            self._not_shown += 1
            self._document.hidden["drawing"] += 1

    def start_sym(self, attributes: dict[str, str]) -> None:
        self._add_text(symbol(attribute(attributes, "font"), attribute(attributes, "char")))

    def end_r(self) -> None:
        if self._runs:
            self._runs.pop()

    def start_t(self, _: dict[str, str]) -> None:
        self._in_text = True

    def end_t(self) -> None:
        self._in_text = False

    def start_omath(self, attributes: dict[str, str]) -> None:
        self._math = TreeBuilder()
        self._math.start("oMath", attributes)

    def start_tab(self, _: dict[str, str]) -> None:
        if self._runs:  # not a tab stop among the properties of a paragraph
            self._add_text("\t")

    start_ptab = start_tab

    def start_nobreakhyphen(self, _: dict[str, str]) -> None:
        self._add_text("-")

    def start_cr(self, _: dict[str, str]) -> None:
        self._add_text("\n")

    def start_br(self, attributes: dict[str, str]) -> None:
        if attribute(attributes, "type") == "page":
            self.start_lastrenderedpagebreak(attributes)
        else:
            self._add_text("\n")

    def start_lastrenderedpagebreak(self, _: dict[str, str]) -> None:
        is_within_text = bool(self._paragraphs and self._paragraphs[-1].pieces)
        if self._has_pages and not self._tables and not is_within_text:
            self._builder.page()

    def end_p(self) -> None:
        if not self._paragraphs:
            return
        paragraph = self._paragraphs.pop()
        text = ""
        for mark, pieces in groupby(paragraph.pieces, key=lambda piece: piece[1]):
            joined = "".join(piece for piece, _ in pieces)
            text += script(joined, mark, before=text) if mark else joined
        style = paragraph.style
        is_counted = style.list_id and not (paragraph.end_hidden and not text.strip())
        label = self._numbering.label(style.list_id, style.list_level) if is_counted else None
        if not text.strip():
            return
        numbered = f"{label} {text}" if label else text
        if style.level:
            self._builder.heading(text if label == "-" else numbered, style.level)
        elif style.list_id:
            self._builder.item(numbered if label is not None else f"- {text}")
        else:
            self._builder.paragraph(text)

    def start_tbl(self, _: dict[str, str]) -> None:
        self._tables.append(_Table(self._builder))

    def end_tbl(self) -> None:
        if self._tables:
            table = self._tables.pop()
            self._builder = table.around
            table.grid.add_to(self._builder)

    def start_tr(self, _: dict[str, str]) -> None:
        if self._tables:
            self._tables[-1].row_hidden = False
            self._tables[-1].grid.start_row()

    def start_gridbefore(self, attributes: dict[str, str]) -> None:
        skipped = attribute(attributes, "val")
        if self._tables and skipped.isdigit():
            self._tables[-1].grid.cell(DocumentBuilder(), int(skipped))

    def start_hidden(self, attributes: dict[str, str]) -> None:
        if self._tables and not self._paragraphs and is_on(attributes):
            self._tables[-1].row_hidden = True
            self._document.hidden["row"] += 1

    def start_tc(self, _: dict[str, str]) -> None:
        if self._tables:
            self._tables[-1].columns, self._tables[-1].continues = 1, False
            self._builder = DocumentBuilder()

    def start_gridspan(self, attributes: dict[str, str]) -> None:
        columns = attribute(attributes, "val")
        if self._tables and columns.isdigit():
            self._tables[-1].columns = int(columns)

    def start_vmerge(self, attributes: dict[str, str]) -> None:
        if self._tables:
            self._tables[-1].continues = attribute(attributes, "val") in {"", "continue"}

    def end_tc(self) -> None:
        if not self._tables:
            return
        table, cell = self._tables[-1], self._builder
        self._builder = table.around
        if table.row_hidden:
            return
        if table.continues:
            table.grid.continued_cell(cell, table.columns)
        else:
            table.grid.cell(cell, table.columns)

    def _add_text(self, text: str) -> None:
        run = self._runs[-1] if self._runs else WordStyle()
        if run.hidden:
            self._document.hidden["piece of text"] += not text.isspace()
        elif self._paragraphs:
            self._paragraphs[-1].pieces.append((text, run.script))

    def _change_paragraph(self, **changes: int | str) -> None:
        if self._paragraphs and not self._runs:
            self._paragraphs[-1].style = replace(self._paragraphs[-1].style, **changes)  # type: ignore[arg-type]

    def _change_run(self, **changes: bool | str) -> None:
        if self._runs:
            self._runs[-1] = replace(self._runs[-1], **changes)  # type: ignore[arg-type]
