"""A folder of documents, as it comes."""

import json
import os
from pathlib import Path

import pytest
from tests.unit.documents.document_files import docx_paragraph, write_docx, write_pdf

from anytasktune.documents import Ingested, group_skipped, ingest
from anytasktune.errors import DataError
from anytasktune.schema.passages import ReadDocument
from anytasktune.settings import DocumentsConfig

RULES = "Readers may borrow ten books at a time for thirty days. Whoever is late pays ten cents a day for each of them."
REGELN = "读者每次可以借阅图书十册，借期三十天，可以续借一次。逾期不还的，按照每册每天一角收取滞纳金，遗失图书的照价赔偿。"
HOURS = "The library is open from nine to five on weekdays, and from ten to two on Saturdays, but not in August at all."
GUIDES = Path(__file__).resolve().parents[3] / "docs"


def told(ingested: Ingested) -> dict[str, str]:
    return {info.document: info.reason or info.status for info in ingested.documents}


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8", newline="\n")
    return folder


def test_files_become_passages_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, b=f"# Rules\n\n{RULES}", a=f"# 规则\n\n{REGELN}")
    write_pdf(tmp_path / "c.pdf", [[(line, 11.0) for line in ("# no heading", HOURS[:60], HOURS[60:])]])
    found = ingest(tmp_path, DocumentsConfig())
    assert told(found) == {"a.md": "read", "b.md": "read", "c.pdf": "read"}
    assert [(one.span.document, one.language, one.page, one.heading) for one in found.passages] == [
        ("a.md", "zh", None, ("规则",)),
        ("b.md", "en", None, ("Rules",)),
        ("c.pdf", "en", 1, ()),
    ]


def test_a_rerun_with_what_is_known_reads_nothing_and_gives_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    write(folder, a=f"# Rules\n\n{RULES}")
    write_docx(folder / "b.docx", docx_paragraph(HOURS))
    known: dict[str, ReadDocument] = {}
    first = ingest(folder, DocumentsConfig(), on_document=lambda _, document: known.update({document.sha256: document}))
    kept = {key: ReadDocument.model_validate_json(document.model_dump_json()) for key, document in known.items()}
    marked = {key: document.model_copy(update={"title": "known"}) for key, document in kept.items()}
    assert ingest(folder, DocumentsConfig(), kept) == first
    assert {info.title for info in ingest(folder, DocumentsConfig(), marked).documents} == {"known"}


def test_the_same_file_and_nearly_the_same_text_are_read_once(tmp_path: Path) -> None:
    long = "\n\n".join(f"## Part {number}\n\nPart {number}: {RULES}" for number in range(30))
    write(tmp_path, a=long, b=long, c=long + "\n\nOne more word.", d=HOURS)
    found = ingest(tmp_path, DocumentsConfig(near_duplicate=1))
    assert told(found) == {"a.md": "read", "b.md": "duplicate", "c.md": "duplicate", "d.md": "read"}
    assert [info.detail for info in found.documents[1:3]] == ["the same bytes as a.md", "nearly the same text as a.md"]


def test_passages_nearly_the_same_as_an_earlier_one_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, a=f"# A\n\n{RULES}\n\n# B\n\n{HOURS}", b=f"# C\n\n{REGELN}\n\n# D\n\n{RULES.replace('ten', 'nine', 1)}")
    found = ingest(tmp_path, DocumentsConfig())
    assert [passage.heading for passage in found.passages] == [("A",), ("B",), ("C",)]
    assert [(info.passages, info.dropped) for info in found.documents] == [(2, {}), (1, {"near_duplicate": 1})]


def test_a_file_whose_passages_all_went_is_left_out_with_the_reason(tmp_path: Path) -> None:
    write(tmp_path, a=f"# A\n\n{RULES}\n\n# B\n\n{HOURS}", b=RULES, c="Opening hours")
    found = ingest(tmp_path, DocumentsConfig())
    assert told(found) == {"a.md": "read", "b.md": "near_duplicate", "c.md": "too_short"}
    assert all("; " in info.detail for info in found.documents if info.status == "skipped")


