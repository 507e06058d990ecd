"""Reads Word documents: every run of text that Word shows, in order, with headings by style."""

import re
from collections.abc import Mapping
from pathlib import Path

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.zip_containers import Container, attribute, open_container, parse_xml

_HEADING_STYLE = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_TITLE_STYLES = frozenset({"title", "标题"})
_UNSHOWN = frozenset({"Fallback", "del", "moveFrom", "instrText", "delText", "pPrChange", "rPrChange"})
_NOTES = ("footnotes", "endnotes")


def read_docx(path: Path) -> DocumentBuilder:
    """A Word document: text, tables, text boxes, content controls, insertions, foot- and endnotes. Deletions, comments, headers
    and footers are left out. Pages are where Word last broke them, if it left that in the file."""
    builder = DocumentBuilder()
    with open_container(path) as container:
        main = container.main_part("word/document.xml")
        relations = container.relations(main)
        styles = _heading_styles(container, [part for kind, part in relations.values() if kind == "styles"])
        content = container.read(main)
        has_pages = b"lastRenderedPageBreak" in content or b'type="page"' in content
        parse_xml(content, _Document(builder, styles, has_pages))
        for kind, part in sorted(relations.values()):
            if kind in _NOTES and part in container:
                parse_xml(container.read(part), _Document(builder, styles, has_pages=False))
        builder.title = container.title()
    return builder


def _heading_styles(container: Container, parts: list[str]) -> dict[str, int]:
    """Style id → level of the heading it makes, inherited from the style it is based on; a title is of level 1."""
    levels: dict[str, int] = {}
    based: dict[str, str] = {}
    for style in (style for part in parts if part in container for style in container.tree(part).iter("style")):
        key = attribute(style.attrib, "styleId")
        name = next((attribute(item.attrib, "val") for item in style.findall("name")), "")
        based[key] = next((attribute(item.attrib, "val") for item in style.findall("basedOn")), "")
        outline = next((attribute(item.attrib, "val") for item in style.iter("outlineLvl")), "")
        if match := _HEADING_STYLE.fullmatch(name.strip()):
            levels[key] = int(match[1]) + 1
        elif name.strip().lower() in _TITLE_STYLES:
            levels[key] = 1
        elif outline.isdigit() and int(outline) < 9:
            levels[key] = int(outline) + 2
    for key in list(based):
        above = based[key]
        for _ in range(10):
            if key in levels or not above:
                break
            if above in levels:
                levels[key] = levels[above]
            above = based.get(above, "")
    return levels


class _Document:
    """Puts a document together from its XML. Text boxes are paragraphs within paragraphs, tables may hold tables."""

    def __init__(self, into: DocumentBuilder, styles: Mapping[str, int], has_pages: bool) -> None:
        self._into = into
        self._styles = styles
        self._has_pages = has_pages
        self._paragraphs: list[list[str]] = []
        self._level = 0
        self._is_item = False
        self._rows: list[list[str]] = []
        self._tables = 0
        self._unshown = 0
        self._in_text = False
        if has_pages:
            into.page()

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        if name in _UNSHOWN:
            self._unshown += 1
        elif self._unshown:
            return
        elif name == "p":
            self._paragraphs.append([])
            self._level, self._is_item = 0, False
        elif name == "numPr":
            self._is_item = True
        elif name == "t":
            self._in_text = True
        elif name in {"tab", "cr", "noBreakHyphen"} and self._paragraphs:
            self._paragraphs[-1].append({"tab": "\t", "cr": "\n"}.get(name, "-"))
        elif name in {"br", "lastRenderedPageBreak"}:
            self._line_break(name, attribute(attributes, "type"))
        elif name in {"pStyle", "outlineLvl"}:
            self._style(name, attribute(attributes, "val"))
        elif name == "tbl":
            self._tables += 1
            self._into.end_table()
        elif name == "tr" and self._tables == 1:
            self._rows.append([])
        elif name == "tc" and self._tables == 1 and self._rows:
            self._rows[-1].append("")

    def data(self, text: str, /) -> None:
        if self._in_text and self._paragraphs and not self._unshown:
            self._paragraphs[-1].append(text)

    def end(self, name: str, /) -> None:
        if name in _UNSHOWN:
            self._unshown -= 1
        elif self._unshown:
            return
        elif name == "t":
            self._in_text = False
        elif name == "p" and self._paragraphs:
            self._end_paragraph("".join(self._paragraphs.pop()))
        elif name == "tr" and self._tables == 1 and self._rows:
            self._into.row(self._rows.pop())
        elif name == "tbl":
            self._tables -= 1

    def _line_break(self, name: str, kind: str) -> None:
        if kind == "page" or name == "lastRenderedPageBreak":
            if self._has_pages and not self._tables and not (self._paragraphs and any(self._paragraphs[-1])):
                self._into.page()
            return
        if self._paragraphs:
            self._paragraphs[-1].append("\n")

    def _style(self, name: str, value: str) -> None:
        if name == "pStyle":
            self._level = self._styles.get(value, 0)
        elif value.isdigit() and int(value) < 9:
            self._level = int(value) + 2

    def _end_paragraph(self, text: str) -> None:
        if self._tables and self._rows and self._rows[-1]:
            self._rows[-1][-1] = f"{self._rows[-1][-1]} {text}".strip()
        elif self._level:
            self._into.heading(text, self._level)
        elif self._is_item and text.strip():
            self._into.item("- " + text)
        else:
            self._into.paragraph(text)
        self._level, self._is_item = 0, False
