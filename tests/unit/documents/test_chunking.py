"""Documents are cut into passages at the best places."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.documents.chunking import chunk_document, measure, sentences
from anytasktune.documents.headings import markdown_headings
from anytasktune.schema.passages import Passage, ReadDocument
from anytasktune.settings import DocumentsConfig

ENGLISH = "Readers may borrow ten books at a time. Dr. Smith, e.g., may borrow 3.5 times as many! Is that fair?"
CHINESE = "读者每次可以借阅图书十册。逾期不还的，按照每册每天一角收取滞纳金；遗失的，照价赔偿。"
PIECES = st.sampled_from(
    [
        "# A",
        "## B",
        "### 第一章 总则",
        "第一条 ",
        "第二条 ",
        ENGLISH,
        CHINESE,
        "\n",
        "\n\n",
        "| a | b |",
        "| --- | --- |",
        "| 1 | 2 |\n",
        " ",
    ]
)
WORDS = st.text(alphabet="ab .。,，\n\u3000\u200b中文x1|#-", max_size=30)
TEXTS = st.lists(PIECES | WORDS, max_size=30).map("".join)


def markdown(text: str) -> ReadDocument:
    return ReadDocument(sha256="", format="markdown", text=text, headings=markdown_headings(text))


def chunked(text: str, **settings_: int) -> tuple[list[Passage], Counter[str]]:
    return chunk_document(markdown(text), "a.md", DocumentsConfig.model_validate(settings_))


@given(TEXTS, st.integers(100, 300), st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_a_passage_is_the_text_at_its_span_and_passages_do_not_overlap(text: str, length: int, shortest: int) -> None:
    passages, _ = chunked(text, passage_length=length, shortest_passage=shortest)
    for passage in passages:
        assert passage.text == text[passage.span.start : passage.span.end]
        assert passage.text == passage.text.strip()
        assert shortest <= measure(passage.text) <= length
    for one, two in pairwise(passages):
        assert one.span.end <= two.span.start


@given(TEXTS, st.integers(100, 300))
@settings(max_examples=100, deadline=None)
def test_with_no_shortest_passage_every_word_is_in_a_passage_or_a_heading(text: str, length: int) -> None:
    document = markdown(text)
    passages, dropped = chunked(text, passage_length=length, shortest_passage=0)
    covered = [False] * len(text)
    for start, end in [(one.span.start, one.span.end) for one in passages] + [(h.start, h.end) for h in document.headings]:
        covered[start:end] = [True] * (end - start)
    lost = [letter for letter, seen in zip(text, covered, strict=True) if letter.isalnum() and not seen]
    assert not lost or dropped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            ENGLISH,
            ["Readers may borrow ten books at a time.", "Dr. Smith, e.g., may borrow 3.5 times as many!", "Is that fair?"],
        ),
        (CHINESE, ["读者每次可以借阅图书十册。", "逾期不还的，按照每册每天一角收取滞纳金；", "遗失的，照价赔偿。"]),
        ("他说：“好。”然后走了。", ["他说：“好。”", "然后走了。"]),
        (
            "See Grantham v. Brown, 114 F.3d 1156 (Fed. Cir. 1997). It holds.",
            ["See Grantham v. Brown, 114 F.3d 1156 (Fed. Cir. 1997).", "It holds."],
        ),
    ],
)
def test_sentences_of_both_languages_are_found(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text, (0, len(text)))] == expected


def test_a_long_paragraph_is_cut_evenly_between_sentences() -> None:
    passages, _ = chunked((ENGLISH + " ") * 15, passage_length=1000)
    assert [passage.text.endswith("fair?") or passage.text[-1] in ".!" for passage in passages] == [True, True]
    first, second = (len(passage.text) for passage in passages)
    assert abs(first - second) < 150


def test_a_word_is_cut_only_when_it_is_longer_than_a_passage() -> None:
    passages, _ = chunked("word " * 100 + "x" * 250 + " end of it", passage_length=100, shortest_passage=0)
    assert sum(passage.text.count("x") for passage in passages) == 250
    assert all(word in {"word", "end", "of", "it"} or set(word) == {"x"} for p in passages for word in p.text.split())


def test_statutes_are_cut_between_articles_and_a_long_article_is_named_in_its_parts() -> None:
    article = "应当按照规定缴纳费用。" * 12
    text = f"# 某法\n\n## 第一章 总则\n\n第一条 {article}\n\n第二条 {article}\n\n第三条 {article}\n\n{article}\n\n{article}"
    passages, _ = chunked(text, passage_length=640)
    assert [passage.text[:3] for passage in passages] == ["第一条", "第三条", "应当按"]
    assert passages[0].heading == ("某法", "第一章 总则")
    assert passages[2].heading == ("某法", "第一章 总则", "第三条")


def test_a_long_table_is_cut_between_rows_and_its_header_is_repeated() -> None:
    rows = "".join(f"| {number} | {'x' * 20} |\n" for number in range(30))
    passages, _ = chunked(f"# Fees\n\n| kind | fee |\n| --- | --- |\n{rows}", passage_length=300)
    assert len(passages) == 3
    assert all(line.startswith("|") and line.endswith("|") for passage in passages for line in passage.text.split("\n"))
    assert [passage.heading for passage in passages] == [("Fees",), ("Fees", "| kind | fee |"), ("Fees", "| kind | fee |")]


def test_short_chunks_join_a_neighbour_under_the_heading_they_share() -> None:
    text = f"# Rules\n\n## Fees\n\nTwo euros.\n\n## Hours\n\n{ENGLISH}\n\n# Other\n\nLost.\n"
    passages, dropped = chunked(text)
    assert [(passage.heading, passage.text) for passage in passages] == [
        (("Rules",), f"## Fees\n\nTwo euros.\n\n## Hours\n\n{ENGLISH}")
    ]
    assert dropped == {"too_short": 1}


def test_a_table_of_contents_is_dropped() -> None:
    links = "".join(f"- [{number}. Chapter about something](#{number})\n" for number in range(8))
    passages, dropped = chunked(f"# Guide\n\n{links}\n## 1. Chapter\n\n{ENGLISH}\n")
    assert [passage.heading for passage in passages] == [("Guide", "1. Chapter")]
    assert dropped == {"contents": 1}


def test_a_wrapped_text_is_not_cut_at_its_line_ends() -> None:
    wrapped = (ENGLISH + " ").replace("at a time", "at\na time") * 12
    assert all(passage.text.startswith(("Readers", "Dr.", "Is")) for passage in chunked(wrapped, passage_length=400)[0])