def test_every_file_is_told_of_with_a_reason_and_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, good=RULES, empty="", blank=" \n")
    for name in ("old.doc", "picture.PNG", "archive.zip", "noending", ".hidden.md", "~$good.docx"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_bytes(b"x")
    (tmp_path / "big.txt").write_bytes(b"word\n" * 300_000)
    found = ingest(tmp_path, DocumentsConfig(largest_file=1))
    assert told(found) == {
        ".git": "hidden",
        ".hidden.md": "hidden",
        "archive.zip": "unsupported",
        "big.txt": "too_large",
        "blank.md": "empty",
        "empty.md": "empty",
        "good.md": "read",
        "noending": "unsupported",
        "old.doc": "unsupported",
        "picture.PNG": "unsupported",
        "~$good.docx": "hidden",
    }
    assert all(info.detail for info in found.documents if info.status == "skipped")
    assert {info.document: info.detail for info in found.documents}["old.doc"] == ".doc files are not read; save it as DOCX"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (RULES, "en"),
        (REGELN, "zh"),
        ("Les lecteurs peuvent emprunter dix livres pour trente jours, et ils doivent les rendre dans la bibliothèque.", None),
        ("図書館では本を十冊まで借りることができます。期限は三十日です。延滞した場合は、料金を払わなければなりません。", None),
        ("Читатели могут взять десять книг на тридцать дней и продлить каждую из них один раз, если её никто не ждёт.", None),
        ("使用 Kubernetes 部署 PyTorch 模型时，应当先检查 GPU 驱动与 CUDA 版本是否一致，再启动训练任务，并记录日志。", "zh"),
    ],
)
def test_the_language_is_english_chinese_or_neither(tmp_path: Path, text: str, language: str | None) -> None:
    (passage,) = ingest(write(tmp_path, a=text), DocumentsConfig()).passages
    assert passage.language == language


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        ingest(tmp_path / "nowhere", DocumentsConfig())


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert ingest(tmp_path, DocumentsConfig()) == Ingested([], [])


def test_a_record_of_a_document_survives_json(tmp_path: Path) -> None:
    seen: list[ReadDocument] = []
    ingest(write(tmp_path, a=f"# 规则 \U0001f600\n\n{REGELN}"), DocumentsConfig(), on_document=lambda _, one: seen.append(one))
    assert ReadDocument.model_validate(json.loads(seen[0].model_dump_json())) == seen[0]


def test_guides_are_cut_along_their_headings() -> None:
    found = ingest(GUIDES, DocumentsConfig())
    assert len(found.documents) == sum(len(files) for _, _, files in os.walk(GUIDES))
    assert {info.reason for info in found.documents} <= {"", "unsupported", "near_duplicate", "too_short"}
    guides = [one for one in found.passages if one.span.document.endswith(".md")]
    assert sum(one.language == "en" for one in guides) > 0.9 * len(guides)
    assert sum(len(one.heading) > 0 for one in guides) > 0.9 * len(guides)


def test_artefacts_of_a_project_in_the_folder_are_not_documents(tmp_path: Path) -> None:
    (tmp_path / "shop" / "artifacts" / "reports").mkdir(parents=True)
    (tmp_path / "artifacts").mkdir()
    write(tmp_path / "shop" / "artifacts" / "reports", report=HOURS)
    write(tmp_path / "artifacts", mine=RULES)
    (tmp_path / "shop" / "domain.yaml").write_text("name: shop\n", encoding="utf-8")
    assert told(ingest(tmp_path, DocumentsConfig())) == {"artifacts/mine.md": "read", "shop/domain.yaml": "unsupported"}


def test_files_skipped_for_the_same_reason_are_named_together(tmp_path: Path) -> None:
    for name in ("a.json", "b.json", "c.json", "d.json", "e.doc"):
        (tmp_path / name).write_bytes(b"x")
    groups = group_skipped(ingest(tmp_path, DocumentsConfig()).documents)
    assert [(names, info.detail.partition(";")[0]) for names, info in groups] == [
        ("a.json, b.json, c.json and 1 more", ".json files are not read"),
        ("e.doc", ".doc files are not read"),
    ]
