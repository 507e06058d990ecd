"""Reads presentations: a slide is a page, its title a heading; tables, grouped shapes and speaker's notes are read too."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.formulas import SUBSCRIPT, SUPERSCRIPT, omml_text, script
from anytasktune.documents.list_numbers import list_number
from anytasktune.documents.table_grid import TableGrid
from anytasktune.documents.zip_containers import Container, attribute, open_container, relation_id

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})
_BRACKETS = {"Period": "{}.", "ParenR": "{})", "ParenBoth": "({})", "Plain": "{}", "Minus": "{}-"}
"""Endings of the names of automatic numbers, e.g. `arabicPeriod`."""


def read_pptx(path: Path) -> DocumentBuilder:
    """A presentation, its slides in the order they are shown. Hidden slides are read, and reported; hidden shapes are not."""
    builder = DocumentBuilder()
    hidden = 0
    with open_container(path) as container:
        main = container.main_part("ppt/presentation.xml")
        relations = container.relations(main)
        for number, item in enumerate(container.tree(main).iter("sldId"), 1):
            key = relation_id(item)
            builder.page()
            if key not in relations or relations[key].part not in container:
                builder.notes.append(f"slide {number} is missing")
                continue
            slide = container.tree(relations[key].part)
            hidden += slide.get("show") in {"0", "false"}
            _add_slide(slide, builder)
            _add_speaker_notes(container, relations[key].part, builder)
        builder.title = container.title()
    if hidden:
        builder.notes.append(f"{hidden} hidden slides were read too")
    return builder


def _add_slide(slide: Element, builder: DocumentBuilder) -> None:
    shapes = list(_shapes(slide, builder))
    for shape in shapes:
        if _role(shape) in _TITLES:
            builder.heading(" ".join(_paragraphs(shape)), 1)
    for shape in shapes:
        tables = list(shape.iter("tbl"))
        for table in tables:
            _add_table(table, builder)
        if not tables and _role(shape) not in _TITLES | _FURNITURE:
            builder.paragraph("\n".join(_paragraphs(shape)))


def _add_table(table: Element, builder: DocumentBuilder) -> None:
    grid = TableGrid()
    for row in table.findall("tr"):
        grid.start_row()
        for cell in row.findall("tc"):
            if cell.get("hMerge") in {"1", "true"} or cell.get("vMerge") in {"1", "true"}:
                continue  # covered by a cell that spans columns or rows
            content = DocumentBuilder()
            content.paragraph("\n".join(_paragraphs(cell)))
            grid.cell(content, _integer(cell.get("gridSpan"), 1), _integer(cell.get("rowSpan"), 1))
    grid.add_to(builder)


def _add_speaker_notes(container: Container, slide: str, builder: DocumentBuilder) -> None:
    for kind, part in container.relations(slide).values():
        if kind == "notesSlide" and part in container:
            for shape in _shapes(container.tree(part), builder):
                if _role(shape) not in _FURNITURE:
                    builder.paragraph("\n".join(_paragraphs(shape)))


def _shapes(within: Element, builder: DocumentBuilder) -> Iterator[Element]:
    """Shapes and frames in the order of the file, those in groups included; of alternatives the first. Hidden ones are
    counted."""
    for item in within:
        properties = next((child.find("cNvPr") for child in item if child.find("cNvPr") is not None), None)
        if properties is not None and properties.get("hidden") in {"1", "true"}:
            builder.hidden["shape"] += 1
        elif item.tag in {"sp", "graphicFrame"}:
            yield item
        elif item.tag not in {"Fallback", "pic"}:
            yield from _shapes(item, builder)


def _role(shape: Element) -> str:
    placeholder = next(shape.iter("ph"), None)
    return "" if placeholder is None else attribute(placeholder.attrib, "type")


def _paragraphs(within: Element) -> list[str]:
    """Paragraphs with text; those with automatic numbers with their number."""
    found = []
    counts: dict[int, int] = {}
    for paragraph in within.iter("p"):
        text = "".join(_pieces(paragraph)).strip()
        if not text:
            continue
        properties, numbers = paragraph.find("pPr"), paragraph.find("pPr/buAutoNum")
        level = _integer(properties.get("lvl") if properties is not None else None, 0)
        counts = {each: count for each, count in counts.items() if each < level or (each == level and numbers is not None)}
        if numbers is not None:
            counts[level] = counts.get(level, _integer(numbers.get("startAt"), 1) - 1) + 1
            kind = numbers.get("type", "")  # `arabicPeriod`: 1.; `alphaLcParenR`: a)
            ending = next((ending for ending in _BRACKETS if kind.endswith(ending)), "Plain")
            text = f"{_BRACKETS[ending].format(list_number(counts[level], kind.removesuffix(ending)))} {text}"
        found.append(text)
    return found


def _pieces(within: Element) -> Iterator[str]:
    """Text of the runs, line breaks and formulas of a paragraph."""
    last = ""
    for item in within:
        if item.tag in {"r", "fld"}:
            properties, text = item.find("rPr"), "".join(part.text or "" for part in item.iter("t"))
            raised = _integer(properties.get("baseline") if properties is not None else None, 0)
            piece = script(text, SUPERSCRIPT if raised > 0 else SUBSCRIPT, before=last) if raised else text
            yield piece
            last = piece or last
        elif item.tag == "br":
            yield "\n"
        elif item.tag == "oMath":
            yield omml_text(item)
        elif item.tag != "Fallback":
            yield from _pieces(item)


def _integer(value: str | None, default: int) -> int:
    return int(value) if value and value.removeprefix("-").isdigit() else default
