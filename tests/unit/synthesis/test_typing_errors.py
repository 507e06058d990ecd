"""Typing errors that are planted by rule."""

import json
import re
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.records import Language
from anytasktune.schema import Domain, Example, Task
from anytasktune.scorers import broken_rules
from anytasktune.settings import SynthesisConfig
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.synthesis import augment
from anytasktune.synthesis.seeded_choice import Chance
from anytasktune.synthesis.typing_errors import mistype

PACKS = Path(__file__).resolve().parents[3] / "src" / "anytasktune" / "packs"
ENGLISH = st.lists(
    st.sampled_from(
        [
            "the",
            "landlord",
            "kept",
            "my",
            "deposit",
            "of",
            "£450",
            "and",
            "i",
            "did",
            "not",
            "sign,",
            "nobody",
            "told",
            "me!",
            "see",
            "a@b.org",
        ]
    ),
    min_size=8,
)
CHINESE = st.text(alphabet="的地得在已经应该，。我们房东押金3200元不没有合同，检查申请账户", min_size=8, max_size=80)
TEXTS = st.one_of(
    ENGLISH.map(lambda words: ("en", " ".join(words))),
    CHINESE.map(lambda text: ("zh", text)),
)


def typed(text: str, language: Language = "en", kept: list[str] | None = None, seed: int = 0, **options: bool) -> str | None:
    return mistype(text, language, kept or [], Chance(seed, text), **options)


@given(TEXTS, st.integers(0, 50))
@settings(max_examples=150, deadline=None)
def test_numbers_and_addresses_stay_and_the_same_seed_gives_the_same_errors(spoken: tuple[Language, str], seed: int) -> None:
    language, text = spoken
    after = typed(text, language, seed=seed)
    assert after == typed(text, language, seed=seed)
    if after is not None:
        assert after != text
        assert re.findall(r"[£\d]+", after) == re.findall(r"[£\d]+", text)
        assert after.count("a@b.org") == text.count("a@b.org")
        assert len(re.findall(r"\bnot\b|[不没]", after)) == len(re.findall(r"\bnot\b|[不没]", text))


@given(TEXTS, st.integers(0, 50))
@settings(max_examples=150, deadline=None)
def test_only_a_small_share_of_a_text_is_changed(spoken: tuple[Language, str], seed: int) -> None:
    language, text = spoken
    after = typed(text, language, seed=seed)
    if after is not None:
        same = sum(block.size for block in SequenceMatcher(None, text, after, autojunk=False).get_matching_blocks())
        edits = max(1, 0.12 * len(text.split())) if language == "en" else max(1, 0.05 * len(text))
        assert len(text) - same <= 3 * edits


@given(st.data(), st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_what_is_to_be_kept_stays_wherever_it_stands(data: st.DataObject, seed: int) -> None:
    words = ["please", "return", "the", "deposit", "quickly", "because", "the", "tenancy", "agreement", "ended", "yesterday"]
    kept = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=4, unique=True))
    text = " ".join(data.draw(st.permutations(words))) + ", " + " ".join(words) + "."
    after = typed(text, kept=[word.upper() for word in kept], seed=seed)
    assert after is not None
    for word in kept:
        assert after.count(word) == text.count(word)


def test_a_kept_phrase_may_be_broken_over_lines_in_the_text() -> None:
    text = "they broke the fixed term\ntenancy"
    for seed in range(30):
        after = typed(text, kept=["fixed term tenancy", "broke", "they"], seed=seed)
        assert after is None or "fixed term\ntenancy" in after


def test_errors_are_of_the_kinds_people_make() -> None:
    text = "yesterday morning somebody knocked loudly, then everything suddenly became quiet. nothing happened afterwards?"
    text = f"{text} {text} {text}"
    seen = {typed(text, seed=seed) for seed in range(300)}
    words = {word for after in seen if after for word in re.findall(r"[a-z]+", after)} - set(re.findall(r"[a-z]+", text))
    lengths = {len(word) - len("everything") for word in words if word.startswith("ever") and word.endswith("g")}
    assert lengths == {-1, 0, 1}
    assert any("loudly then" in (after or "") for after in seen)


@pytest.mark.parametrize("word", ["地方", "目的", "获得", "土地", "工作"])
def test_characters_that_are_a_part_of_a_word_are_not_confused(word: str) -> None:
    for seed in range(20):
        after = typed(f"老张{word}老王{word}小李{word}", "zh", seed=seed)
        assert after is None or not re.search("[的得]方|目[地得]|获[的地]|土[的得]|工做", after)


def test_chinese_errors_confuse_what_sounds_or_looks_alike() -> None:
    text = "我们已经申请退款，应该是上周的事情，现在还没有收到。请问怎么处理？我们慢慢的等了很久。" * 2
    seen = {after for seed in range(400) if (after := typed(text, "zh", seed=seed))}
    for wrong in ("己经", "因该", "我门", "慢慢地", "申请退款 应该"):
        assert any(wrong in after for after in seen), wrong


def test_only_values_of_a_json_input_are_touched_and_it_stays_json() -> None:
    text = json.dumps(
        {"parties": ["the landlord", "somebody"], "sentence": 'everything must be returned, "soon" please', "n": 3}
    )
    for seed in range(40):
        after = typed(text, seed=seed, is_json=True)
        if after is not None:
            assert list(json.loads(after)) == ["parties", "sentence", "n"]
            assert json.loads(after)["n"] == 3


def test_a_text_without_a_place_for_an_error_gives_none() -> None:
    assert typed("12:30 GMT") is None
    assert typed("好", "zh") is None


@pytest.mark.parametrize("pack", ["law", "healthcare"])
def test_rows_of_the_packs_keep_their_answers_valid(pack: str) -> None:
    domain = parse_record(Domain, (PACKS / pack / "domain.yaml").read_text(encoding="utf-8"), "domain.yaml")
    for task in domain.tasks:
        rows = read_rows(PACKS / pack / "data" / task.name / "train.jsonl")
        made = augment(None, task, rows, SynthesisConfig(augmentations=["typos"], augmented_share=2))
        assert made.planned == 2 * len(rows)
        # what an answer copies stands fast, and in a short input little else may be there
        assert len(made.candidates) > (0.65 if task.rules.copies_from_input else 0.95) * made.planned
        sources = {row.id: row for row in rows}
        for candidate in made.candidates:
            row = sources[candidate.origin.parents[0]]
            assert candidate.output == row.output
            assert candidate.source == (row.source or row.id)
            assert broken_rules(task, candidate.input, candidate.output, candidate.language) == broken_in(task, row)


def broken_in(task: Task, row: Example) -> list[str]:
    return broken_rules(task, row.input, row.output, row.language)


def read_rows(path: Path) -> list[Example]:
    return [Example.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


@given(TEXTS, st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_more_than_punctuation_is_wrong(spoken: tuple[Language, str], seed: int) -> None:
    language, text = spoken
    after = typed(text, language, seed=seed)
    if after is not None:
        assert re.sub(r"[\W_]", "", after) != re.sub(r"[\W_]", "", text)
