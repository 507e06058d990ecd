"""Material about a field that a teacher reads: a description, and the text of documents."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.documents import ENDINGS, READABLE, group_skipped, ingest, read_document
from anytasktune.errors import DataError
from anytasktune.schema.passages import ReadDocument
from anytasktune.settings import DocumentsConfig

BUDGET = 12_000
"""Characters of material that a teacher is given; beyond them small models lose the thread, and large ones cost."""
_UNMENTIONED = frozenset({"hidden", "duplicate"})


@dataclass(frozen=True)
class Material:
    """Named texts, and what was not read.

    Attributes:
        texts: name → text.
        skipped: reason → number of files that were not read for it.
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
        document = read_document(path)
        if document.status == "skipped":
            raise DataError(document.detail, where=str(path), fix="or give the description itself in quotes")
        text = document.text
    elif is_name and path.suffix.lower() in ENDINGS:
        raise DataError("there is no such file", where=about, fix="check the path, or give the description itself in quotes")
    else:
        text = about
    if not text.strip():
        raise DataError("the description is empty", where="--about", fix="say in a sentence what the field is")
    return text.strip()


def read_documents(folder: Path) -> Material:
    """The texts of all documents in a folder and the folders in it; what was not read is counted and named.

    Raises:
        DataError: there is no such folder, or nothing in it can be read.
    """
    read: dict[str, ReadDocument] = {}
    found = ingest(folder, DocumentsConfig(), on_document=read.__setitem__)
    repeated = {info.document for info in found.documents if info.reason == "duplicate"}
    texts = {name: document.text.strip() for name, document in read.items() if document.text and name not in repeated}
    left_out = [info for info in found.documents if info.document not in texts and info.reason not in _UNMENTIONED]
    skipped = Counter(info.reason for info in left_out)
    notes = tuple(f"not read: {names}: {info.detail}" for names, info in group_skipped(left_out))
    if not texts:
        fix = f"give {READABLE} files" + "".join(f" ({note})" for note in notes)
        raise DataError("there is no document in it that can be read", where=str(folder), fix=fix)
    return Material(texts, dict(sorted(skipped.items())), notes)


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
