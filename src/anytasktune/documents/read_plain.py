"""Text, Markdown and CSV files. Their text is the file's own, so a span leads to the place in the file."""

import csv
import re
from pathlib import Path

from anytasktune.documents.gathering import MOST_CHARACTERS, Gathered
from anytasktune.documents.headings import markdown_headings, title_of, written_headings
from anytasktune.documents.refusal import RefusedError, broken, too_large
from anytasktune.errors import DataError
from anytasktune.schema.passages import ReadDocument
from anytasktune.text.encodings import detect_encoding

LONGEST_LINE = 1_000_000
"""Bytes of a line beyond which a file holds data, not text."""
_BLOCK = 1 << 20
_MOST_BYTES = 4
"""Bytes of a character."""
_DELIMITERS = ",;\t|"
_FORMULA = re.compile(r"[=@]|[+-](?![\d.,\s]*%?$)")


def read_text(path: Path, sha256: str) -> ReadDocument:
    """A plain text file; its headings are recognised by how they are written."""
    text, note = _content(path)
    headings = written_headings(text)
    return ReadDocument(sha256=sha256, format="text", detail=note, text=text, title=title_of(text, headings), headings=headings)


def read_markdown(path: Path, sha256: str) -> ReadDocument:
    """A Markdown file, with its marks."""
    text, note = _content(path)
    headings = markdown_headings(text)
    return ReadDocument(
        sha256=sha256, format="markdown", detail=note, text=text, title=title_of(text, headings), headings=headings
    )


def read_csv(path: Path, sha256: str) -> ReadDocument:
    """A table in a text file, as one table. What looks like a formula is text like any other, and is reported."""
    text, note = _content(path)
    gathered = Gathered()
    gathered.notes += [note] if note else []
    formulas = 0
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text, path), strict=False):
            formulas += sum(looks_like_formula(cell) for cell in row)
            gathered.row(row)
    except csv.Error as error:
        raise broken(f"not a table of comma-separated values ({error})") from None
    if formulas:
        gathered.notes.append(formula_note(formulas))
    return gathered.document(sha256, "csv")


def looks_like_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute this cell instead of showing it."""
    return _FORMULA.match(cell.strip()) is not None and len(cell.strip()) > 1


def formula_note(count: int) -> str:
    """What is said of cells that look like formulas."""
    cells = "1 cell looks" if count == 1 else f"{count:,} cells look"
    return f"{cells} like a formula; read as text, never computed"


def _content(path: Path) -> tuple[str, str]:
    """The text of a file with `\\n` between lines, and what is to be known about it."""
    _check_lines(path)
    try:
        encoding = detect_encoding(path)
    except DataError as error:
        raise RefusedError("broken", error.problems[0].what, error.problems[0].fix) from None
    if path.stat().st_size > _MOST_BYTES * MOST_CHARACTERS:
        raise too_large(f"it holds more than {MOST_CHARACTERS:,} characters of text")
    text = path.read_bytes().decode(encoding.codec, "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise broken(f"it is not text: it holds {text.count(chr(0)):,} zero characters")
    if len(text) > MOST_CHARACTERS:
        raise too_large(f"it holds more than {MOST_CHARACTERS:,} characters of text")
    return text.encode("utf-8", "replace").decode(), encoding.note


def _check_lines(path: Path) -> None:
    """Refuse what has no lines, before any of it is decoded."""
    line, number = 0, 1
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            block = block.replace(b"\r", b"\n")
            first, last = block.find(b"\n"), block.rfind(b"\n")
            if line + (len(block) if first < 0 else first) > LONGEST_LINE:
                raise too_large(f"line {number} is longer than {LONGEST_LINE:,} bytes: this is data, not text")
            line = line + len(block) if first < 0 else len(block) - last - 1
            number += block.count(b"\n")


def _delimiter(text: str, path: Path) -> str:
    """What stands between cells: the delimiter that the first lines have most often and equally often."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    lines = [line for line in text.split("\n", 20)[:20] if line.strip()]
    counts = {mark: [line.count(mark) for line in lines] for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: (min(counts[mark], default=0) > 0, sum(counts[mark])))
