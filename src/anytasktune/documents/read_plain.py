"""Reads text, Markdown and CSV files. Text and Markdown stay as they are, so that a span leads to the place in the file."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

from anytasktune.documents.document_builder import MOST_CHARACTERS, DocumentBuilder
from anytasktune.documents.headings import markdown_headings, title_of, written_headings
from anytasktune.documents.skip_reasons import SkippedFileError, broken, too_large
from anytasktune.errors import DataError
from anytasktune.schema.passages import Heading
from anytasktune.text.encodings import detect_encoding

LONGEST_LINE = 1_000_000
"""Bytes of a line beyond which a file holds data, not text."""
_BLOCK = 1 << 20
_MOST_BYTES = 4
"""Bytes of a character."""
_DELIMITERS = ",;\t|"
_FORMULA = re.compile(r"[=@]|[+-](?![\d.,\s]*%?$)")


def read_text(path: Path) -> DocumentBuilder:
    """A plain text file; its headings are recognised by how they are written."""
    return _verbatim(path, written_headings)


def read_markdown(path: Path) -> DocumentBuilder:
    """A Markdown file, with its marks."""
    return _verbatim(path, markdown_headings)


def read_csv(path: Path) -> DocumentBuilder:
    """A text file with delimited cells, as one table. Formulas are text like any other, and are reported."""
    text, notes = _content(path)
    builder = DocumentBuilder()
    builder.notes += notes
    formulas = 0
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=_delimiter(text, path), strict=False):
            formulas += sum(looks_like_formula(cell) for cell in row)
            builder.row(row)
    except csv.Error as error:
        raise broken(f"not a table of comma-separated values ({error})") from None
    builder.notes += formula_notes(formulas)
    return builder


def looks_like_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute this cell instead of showing it."""
    return _FORMULA.match(cell.strip()) is not None and len(cell.strip()) > 1


def formula_notes(count: int) -> list[str]:
    """The note on cells that look like formulas, if there are any."""
    cells = "1 cell looks" if count == 1 else f"{count:,} cells look"
    return [f"{cells} like a formula; read as text, never computed"] if count else []


def _verbatim(path: Path, find_headings: Callable[[str], list[Heading]]) -> DocumentBuilder:
    text, notes = _content(path)
    headings = find_headings(text)
    builder = DocumentBuilder.verbatim(text, headings, title_of(text, headings))
    builder.notes += notes
    return builder


def _content(path: Path) -> tuple[str, list[str]]:
    """The text of a file with `\\n` between lines, and notes on its encoding."""
    line, number = 0, 1
    with path.open("rb") as stream:  # a file without lines is refused before any of it is decoded
        while block := stream.read(_BLOCK):
            block = block.replace(b"\r", b"\n")
            first, last = block.find(b"\n"), block.rfind(b"\n")
            if line + (len(block) if first < 0 else first) > LONGEST_LINE:
                raise too_large(f"line {number} is longer than {LONGEST_LINE:,} bytes: this is data, not text")
            line = line + len(block) if first < 0 else len(block) - last - 1
            number += block.count(b"\n")
    try:
        encoding = detect_encoding(path)
    except DataError as error:
        raise SkippedFileError("broken", error.problems[0].what, error.problems[0].fix) from None
    if path.stat().st_size > _MOST_BYTES * MOST_CHARACTERS:
        raise too_large(f"it holds more than {MOST_CHARACTERS:,} characters of text")
    text = path.read_bytes().decode(encoding.codec, "replace").removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise broken(f"it is not text: it holds {text.count(chr(0)):,} zero characters")
    return text.encode("utf-8", "replace").decode(), [encoding.note] if encoding.note else []


def _delimiter(text: str, path: Path) -> str:
    """The character that the first lines have most often, and all of them at least once."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    lines = [line for line in text.split("\n", 20)[:20] if line.strip()]
    counts = {mark: [line.count(mark) for line in lines] for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: (min(counts[mark], default=0) > 0, sum(counts[mark])))
