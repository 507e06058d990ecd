"""Files that are broken, or made to do harm: each is refused with a reason, in bounded memory and time."""

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.documents.document_files import (
    LOCKED,
    docx_paragraph,
    write_docx,
    write_epub,
    write_pdf,
    write_pptx,
    write_xlsx,
    write_zip,
)

from anytasktune.documents import Limits, ingest
from anytasktune.documents.discovery import DocumentFile
from anytasktune.documents.sandbox import read_sandboxed
from anytasktune.schema.passages import DocumentInfo
from anytasktune.settings import DocumentsConfig

GOOD = "Readers may borrow ten books at a time for thirty days. Whoever is late pays ten cents a day for each."
BILLION_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><w:document xmlns:w="w"><w:p><w:t>&c;</w:t></w:p></w:document>'
)
FOREIGN_ENTITY = (
    '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    '<w:document xmlns:w="w"><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:document>'
)
ZEROS = "<w:document>" + " " * (64 * 2**20)


def lying_about_its_size(path: Path) -> Path:
    """A ZIP whose directory says that a part of 60 MB has a thousand bytes."""
    write_zip(path, {"word/document.xml": "x" * 60_000_000})
    content = path.read_bytes().replace((60_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    path.write_bytes(content)
    return path


def with_a_password(path: Path) -> Path:
    write_docx(path, docx_paragraph(GOOD))
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            content[place + offset] |= 1
    path.write_bytes(bytes(content))
    return path


def pdf_cut_off(path: Path) -> Path:
    write_pdf(path, [[(GOOD, 11.0)]] * 5)
    path.write_bytes(path.read_bytes()[:700])
    return path


def old_word_with_a_password(path: Path) -> Path:
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 3000 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 3000)
    return path


def same_part_twice(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("word/document.xml", "<a/>")
        archive.writestr("word/document.xml", "<b/>")
    return path


def written(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def zipped(parts: dict[str, str]) -> Callable[[Path], object]:
    return lambda path: write_zip(path, parts)


HOSTILE: list[tuple[str, Callable[[Path], object], str]] = [
    ("bomb.docx", zipped({"word/document.xml": ZEROS}), "unsafe"),
    ("bomb.xlsx", zipped({"xl/workbook.xml": "<a/>", "xl/media/x.png": ZEROS}), "unsafe"),
    ("bomb.pptx", zipped({f"ppt/{n}.xml": "" for n in range(20_001)}), "unsafe"),
    ("bomb.epub", lambda path: write_epub(path, "x", ["<p>x</p>"], {"OPS/x.txt": ZEROS}), "unsafe"),
    ("liar.docx", lying_about_its_size, "broken"),
    ("laughs.docx", zipped({"word/document.xml": BILLION_LAUGHS}), "unsafe"),
    ("entity.docx", zipped({"word/document.xml": FOREIGN_ENTITY}), "unsafe"),
    ("entity.pptx", zipped({"ppt/presentation.xml": FOREIGN_ENTITY}), "unsafe"),
    ("entity.xlsx", lambda path: write_xlsx(path, {"a": "&x;"}), "broken"),
    ("entity.epub", zipped({"META-INF/container.xml": FOREIGN_ENTITY}), "unsafe"),
    ("deep.docx", zipped({"word/document.xml": "<a>" * 100_000}), "unsafe"),
    ("path.docx", zipped({"word/document.xml": "<a/>", "../../evil.txt": "x"}), "unsafe"),
    ("drive.pptx", zipped({"C:evil.txt": "x"}), "unsafe"),
    ("root.xlsx", zipped({"/etc/passwd": "x"}), "unsafe"),
    ("twice.docx", same_part_twice, "unsafe"),
    ("locked.docx", with_a_password, "encrypted"),
    ("locked2.docx", old_word_with_a_password, "encrypted"),
    ("nothing.docx", zipped({"hello.txt": "x"}), "broken"),
    ("empty.pptx", lambda path: write_pptx(path, []), "empty"),
    ("half.docx", written(b"PK\x03\x04" + b"x" * 500), "broken"),
    ("cut.pdf", pdf_cut_off, "broken"),
    ("head.pdf", written(b"%PDF-1.7\n"), "broken"),
    ("locked.pdf", lambda path: write_pdf(path, [[(GOOD, 11.0)]], trailer=LOCKED), "encrypted"),
    ("scan.pdf", lambda path: write_pdf(path, [[], []], picture=True), "scanned"),
    ("blank.pdf", lambda path: write_pdf(path, [[]]), "empty"),
    ("page.pdf", written(b"<html><body>no PDF</body></html>"), "mislabelled"),
    ("word.docx", written(b"no Word document"), "mislabelled"),
    ("sheet.csv", zipped({"xl/workbook.xml": "<a/>"}), "mislabelled"),
    ("picture.txt", written(b"\x89PNG\r\n\x1a\n" + bytes(100)), "mislabelled"),
    ("program.md", written(b"\x7fELF" + bytes(range(256)) * 10), "mislabelled"),
    ("line.txt", written(b"word " * 1_000_000), "too_large"),
    ("line.csv", written(b"a,b\n" + b"1," * 1_000_000), "too_large"),
    ("zeros.txt", written(b"text\x00\x00\x00text " * 100), "broken"),
    ("noise.txt", written(bytes(range(128, 256)) * 50 + b"\x81\x00\xff" * 50), "broken"),
    ("script.html", written(b"<script>" + b"alert(1);" * 100), "empty"),
    ("data.json", written(b"[" * 100_000), "unsupported"),
]


@pytest.fixture(scope="module")
def fates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DocumentInfo]:
    """What became of all hostile files in one folder, beside one that is good."""
    folder = tmp_path_factory.mktemp("hostile") / "documents"
    folder.mkdir()
    (folder / "good.txt").write_text(GOOD, encoding="utf-8")
    for name, write, _ in HOSTILE:
        write(folder / name)
    started = time.monotonic()
    found = ingest(folder, DocumentsConfig())
    assert time.monotonic() - started < 60
    assert [passage.text for passage in found.passages] == [GOOD]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["documents"]
    return {info.document: info for info in found.documents}


@pytest.mark.parametrize(("name", "reason"), [(name, reason) for name, _, reason in HOSTILE])
def test_a_file_made_to_do_harm_or_broken_is_refused_by_name(fates: dict[str, DocumentInfo], name: str, reason: str) -> None:
    info = fates[name]
    assert (info.status, info.reason) == ("skipped", reason), info.detail
    assert "; " in info.detail
    assert "root:" not in info.detail


def test_the_good_file_among_them_is_read(fates: dict[str, DocumentInfo]) -> None:
    assert [name for name, info in fates.items() if info.status == "read"] == ["good.txt"]


def test_a_hundred_megabytes_in_one_line_are_refused_in_little_memory(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    with (tmp_path / "line.txt").open("wb") as stream:
        for _ in range(100):
            stream.write(b"a" * 2**20)
    used = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
    code = (
        "import resource\nfrom pathlib import Path\nfrom anytasktune.documents import ingest\n"
        f"from anytasktune.schema.passages import DocumentsConfig\nbefore = {used}\n"
        f"info = ingest(Path({str(tmp_path)!r}), DocumentsConfig()).documents[0]\n"
        f"print(info.reason, info.bytes, {used} - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    reason, size, more = done.stdout.split()
    assert (reason, int(size)) == ("too_large", 100 * 2**20)
    assert int(more) < 30_000 * (1024 if sys.platform == "darwin" else 1)


def test_a_deeply_nested_page_is_read(tmp_path: Path) -> None:
    (tmp_path / "deep.html").write_text("<div>" * 200_000 + GOOD, encoding="utf-8")
    (passage,) = ingest(tmp_path, DocumentsConfig()).passages
    assert passage.text == GOOD


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pipes in folders")
def test_a_file_that_takes_too_long_is_ended_and_the_next_one_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.docx")
    write_docx(tmp_path / "z.docx", docx_paragraph(GOOD))
    requests = [DocumentFile(path, path.name, "docx", 0, "0" * 64) for path in sorted(tmp_path.iterdir())]
    begin = time.monotonic()
    read_sandboxed(requests[1:], Limits(seconds=120, processes=1))
    enough = math.ceil(3 + 4 * (time.monotonic() - begin))  # on a busy machine a process alone takes seconds to start
    endless, good = read_sandboxed(requests, Limits(seconds=enough, processes=1))
    assert (endless.reason, good.status) == ("too_large", "read")
    assert f"{enough} second" in endless.detail


@pytest.mark.skipif(sys.platform != "linux", reason="finds the process in /proc")
def test_a_file_that_brings_its_reader_down_is_broken_and_the_next_one_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "endless.docx")
    write_docx(tmp_path / "z.docx", docx_paragraph(GOOD))
    requests = [DocumentFile(path, path.name, "docx", 0, "0" * 64) for path in sorted(tmp_path.iterdir())]
    clock = threading.Timer(1.5, kill_readers)
    clock.start()
    assert [one.reason for one in read_sandboxed(requests, Limits(processes=1))] == ["broken", ""]


def kill_readers() -> None:
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"anytasktune.documents.sandbox" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)


SLOW = {
    "dots": "." * 500_000,
    "brackets": "[" * 500_000,
    "stars": "# " + "*a " * 200_000,
    "bars": "|" * 500_000,
    "quotes": 'a."' * 200_000,
    "one sentence": "中" * 200_000,
    "articles": "第一条 x\n" * 50_000,
    "blank lines": "\n" * 1_000_000 + "x",
    "underlined": "a\n---\n" * 30_000,
    "numbered": "1.2 Title\n\n" * 20_000,
    "links": ("- " + "[a](b)" * 150 + "x\n") * 300,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
def test_text_made_to_be_slow_is_cut_in_time(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    started = time.process_time()
    ingest(tmp_path, DocumentsConfig())
    assert time.process_time() - started < 15


def test_reading_works_from_a_script_without_a_guard_in_a_folder_of_traps(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('imported a document')", encoding="utf-8")
    documents = tmp_path / "documents"
    documents.mkdir()
    write_docx(documents / "a.docx", docx_paragraph(GOOD))
    script = documents.parent / "script" / "run.py"
    script.parent.mkdir()
    script.write_text(
        "from pathlib import Path\nfrom anytasktune.documents import ingest\n"
        "from anytasktune.schema.passages import DocumentsConfig\n"
        f"print(len(ingest(Path({str(documents)!r}), DocumentsConfig()).passages))\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights, and there are no pipes in folders")
def test_links_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    (outside / "more").mkdir(parents=True)
    (outside / "secret.txt").write_text("secret " * 30, encoding="utf-8")
    inside.mkdir()
    (inside / "good.txt").write_text(GOOD, encoding="utf-8")
    (inside / "file.txt").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "again.txt").symlink_to(inside / "good.txt")
    (inside / "lost.txt").symlink_to(tmp_path / "nowhere.txt")
    os.mkfifo(inside / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(inside)  # a socket's path may not be long
        listener.bind("socket.md")
        found = ingest(inside, DocumentsConfig())
    assert {info.document: info.reason for info in found.documents} == {
        "again.txt": "duplicate",
        "file.txt": "unsafe",
        "folder": "unsafe",
        "good.txt": "",
        "loop": "duplicate",
        "lost.txt": "broken",
        "pipe.txt": "unsafe",
        "socket.md": "unsafe",
    }
    assert [passage.text for passage in found.passages] == [GOOD]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_names_that_cannot_be_printed_are_refused_and_shown_in_one_line(tmp_path: Path) -> None:
    for name in (b"a\nb.txt", b"caf\xe9.txt", b"\x1b[31m.txt"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(GOOD, encoding="utf-8")
    found = ingest(tmp_path, DocumentsConfig())
    assert [(info.document, info.reason) for info in found.documents] == [
        ("\\x1b[31m.txt", "unsafe"),
        ("a\\nb.txt", "unsafe"),
        ("caf\\xe9.txt", "unsafe"),
    ]
    assert all(info.model_dump_json().isprintable() for info in found.documents)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user may read everything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "closed.txt").write_text(GOOD, encoding="utf-8")
    (tmp_path / "closed.txt").chmod(0)
    assert [info.reason for info in ingest(tmp_path, DocumentsConfig()).documents] == ["unreadable"]


def test_a_file_that_vanishes_is_said(tmp_path: Path) -> None:
    (document,) = read_sandboxed([DocumentFile(tmp_path / "gone.pdf", "gone.pdf", "pdf", 0)], Limits())
    assert (document.reason, document.status) == ("unreadable", "skipped")
