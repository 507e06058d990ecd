"""What a teacher reads about a field: a description, and the text of documents."""

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from anytasktune.encodings import detect_encoding
from anytasktune.errors import DataError

PLAIN = frozenset({".md", ".markdown", ".txt"})
WEB = frozenset({".html", ".htm"})
BUDGET = 12_000
"""Characters of material that a teacher is given; beyond them small models lose the thread, and large ones cost."""
_MOST_BYTES = 2 * 2**20
_UNSEEN = frozenset({"script", "style", "head", "template", "noscript"})
_BLOCKS = frozenset({"p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "td", "th"})
_SPACE = re.compile(r"\s+")
_SKIPPED_FIX = "save them as .md, .txt or .html (PDF: save or print as text) to have them read"


@dataclass(frozen=True)
class Material:
    """Named texts, and what was not read.

    Attributes:
        texts: name → text.
        skipped: file ending → number of files that were not read.
        notes: what the user should know, a sentence each.
    """

    texts: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_about(about: str) -> str:
    """A description: the text of the file that `about` names, else `about` itself.

    Raises:
        DataError: it looks like a file's name and there is none, or the file cannot be read.
    """
    path = Path(about)
    is_name = len(about) < 256 and "\n" not in about
    if is_name and path.is_dir():
        raise DataError("this is a folder", where=about, fix="give it with --documents")
    if is_name and path.is_file():
        text = read_document(path)
    elif is_name and path.suffix.lower() in PLAIN | WEB:
        raise DataError("there is no such file", where=about, fix="check the path, or give the description itself in quotes")
    else:
        text = about
    if not text.strip():
        raise DataError("the description is empty", where="--about", fix="say in a sentence what the field is")
    return text.strip()


def read_documents(folder: Path) -> Material:
    """The texts of all documents in a folder and the folders in it; hidden ones and other kinds are left out and counted.

    Raises:
        DataError: there is no such folder, or nothing in it can be read.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", where=str(folder), fix="give a folder of .md, .txt or .html files")
    texts: dict[str, str] = {}
    skipped: Counter[str] = Counter()
    notes = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in Path(name).parts):
            continue
        if path.suffix.lower() not in PLAIN | WEB:
            skipped[path.suffix.lower() or "no ending"] += 1
            continue
        try:
            text = read_document(path).strip()
        except DataError as error:
            notes.append(str(error.problems[0]))
            continue
        if text:
            texts[name] = text
    if skipped:
        listed = ", ".join(f"{count} {ending}" for ending, count in sorted(skipped.items()))
        notes.append(f"not read: {listed}; {_SKIPPED_FIX}")
    if not texts:
        raise DataError("there is no document in it that can be read", where=str(folder), fix=_SKIPPED_FIX)
    return Material(texts, dict(sorted(skipped.items())), tuple(notes))


def read_document(path: Path) -> str:
    """The text of one file, in whatever encoding it is; of a web page what a reader sees. DataError if it cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError("larger than 2 MB: not read", where=str(path), fix="give an extract of it")
        encoding = detect_encoding(path)
        text = path.read_bytes().decode(encoding.codec, "replace").removeprefix("\ufeff")
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror or error}", where=str(path), fix="check that you may read it"
        ) from None
    return seen_text(text) if path.suffix.lower() in WEB else text


def within_budget(texts: dict[str, str], budget: int = BUDGET) -> tuple[str, str]:
    """All texts under their names, each cut to its share of `budget` characters, and a note if something was cut.

    What short texts leave over goes to the longer ones.
    """
    rest, parts = budget, {}
    for place, (name, text) in enumerate(sorted(texts.items(), key=lambda item: len(item[1]))):
        parts[name] = text[: rest // (len(texts) - place)]
        rest -= len(parts[name])
    whole, kept = sum(map(len, texts.values())), sum(map(len, parts.values()))
    note = f"the teacher was shown {kept:,} of {whole:,} characters" if kept < whole else ""
    return "\n\n".join(f"## {name}\n{parts[name]}" for name in texts if parts[name]), note


def seen_text(html: str) -> str:
    """What a reader sees of a web page, a line per block."""
    parser = _Seen()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen = 0 if tag == "body" else self.unseen + (tag in _UNSEEN)  # a head need not be closed
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.unseen = max(0, self.unseen - (tag in _UNSEEN))
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.parts.append(_SPACE.sub(" ", data))
