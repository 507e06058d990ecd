"""Folders of documents in every format, most of them damaged; all documents of a folder are read by one `ingest`."""

import io
import zipfile
from collections.abc import Callable
from functools import cache
from random import Random

from tests.fuzz import mutations, projects
from tests.fuzz.scene import Content, Scene
from tests.fuzz.temporary import bytes_written
from tests.unit.documents.document_files import (
    docx_footnotes,
    docx_paragraph,
    write_docx,
    write_epub,
    write_pdf,
    write_pptx,
    write_xlsx,
)

TEXT = "Readers may borrow ten books at a time for thirty days. Whoever is late pays ten cents a day for each. 读者可借十本书。"
PER_FOLDER = 25
_ENDINGS = (".html", ".docx", ".pptx", ".xlsx", ".pdf", ".epub", ".txt", ".md", ".csv", ".tsv", ".htm", ".xhtml")
_NAMES = ("a b", "押金", "[/red]", "x\x1b[2J", "x\udcff", "a'b", "x" * 240, "-x", "con", "r\nx", "%s", ".hidden", "~$lock")
_HTML = (
    "<p>{}</p>",
    "<div>" * 3000 + "{}",
    "<table><tr><td rowspan=99999 colspan=99999>{}</td></tr></table>",
    "<table><tr><td rowspan=-1>{}<td colspan=x></table>",
    "<table><tr><td><table><tr><td>{}</table></table>",
    "<pre>{}\n\n\n</pre>",
    "<ol start=99999999999999999999><li>{}</ol>",
    "<ol type=i start=4000000><li>{}</ol>",
    "<ol reversed><li value=-5>{}</ol>",
    "<script>{}</script><style>{}</style>",
    "<p>&#0;&#x110000;&#xD800;&nosuch;{}",
    "<p>{}<![CDATA[x]]><!-- x --!><?pi ?>",
    "<h1>{}<h6>{}</h9>",
    "<svg><title>{}</title><p>{}</svg>",
    "<math><mfrac><mi>{}</mi></mfrac></math>",
    "<p hidden>{}</p><p style='display:none'>{}</p>",
    "<meta charset=utf-7><p>{}",
    "<meta charset=nonsense><p>{}",
    '<?xml version="1.0" encoding="hex"?><p>{}</p>',
    "<meta http-equiv=content-type content='text/html; charset=undefined'><p>{}",
    "<p {}='{}'>{}",
    "<a href='javascript:{}'>{}</a><img alt='{}'>",
    "<title>{}</title><frameset><frame>{}",
    "<plaintext>{}",
    "<select><option>{}<textarea>{}",
)


def make(random: Random) -> Scene:
    """An input of this family."""
    files: dict[str, Content] = {"law/domain.yaml": projects.domain_file()}
    for number in range(PER_FOLDER):
        ending = random.choice(_ENDINGS)
        stem = f"{random.choice(_NAMES)} {number}" if random.random() < 0.1 else str(number)
        folder = random.choice(["", "", "", "inner/", "a/b/c/"])
        files[f"documents/{folder}{stem}{ending}"] = document(random, ending)
    files |= {"documents/link.txt": "link.txt", "documents/gone.md": "nowhere", "documents/dev.txt": "/dev/zero"}
    settings = random.choice([[], [], ["-c", "documents.passage_length=20"], ["-c", "documents.shortest_passage=1"]])
    command = ["ingest", "documents", "-p", "law", *settings, *(["--json"] if random.random() < 0.7 else [])]
    return Scene("document", files, [command], counts=PER_FOLDER)


def document(random: Random, ending: str) -> bytes:
    """One document, sound or damaged."""
    if ending in {".html", ".htm", ".xhtml"}:
        text = "".join(random.choice(_HTML).replace("{}", random.choice([TEXT, mutations.odd_text(random)])) for _ in range(3))
        data = mutations.encoded(text) if random.random() < 0.8 else mutations.reencoded(random, text)
        return mutations.mutate(random, data) if random.random() < 0.5 else data
    if ending in {".txt", ".md", ".csv", ".tsv"}:
        parts = [
            random.choice(
                [TEXT, "# x", "```", "| a | b |\n|---|", "* " * 200, "> " * 200, "[" * 500, mutations.odd_text(random)]
            )
            for _ in range(4)
        ]
        text = random.choice(["\n", "\r", "\r\n", "\n\n", "\x0c", "\u2028"]).join(parts)
        data = mutations.encoded(text) if random.random() < 0.7 else mutations.reencoded(random, text)
        return mutations.mutate(random, data) if random.random() < 0.5 else data
    data = _sound(ending)
    if ending != ".pdf" and random.random() < 0.7:
        return _mutated_parts(random, data)
    return mutations.mutate(random, data) if random.random() < 0.9 else data


@cache
def _sound(ending: str) -> bytes:
    writers: dict[str, Callable[..., object]] = {
        ".docx": lambda path: write_docx(
            path, docx_paragraph("Loans", "H1") + docx_paragraph(TEXT) * 2, {"word/footnotes.xml": docx_footnotes("Note.")}
        ),
        ".pptx": lambda path: write_pptx(path, [("Loans", TEXT, "Say it."), ("Fees", TEXT, "")]),
        ".xlsx": lambda path: write_xlsx(
            path,
            {"A": '<row r="1"><c t="s"><v>0</v></c><c s="1"><v>45000</v></c><c s="2"><v>0.5</v></c></row>' * 3},
            formats=["[h]:mm", "0.0%"],
        ),
        ".epub": lambda path: write_epub(path, "Loans", [f"<h1>Loans</h1><p>{TEXT}</p>"] * 2),
        ".pdf": lambda path: write_pdf(path, [[(TEXT[:60], 12.0)], [("Fees", 18.0), (TEXT[60:100], 12.0)]]),
    }
    return bytes_written(writers[ending], ending)


def _mutated_parts(random: Random, data: bytes) -> bytes:
    """An archive with one part damaged, emptied, gone, or given a hostile text."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        names = archive.namelist()
        chosen = random.choice(names)
        for name in names:
            part = archive.read(name)
            if name == chosen:
                kind = random.random()
                if kind < 0.1:
                    continue
                if kind < 0.2:
                    part = b""
                elif kind < 0.5:
                    part = part.replace(b">", b">" + mutations.encoded(mutations.odd_text(random)), random.randint(1, 5))
                elif kind < 0.6:
                    part = part.replace(
                        b'"', b'"' + random.choice([b"-", b"x", b"99999999999999999999", b""]), random.randint(1, 9)
                    )
                else:
                    part = mutations.mutate(random, part)
            changed.writestr(name, part)
    return out.getvalue()
