"""Linear models: fitted on rows, saved as arrays, and what they answer."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import LinearSVC

from anytasktune.baselines import LinearModel
from anytasktune.baselines.text_features import TextFeatures
from anytasktune.errors import DamagedError, EvaluationError
from anytasktune.outputs import LabelOutput, LabelsOutput, NumberOutput, Output, TextOutput
from anytasktune.schema import Example, Task
from anytasktune.scorers import item_statistics
from anytasktune.text.plain_text import normalise
from anytasktune.text.scripts import tokens

LABELS = ["rent", "deposit", "repair", "never seen"]
MESSAGES = {
    "rent": "the rent for {} is late",
    "deposit": "return my deposit of {} please",
    "repair": "the tap in room {} leaks",
}


def task_with(output: Output, **fields: object) -> Task:
    return Task.model_validate({"name": "topic", "instruction": {"en": "Do it."}, "output": output} | fields)


def topic_rows(count: int) -> list[Example]:
    names = [LABELS[number % 3] for number in range(count)]
    return [Example(input=MESSAGES[name].format(number), output=name) for number, name in enumerate(names)]


TOPIC = task_with(LabelOutput(kind="label", labels=LABELS), metric="macro_f1")


@pytest.fixture(scope="module")
def model() -> LinearModel:
    return LinearModel.fit(TOPIC, topic_rows(60))


def test_probabilities_are_over_the_labels_in_their_order_and_never_zero(model: LinearModel) -> None:
    logs = model.log_probabilities(["my deposit!", "a tap that leaks", "", "无"])
    assert logs.shape == (4, len(LABELS))
    assert np.allclose(np.exp(logs).sum(axis=1), 1)
    assert [LABELS[place] for place in logs[:2].argmax(axis=1)] == ["deposit", "repair"]
    assert np.isfinite(logs).all(), "a label without training rows is improbable, not impossible"
    answers = model.answer([Example(input="my deposit!", output="")])
    assert answers[0].output == "deposit"
    assert answers[0].probabilities == {label: round(float(np.exp(logs[0, place])), 6) for place, label in enumerate(LABELS)}


def test_the_map_is_that_of_scikit_learn(model: LinearModel) -> None:
    rows = topic_rows(60)
    vectors = TextFeatures.of([row.input for row in rows], 100_000).vectors([row.input for row in rows])
    theirs = LinearSVC(C=model.manifest.strength, class_weight="balanced", random_state=0)
    theirs.fit(vectors, [LABELS.index(row.output) for row in rows])
    new = [row.input for row in topic_rows(90)[60:]]
    ours = model.weights.values(model.features.vectors(new))[:, :3]
    assert ours == pytest.approx(theirs.decision_function(model.features.vectors(new)), abs=2e-3)


def test_a_saved_model_answers_the_same_without_scikit_learn_or_pickle(model: LinearModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    inputs = [row.input for row in topic_rows(9)]
    assert (LinearModel.load(tmp_path / "model").log_probabilities(inputs) == model.log_probabilities(inputs)).all()
    script = (
        "import sys; from pathlib import Path; from anytasktune.baselines import LinearModel\n"
        "LinearModel.load(Path(sys.argv[1])).log_probabilities(['rent'])\n"
        "assert not {'sklearn', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "model")], check=True)


def test_two_fits_give_the_same_arrays(model: LinearModel) -> None:
    again = LinearModel.fit(TOPIC, topic_rows(60))
    assert again.manifest.model_copy(update={"usage": model.manifest.usage}) == model.manifest


def test_changed_arrays_are_refused(model: LinearModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    arrays = tmp_path / "model" / "linear.safetensors"
    data = arrays.read_bytes()
    for damaged in (data[:-8] + b"changed!", data[:20], b""):
        arrays.write_bytes(damaged)
        with pytest.raises(DamagedError, match="does not match its checksum"):
            LinearModel.load(tmp_path / "model")
    (tmp_path / "model" / "SHA256SUMS").unlink()
    with pytest.raises(DamagedError, match="does not match the manifest"):
        LinearModel.load(tmp_path / "model")


def test_several_labels_keep_the_rules_and_the_separator_of_the_rows() -> None:
    output = LabelsOutput(kind="labels", labels=LABELS[:3], separator="；")
    task = task_with(output, rules={"max_items": 2})
    pairs = [(one, two) for one in LABELS[:3] for two in LABELS[:3] if LABELS.index(one) <= LABELS.index(two)]
    rows = [
        Example(input=f"{MESSAGES[one].format(n)}. {MESSAGES[two].format(n)}", output="；".join(dict.fromkeys((one, two))))
        for n in range(12)
        for one, two in pairs
    ]
    model = LinearModel.fit(task, rows)
    answers = [answer.output for answer in model.answer(rows)]
    assert item_statistics(task, [row.output for row in rows], answers).value() > 0.95
    everything = model.answer([Example(input=". ".join(MESSAGES.values()), output="")])[0].output
    assert len(everything.split("；")) == 2
    assert (model.log_probabilities(["rent"]) <= 0).all()


def test_numbers_are_in_range_and_written_as_the_rows_are() -> None:
    task = task_with(NumberOutput(kind="number", minimum=1, maximum=5, decimals=1))
    words = ["awful", "poor", "fair", "good", "superb"]
    rows = [Example(input=f"{words[n % 5]} service {n}", output=f"{n % 5 + 1}.0") for n in range(100)]
    model = LinearModel.fit(task, rows)
    answers = [answer.output for answer in model.answer([*rows, Example(input="superb superb superb", output="")])]
    assert all(1 <= float(answer) <= 5 and len(answer) == 3 for answer in answers)
    assert item_statistics(task, [row.output for row in rows], answers[:-1]).value() < 0.5
    with pytest.raises(ValueError, match="no labels"):
        model.log_probabilities(["fair"])


def test_a_label_of_either_language_is_learned_from_both() -> None:
    output = LabelOutput(kind="label", labels={"en": ["rent", "repair"], "zh": ["租金", "维修"]})
    task = task_with(output, instruction={"en": "Choose.", "zh": "选择。"})
    english = [Example(input=f"the {word} A{n}", output=word, language="en") for n in range(9) for word in ("rent", "repair")]
    chinese = [Example(input=f"{word}甲{n}", output=word, language="zh") for n in range(9) for word in ("租金", "维修")]
    model = LinearModel.fit(task, english + chinese)
    asked = [Example(input="repair 租金", output="", language=language) for language in ("en", "zh")]
    first, second = model.answer(asked)
    assert (first.output, second.output) in {("rent", "租金"), ("repair", "维修")}
    assert {answer.output for answer in model.answer(chinese)} == {"租金", "维修"}


def test_free_text_and_no_rows_are_refused() -> None:
    with pytest.raises(EvaluationError, match="no linear model"):
        LinearModel.fit(task_with(TextOutput(kind="text")), topic_rows(6))
    with pytest.raises(EvaluationError, match="no rows"):
        LinearModel.fit(TOPIC, [])


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=30), st.sets(st.sampled_from(LABELS))), min_size=1, max_size=16))
def test_answers_fit_the_task_whatever_the_rows(drawn: list[tuple[str, set[str]]]) -> None:
    labelled = [Example(input=text, output=min(names, default="rent")) for text, names in drawn]
    several = [Example(input=text, output="; ".join(sorted(names))) for text, names in drawn]
    numbered = [Example(input=text, output=str(len(names))) for text, names in drawn]
    tasks = [
        (TOPIC, labelled),
        (task_with(LabelsOutput(kind="labels", labels=LABELS)), several),
        (task_with(NumberOutput(kind="number", minimum=0, maximum=4)), numbered),
    ]
    for task, rows in tasks:
        for row, answer in zip(rows, LinearModel.fit(task, rows).answer(rows), strict=True):
            assert not task.violations(row.input, answer.output)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_every_n_gram_that_crosses_no_space_counts_once(text: str) -> None:
    padded, words = f" {normalise(text)} ", tokens(normalise(text))
    grams = {padded[start : start + length] for length in range(1, 4) for start in range(len(padded) - length + 1)}
    kept = {gram for gram in grams if gram.strip() and " " not in gram[1:-1]}
    pairs = {tuple(words[start : start + length]) for length in (1, 2) for start in range(len(words) - length + 1)}
    features = TextFeatures.of([text, text], 1_000_000)
    assert len(features.characters.grams) == len(kept) + 1, "and the one that stands for none"
    assert len(features.words.grams) == len(pairs) + 1
