"""The card of a data set tells what was counted, in two languages, and shows no test row and no person."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.datasets.frozen_sets import TASK, frozen, rows
from tests.unit.datasets.test_dataset_writing import texts

from anytasktune.datasets.card import CardNotes, card_files, shown_examples
from anytasktune.datasets.dataset_facts import data_warnings, measure
from anytasktune.outputs import TextOutput
from anytasktune.schema import Agreement, Example, SplitName, Task

KAPPA = Agreement(raters=("ann", "bob"), items=40, kappa=0.71, low=0.5, high=0.86)
OWN: dict[SplitName, list[Example]] = {"train": rows(30), "dev": rows(4, 100), "test": rows(60, 200)}
MADE: dict[SplitName, list[Example]] = {"train": rows(20, 300, "zh")}


def test_counts_reasons_prompts_and_cost_stand_in_both_languages() -> None:
    files = card_files(
        TASK,
        frozen(OWN, MADE),
        CardNotes(("LICENSES/",), (KAPPA,)),
    )
    for name in ("CARD.md", "CARD.zh.md"):
        card = files[name]
        for said in ("| train | 50 | 30 | 20 | 30 | 20 |", "25", "`input.zh@0badcafe`", "0.0420 USD", "12,000", "`5ea1`"):
            assert said in card
        for said in ("near\\_duplicate | 3", "not\\_answered | 1", "`handbook.md`", "`LICENSES/`", "ann · bob", "0.71", "0.86"):
            assert said in card
    assert "25 planned = 20 kept + 4 dropped + 1 failed" in files["CARD.md"]
    assert "计划 25 条 = 保留 20 + 去掉 4 + 失败 1" in files["CARD.zh.md"]
    assert "Not for emergencies." in files["CARD.md"]


def test_a_card_without_stated_licences_says_so_and_one_of_own_rows_speaks_of_no_teacher() -> None:
    card = card_files(TASK, frozen(OWN))["CARD.md"]
    assert "not stated: check before you publish" in card
    assert "teacher:" not in card
    assert "Seal" not in card


def test_the_same_data_give_the_same_bytes() -> None:
    assert card_files(TASK, frozen(OWN, MADE)) == card_files(TASK, frozen(OWN, MADE))


def test_examples_are_train_rows_of_every_language_and_none_leads_to_a_person() -> None:
    persons = [
        row.model_copy(update={"input": f"{row.input} Call 13812345678 or write to jane.doe@example.com."}) for row in rows(40)
    ]
    data = frozen({"train": [*persons, *rows(5, 900)], "test": rows(60, 200)}, MADE)
    shown = shown_examples(TASK, data.splits["train"])
    assert [row.language for row in shown] == ["en"] * 3 + ["zh"] * 3
    card = card_files(TASK, data)["CARD.md"]
    assert "example.com" not in card and "13812345678" not in card
    assert not any(row.input in card for row in data.splits["test"])


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=1, max_size=4, unique=True), texts)
def test_no_text_breaks_out_of_its_block(found: list[str], instruction: str) -> None:
    task = Task(name="reply", instruction={"en": instruction}, output=TextOutput(kind="text"))
    splits: dict[SplitName, list[Example]] = {"train": [Example(input=text, output="```\n# heading") for text in found]}
    card = card_files(task, frozen(splits, task=task))["CARD.md"]
    outside = re.sub(r"^(`{3,})json\n.*?\n\1$", "", card, flags=re.M | re.S)
    headings = [line for line in outside.splitlines() if line.startswith("#")]
    assert "# heading" not in headings


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip), min_size=1, max_size=30))
def test_plots_are_sound_pictures_whatever_the_texts_are(found: list[str]) -> None:
    task = Task.model_validate(
        {"name": "t", "instruction": {"en": "x"}, "output": {"kind": "label", "labels": ['<a> & "b"', "另一个"]}}
    )
    data = frozen({"train": [Example(input=text + str(n), output='<a> & "b"') for n, text in enumerate(found)]}, task=task)
    files = card_files(task, data)
    for name in ("plots/labels.svg", "plots/lengths.svg"):
        assert ET.fromstring(files[name]).tag.endswith("svg")


def said(splits: dict[SplitName, list[Example]], made: dict[SplitName, list[Example]] | None = None) -> list[str]:
    data = frozen(splits, made)
    return [
        *data_warnings(TASK, data.manifest, measure(TASK, data)),
        *data_warnings(TASK, data.manifest, measure(TASK, data), "zh"),
    ]


def test_warnings_say_what_scores_on_the_data_are_worth() -> None:
    only_made = " ".join(said({"train": rows(30)}, {"test": rows(60, 200)}))
    assert "No test row was written by a person" in only_made
    assert "测试集中没有一条是人写的" in only_made
    assert "There are no test rows in Chinese" in only_made
    mixed = " ".join(said({"train": rows(30), "test": rows(10, 500)}, {"test": rows(60, 200)}))
    assert "60 of 70 test rows are generated; own rows: 10" in mixed
    assert "There are no test rows:" in " ".join(said({"train": rows(30)}))
    assert "only 10 test rows" in " ".join(said({"train": rows(30), "test": rows(10, 500)}))


def test_labels_that_are_missing_or_rare_in_train_are_named() -> None:
    few = [row for row in rows(60) if row.output == "housing"] + rows(2, 901)
    assert "Fewer than 5 train rows each have the answer work." in said({"train": few, "test": rows(60, 200)})
    none = [row for row in few if row.output == "housing"]
    assert "No train row has the answer work." in said({"train": none, "test": rows(60, 200)})


def test_there_is_nothing_to_say_against_a_sound_data_set() -> None:
    both = [*rows(60, 200), *rows(60, 400, "zh")]
    assert said({"train": [*rows(40), *rows(40, 600, "zh")], "test": both}) == []
