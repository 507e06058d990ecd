"""Reads presentations: a slide is a page, its title a heading; tables, grouped shapes and speaker's notes are read too."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from anytasktune.documents.document_builder import DocumentBuilder
from anytasktune.documents.zip_containers import Container, attribute, open_container

_TITLES = frozenset({"title", "ctrTitle"})
_FURNITURE = frozenset({"sldNum", "dt", "ftr", "hdr", "sldImg"})


def read_pptx(path: Path) -> DocumentBuilder:
    """A presentation, its slides in the order they are shown. Hidden slides are read, and reported."""
    builder = DocumentBuilder()
    hidden = 0
    with open_container(path) as container:
        main = container.main_part("ppt/presentation.xml")
        relations = container.relations(main)
        for number, item in enumerate(container.tree(main).iter("sldId"), 1):
            key = next((value for name, value in item.attrib.items() if name.endswith("relationships}id")), "")
            builder.page()
            if key not in relations or relations[key].part not in container:
                builder.notes.append(f"slide {number} is missing")
                continue
            slide = container.tree(relations[key].part)
            hidden += slide.get("show") == "0"
            _add_slide(slide, builder)
            _add_speaker_notes(container, relations[key].part, builder)
        builder.title = container.title()
    if hidden:
        builder.notes.append(f"{hidden} hidden slides were read too")
    return builder


def _add_slide(slide: Element, builder: DocumentBuilder) -> None:
    shapes = list(_shapes(slide))
    for shape in shapes:
        if _role(shape) in _TITLES:
            builder.heading(" ".join(_paragraphs(shape)), 1)
    for shape in shapes:
        tables = list(shape.iter("tbl"))
        for table in tables:
            builder.end_table()
            for row in table.iter("tr"):
                builder.row([" ".join(_paragraphs(cell)) for cell in row.iter("tc")])
        if not tables and _role(shape) not in _TITLES | _FURNITURE:
            builder.paragraph("\n".join(_paragraphs(shape)))


def _add_speaker_notes(container: Container, slide: str, builder: DocumentBuilder) -> None:
    for kind, part in container.relations(slide).values():
        if kind == "notesSlide" and part in container:
            for shape in _shapes(container.tree(part)):
                if _role(shape) not in _FURNITURE:
                    builder.paragraph("\n".join(_paragraphs(shape)))


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
    found = []
    for paragraph in within.iter("p"):
        runs = ("\n" if item.tag == "br" else item.text or "" for item in paragraph.iter() if item.tag in {"t", "br"})
        if text := "".join(runs).strip():
            found.append(text)
    return found
