"""Small documents of every format, written by hand."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

Line = tuple[str, float]
"""Text and size in points."""

_OFFICE = "http://schemas.openxmlformats.org"
_RELATIONS = f"{_OFFICE}/package/2006/relationships"
_KIND = f"{_OFFICE}/officeDocument/2006/relationships"
_M = f'xmlns:m="{_OFFICE}/officeDocument/2006/math"'
_W = f'xmlns:w="{_OFFICE}/wordprocessingml/2006/main" {_M}'
_P = f'xmlns:a="{_OFFICE}/drawingml/2006/main" xmlns:p="{_OFFICE}/presentationml/2006/main" xmlns:r="{_KIND}" {_M}'
_S = f'xmlns="{_OFFICE}/spreadsheetml/2006/main" xmlns:r="{_KIND}"'


def write_zip(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def relations(*targets: tuple[str, str, str]) -> str:
    """A part of relations: id, kind, target each."""
    items = "".join(f'<Relationship Id="{key}" Type="{_KIND}/{kind}" Target="{target}"/>' for key, kind, target in targets)
    return f'<Relationships xmlns="{_RELATIONS}">{items}</Relationships>'


def docx_paragraph(text: str, style: str = "", inside: str = "") -> str:
    shown = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{shown}{inside}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def write_docx(path: Path, body: str, more: Mapping[str, str | bytes] | None = None, styles: str = "", lists: str = "") -> Path:
    """A Word document; styles `H1`, `H2` are headings, `标题样式` is based on the first.

    Args:
        styles: more styles.
        lists: definitions of numbered lists.
    """
    all_styles = (
        f'<w:styles {_W}><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="标题样式"><w:name w:val="公司标题"/><w:basedOn w:val="H1"/></w:style>'
        f"{styles}</w:styles>"
    )
    others = (("r2", "footnotes", "footnotes.xml"), ("r3", "numbering", "numbering.xml"))
    return write_zip(
        path,
        {
            "_rels/.rels": relations(("r1", "officeDocument", "word/document.xml")),
            "word/_rels/document.xml.rels": relations(("r1", "styles", "styles.xml"), *others),
            "word/styles.xml": all_styles,
            "word/numbering.xml": f"<w:numbering {_W}>{lists}</w:numbering>",
            "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>",
            **(more or {}),
        },
    )


def docx_footnotes(text: str) -> str:
    return f"<w:footnotes {_W}><w:footnote>{docx_paragraph(text)}</w:footnote></w:footnotes>"


def write_pptx(path: Path, slides: Sequence[tuple[str, str, str]]) -> Path:
    """A presentation of slides with title, text and notes."""
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="r{n}"/>' for n in range(len(slides)))
    parts = {
        "ppt/presentation.xml": f"<p:presentation {_P}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(*[(f"r{n}", "slide", f"slides/slide{n}.xml") for n in range(len(slides))]),
    }
    for number, (title, text, notes) in enumerate(slides):
        shapes = _shape("title", title) + f"<p:grpSp>{_shape('body', text)}</p:grpSp>" + _shape("sldNum", str(number + 1))
        parts[f"ppt/slides/slide{number}.xml"] = f"<p:sld {_P}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(("n", "notesSlide", f"../notesSlides/n{number}.xml"))
        parts[f"ppt/notesSlides/n{number}.xml"] = (
            f"<p:notes {_P}><p:cSld><p:spTree>{_shape('body', notes)}</p:spTree></p:cSld></p:notes>"
        )
    return write_zip(path, parts)


def write_pptx_shapes(path: Path, shapes: str) -> Path:
    """A presentation of one slide with these shapes."""
    return write_zip(
        path,
        {
            "ppt/presentation.xml": f'<p:presentation {_P}><p:sldIdLst><p:sldId r:id="r"/></p:sldIdLst></p:presentation>',
            "ppt/_rels/presentation.xml.rels": relations(("r", "slide", "slides/slide.xml")),
            "ppt/slides/slide.xml": f"<p:sld {_P}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>",
        },
    )


def _shape(role: str, text: str) -> str:
    paragraphs = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f'<p:sp><p:nvPr><p:ph type="{role}"/></p:nvPr><p:txBody>{paragraphs}</p:txBody></p:sp>'


def write_xlsx(
    path: Path,
    sheets: Mapping[str, str],
    *,
    before: str = "",
    after: str = "",
    hidden: Mapping[str, str] | None = None,
    formats: Sequence[str | int] = (),
    from_1904: bool = False,
) -> Path:
    """A workbook of sheets, each the XML of its rows. Style 1 is a date; shared strings are `late` and `迟到`.

    Args:
        before, after: XML around the rows of every sheet.
        hidden: state of the sheets that are not visible.
        formats: format codes of the styles from 2 on, or numbers of built-in ones.
    """
    states = {name: f'state="{state}"' for name, state in (hidden or {}).items()}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}" {states.get(name, "")}/>' for n, name in enumerate(sheets)
    )
    numbers = [code if isinstance(code, int) else 200 + n for n, code in enumerate(formats)]
    own = "".join(
        f"<numFmt numFmtId='{number}' formatCode={quoteattr(code)}/>"
        for number, code in zip(numbers, formats, strict=True)
        if isinstance(code, str)
    )
    numbered = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    places = [(f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(len(sheets))]
    others = [("s", "sharedStrings", "sharedStrings.xml"), ("t", "styles", "styles.xml")]
    cells = f'<numFmts>{own}</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>{numbered}</cellXfs>'
    properties = '<workbookPr date1904="1"/>' if from_1904 else ""
    return write_zip(
        path,
        {
            "xl/workbook.xml": f"<workbook {_S}>{properties}<sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(*places, *others),
            "xl/sharedStrings.xml": f"<sst {_S}><si><t>late</t></si><si><r><t>迟</t></r><r><t>到</t></r></si></sst>",
            "xl/styles.xml": f"<styleSheet {_S}>{cells}</styleSheet>",
            **{
                f"xl/worksheets/sheet{n}.xml": f"<worksheet {_S}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>"
                for n, rows in enumerate(sheets.values())
            },
        },
    )


def write_epub(path: Path, title: str, chapters: Sequence[str], more: Mapping[str, str] | None = None) -> Path:
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    package = (
        f"<package><metadata><title>{title}</title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>"
    )
    return write_zip(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
            "OPS/book.opf": package,
            **{f"OPS/c{n}.xhtml": f"<!DOCTYPE html><html><body>{text}</body></html>" for n, text in enumerate(chapters)},
            **(more or {}),
        },
    )


def write_pdf(path: Path, pages: Sequence[Sequence[Line]], trailer: str = "", picture: bool = False) -> Path:
    """A PDF of lines below each other; Latin in Helvetica, the rest in a Chinese font every reader knows.

    Args:
        trailer: more entries of the trailer.
        picture: draw a box on every page.
    """
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{6 + 2 * n} 0 R' for n in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [5 0 R] >>",
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 0 >> >>",
    ]
    for number, lines in enumerate(pages):
        drawn = _drawn(lines) + ("10 10 500 500 re f\n" if picture else "")
        fonts = "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {fonts} /Contents {7 + 2 * number} 0 R >>")
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}endstream")
    return _write_objects(path, objects, trailer)


def _write_objects(path: Path, objects: Sequence[str], trailer: str = "") -> Path:
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R {trailer} >>\n"
    path.write_bytes(written + f"{end}startxref\n{len(written)}\n%%EOF\n".encode())
    return path


def _drawn(lines: Sequence[Line]) -> str:
    height, drawn = 790.0, ""
    for text, size in lines:
        if text:
            code = text.encode("ascii", "ignore").hex() if text.isascii() else text.encode("utf-16-be").hex()
            drawn += f"BT /{'F1' if text.isascii() else 'F2'} {size} Tf 60 {height:.1f} Td <{code}> Tj ET\n"
        height -= 1.3 * size
    return drawn


LOCKED = (
    f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -44 /O <{'ab' * 32}> /U <{'cd' * 32}> >> /ID [<{'00' * 16}> <{'00' * 16}>]"
)
"""A trailer's entries that ask for a password nobody has."""


def write_pdf_fonts(path: Path, content: str, fonts: Sequence[str], more: Sequence[str] = ()) -> Path:
    """A PDF of one page drawn by `content` in fonts `/F1`, `/F2`, …, which are objects 5, 6, …; `more` objects follow."""
    named = " ".join(f"/F{n} {4 + n} 0 R" for n in range(1, len(fonts) + 1))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << {named} >> >> /Contents 4 0 R >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        *fonts,
        *more,
    ]
    return _write_objects(path, objects)


HELVETICA = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
