"""Presentations: a slide is a page, its title a heading; tables, grouped shapes and speaker's notes are read too."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from anytasktune.documents.archives import Parts, open_parts
from anytasktune.documents.gathering import Gathered
from anytasktune.documents.office_relations import main_part, related, title_of
from anytasktune.documents.xml_parts import attribute, tree
from anytasktune.schema.passages import ReadDocument

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})


def read_pptx(path: Path, sha256: str) -> ReadDocument:
    """A presentation, its slides in the order they are shown. Hidden slides are read, and reported."""
    gathered = Gathered()
    hidden = 0
    with open_parts(path) as parts:
        main = main_part(parts, "ppt/presentation.xml")
        relations = related(parts, main)
        for number, item in enumerate(tree(parts.read(main)).iter("sldId"), 1):
            place = relations.get(_relation_id(item), ("", ""))[1]
            gathered.page()
            if place not in parts:
                gathered.notes.append(f"slide {number} is missing")
                continue
            slide = tree(parts.read(place))
            hidden += slide.get("show") == "0"
            _gather_slide(slide, gathered)
            _gather_notes(parts, place, gathered)
        gathered.title = title_of(parts)
    if hidden:
        gathered.notes.append(f"{hidden} hidden slides were read too")
    return gathered.document(sha256, "pptx")


def _relation_id(item: Element) -> str:
    return next((value for key, value in item.attrib.items() if key.endswith("relationships}id")), "")


def _gather_slide(slide: Element, into: Gathered) -> None:
    shapes = list(_shapes(slide))
    for shape in shapes:
        if _role(shape) in _TITLES:
            into.heading(" ".join(_paragraphs(shape)), 1)
    for shape in shapes:
        if shape.tag == "graphicFrame":
            _gather_tables(shape, into)
        elif _role(shape) not in _TITLES | _FURNITURE:
            into.paragraph("\n".join(_paragraphs(shape)))


def _shapes(within: Element) -> Iterator[Element]:
    """Shapes and frames in the order of the file, those in groups included; of alternatives the first."""
    for item in within:
        if item.tag in {"sp", "graphicFrame"}:
            yield item
        elif item.tag not in {"Fallback", "pic"}:
            yield from _shapes(item)


def _role(shape: Element) -> str:
    placeholder = next(shape.iter("ph"), None)
    return "" if placeholder is None else attribute(placeholder.attrib, "type")


def _paragraphs(within: Element) -> list[str]:
    return [text for paragraph in within.iter("p") if (text := "".join(_runs(paragraph)).strip())]


def _runs(paragraph: Element) -> Iterator[str]:
    for item in paragraph.iter():
        if item.tag == "t":
            yield item.text or ""
        elif item.tag == "br":
            yield "\n"


def _gather_tables(frame: Element, into: Gathered) -> None:
    for table in frame.iter("tbl"):
        into.end_table()
        for row in table.iter("tr"):
            into.row([" ".join(_paragraphs(cell)) for cell in row.iter("tc")])
    if next(frame.iter("tbl"), None) is None:
        into.paragraph("\n".join(_paragraphs(frame)))


def _gather_notes(parts: Parts, place: str, into: Gathered) -> None:
    for kind, notes in related(parts, place).values():
        if kind == "notesSlide" and notes in parts:
            for shape in _shapes(tree(parts.read(notes))):
                if _role(shape) not in _FURNITURE:
                    into.paragraph("\n".join(_paragraphs(shape)))
