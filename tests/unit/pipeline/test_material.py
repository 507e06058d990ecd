"""What a teacher reads: descriptions and documents, as they lie about."""

from pathlib import Path

import pytest
from tests.unit.documents.document_files import docx_paragraph, write_docx

from anytasktune.errors import DataError
from anytasktune.pipeline.material import read_about, read_documents, within_budget


def test_a_description_is_a_sentence_or_a_file(tmp_path: Path) -> None:
    page = tmp_path / "about.md"
    page.write_text("# Our library\n", encoding="utf-8")
    assert read_about("A public library.") == "A public library."
    assert read_about(str(page)) == "# Our library"


def test_a_missing_file_is_not_taken_for_a_sentence() -> None:
    with pytest.raises(DataError, match="no such file"):
        read_about("abuot.md")


def test_a_folder_is_not_taken_for_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="folder") as caught:
        read_about(str(tmp_path))
    assert "--documents" in caught.value.problems[0].fix


def test_an_empty_description_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "about.txt"
    page.write_text(" \n", encoding="utf-8")
    with pytest.raises(DataError, match="empty"):
        read_about(str(page))


def test_documents_are_read_in_any_encoding_and_others_are_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "a.md").write_text("Opening hours", encoding="utf-8")
    (tmp_path / "rules" / "借阅规则.txt").write_bytes("读者每次可以借阅图书十册，借期三十天，可以续借一次。".encode("gb18030"))
    (tmp_path / "page.HTML").write_text("<p>Fees &amp; fines</p>", encoding="utf-8")
    for name in ("b.pdf", "c.pdf", "d.docx", ".hidden.md", "empty.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "old.doc").write_bytes(b"x")
    material = read_documents(tmp_path)
    assert material.texts == {
        "a.md": "Opening hours",
        "page.HTML": "Fees & fines",
        "rules/借阅规则.txt": "读者每次可以借阅图书十册，借期三十天，可以续借一次。",
    }
    assert material.skipped == {"empty": 4, "unsupported": 1}
    assert material.notes == (
        "not read: b.pdf, c.pdf, d.docx and 1 more: the file is empty; fetch it again, or leave it out",
        "not read: old.doc: .doc files are not read; save it as DOCX",
    )


def test_a_folder_with_nothing_to_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(DataError, match="no document") as caught:
        read_documents(tmp_path)
    assert caught.value.problems[0].fix.startswith(
        "give PDF, DOCX, PPTX, XLSX, EPUB, HTML, Markdown, TXT, CSV files (not read: a.pdf"
    )
    with pytest.raises(DataError, match="no such folder"):
        read_documents(tmp_path / "nowhere")


def test_a_description_can_be_any_kind_of_document(tmp_path: Path) -> None:
    page = tmp_path / "about.docx"
    write_docx(page, docx_paragraph("A public library."))
    assert read_about(str(page)) == "A public library."
    page.write_bytes(b"no Word document")
    with pytest.raises(DataError, match="inside is text"):
        read_about(str(page))
    with pytest.raises(DataError, match="no such file"):
        read_about("abuot.pdf")


def test_long_texts_share_what_short_ones_leave() -> None:
    material, note = within_budget({"long": "l" * 500, "short": "s" * 20, "other": "o" * 500}, budget=220)
    assert (material.count("l"), material.count("s" * 20)) == (100 + 1, 1)
    assert note == "the teacher was shown 220 of 1,020 characters"
    assert within_budget({"short": "text"})[1] == ""
