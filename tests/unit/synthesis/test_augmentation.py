"""Augmentations made by a teacher over HTTP, and verified."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from tests.unit.synthesis.augmentation_play import (
    CALL,
    FACTS,
    GRADE,
    NOTE,
    REWORDED,
    URGENCY,
    Play,
    config_of,
    made_by,
    opened,
    properties_of,
    reasons,
    row,
    teacher,
)

from anytasktune.settings import Augmentation, SynthesisConfig
from anytasktune.synthesis import augment

PRESERVING: tuple[Augmentation, ...] = ("paraphrase", "restructure", "expand", "simplify", "register")


def test_a_rewrite_whose_answer_stays_the_same_becomes_a_candidate_with_its_origin(tmp_path: Path) -> None:
    made = made_by(Play(lambda *_: REWORDED, lambda _: "today please"), URGENCY, [row()], config_of("paraphrase"), tmp_path)
    (candidate,) = made.candidates
    assert (candidate.input, candidate.output, candidate.language, candidate.source) == (
        REWORDED,
        "today please",
        "en",
        "call-1",
    )
    assert (candidate.origin.kind, candidate.origin.teacher) == ("paraphrase", "big-model")
    assert candidate.origin.parents == (row().id,)
    assert [name.partition("@")[0] for name in candidate.origin.prompts] == ["paraphrase.en", "answer.en"]
    assert made.planned == 1


def test_the_old_answer_is_not_shown_when_the_new_input_is_answered(tmp_path: Path) -> None:
    rows = [row(), row("I would like an appointment for my flu jab some time, no hurry at all.", "next week", source="call-2")]
    config = SynthesisConfig(augmentations=["paraphrase"], augmented_share=1, shots=4)
    with teacher(Play(lambda *_: REWORDED, lambda _: "today please"), tmp_path) as (asker, served):
        augment(asker, URGENCY, rows, config)
    asked = [body["messages"] for body in served.bodies if "answer" in properties_of(body)]
    for messages in asked:
        shown = [message["content"] for message in messages]
        assert len(shown) == 3, "one row is shown: the one the input was not made from"
        assert sum("today please" in said for said in shown if said.startswith("{")) <= 1
    of_chest = next(messages for messages in asked if "flu jab" in str(messages))
    assert CALL not in str(of_chest)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (CALL.replace("My", "my") + "!", "unchanged"),
        (f"{REWORDED} Every fact, name, number, date, amount and denial stays, and nothing is added.", "unusable_answer"),
        ("今天早上7点起我胸口一直很疼，还在出汗，该怎么办？", "wrong_language"),
        ("There is an awful ache behind my ribs and sweat pours off me. How do I deal with that?", "lost_facts"),
    ],
)
def test_a_bad_paraphrase_fails_with_its_reason(written: str, reason: str, tmp_path: Path) -> None:
    play = Play(lambda *_: written, lambda _: "today please")
    made = made_by(play, URGENCY, [row()], config_of("paraphrase"), tmp_path)
    assert (made.candidates, reasons(made)) == ([], [reason])


@pytest.mark.parametrize("way", PRESERVING)
def test_a_rewrite_that_gets_another_answer_fails(way: Augmentation, tmp_path: Path) -> None:
    texts = {"expand": REWORDED * 2, "simplify": "Chest hurts since 7, sweating, what now?"}
    play = Play(lambda *_: texts.get(way, REWORDED), lambda _: "next week")
    made = made_by(play, URGENCY, [row()], config_of(way), tmp_path)
    assert reasons(made) == ["answer_changed"]
    assert "today please became next week" in made.failed[0].detail


def test_numbers_may_be_written_in_another_way(tmp_path: Path) -> None:
    play = Play(lambda *_: REWORDED.replace("7", "seven"), lambda _: "today please")
    assert len(made_by(play, URGENCY, [row()], config_of("paraphrase"), tmp_path).candidates) == 1


def test_what_the_answer_copies_must_still_stand_in_the_rewrite(tmp_path: Path) -> None:
    text = "I have had a dull ache in my left knee and a swollen ankle for days."
    known = row(text, "dull ache in my left knee; swollen ankle")
    bad = Play(lambda *_: "For days now my knee has been aching and one ankle is thick.", lambda _: ["knee", "ankle"])
    assert reasons(made_by(bad, FACTS, [known], config_of("paraphrase"), tmp_path / "bad")) == ["lost_facts"]
    kept = "It has been days now: a dull ache in my left knee, and then there is this swollen ankle."
    good = Play(lambda *_: kept, lambda _: ["dull ache in my left knee", "swollen ankle"])
    (candidate,) = made_by(good, FACTS, [known], config_of("paraphrase"), tmp_path / "good").candidates
    assert candidate.output == known.output


def test_an_expansion_must_be_longer_and_a_simplification_shorter(tmp_path: Path) -> None:
    play = Play(lambda *_: "Chest hurts badly since 7 this morning.", lambda _: "today please")
    made = made_by(play, URGENCY, [row()], config_of("expand", "simplify", share=2), tmp_path)
    assert Counter(reasons(made)) == {"wrong_length": 1}
    assert [candidate.origin.kind for candidate in made.candidates] == ["simplify"]


def test_an_expansion_must_not_name_the_answer(tmp_path: Path) -> None:
    play = Play(
        lambda text, _: f"{text} I must be seen today please, I was told by everyone who heard of it.", lambda _: "today please"
    )
    assert reasons(made_by(play, URGENCY, [row()], config_of("expand"), tmp_path)) == ["names_answer"]


def test_answers_in_free_words_may_differ_if_the_teacher_says_the_same_to_the_old_input(tmp_path: Path) -> None:
    known = row(output="Chest pain with sweating since the morning, call back at once and send help.")
    own = "Chest pain: patient sweats, urgent. Tell them to ring the emergency line."
    play = Play(lambda *_: REWORDED, lambda _: own)
    (candidate,) = made_by(play, NOTE, [known], config_of("paraphrase"), tmp_path / "same").candidates
    assert candidate.output == known.output
    changing = Play(lambda *_: REWORDED, lambda text: own if text == CALL else "A broken toe after football, rest.")
    assert reasons(made_by(changing, NOTE, [known], config_of("paraphrase"), tmp_path / "other")) == ["answer_changed"]
    useless = Play(lambda *_: REWORDED, lambda _: "Yes.")
    assert reasons(made_by(useless, NOTE, [known], config_of("paraphrase"), tmp_path / "useless")) == ["answer_changed"]


def test_numbers_may_be_a_little_apart(tmp_path: Path) -> None:
    for said, count in ((8, 1), (2, 0)):
        play = Play(lambda *_: REWORDED, lambda text, said=said: said if text != CALL else 8)  # type: ignore[misc]
        made = made_by(play, GRADE, [row(output="8")], config_of("paraphrase"), tmp_path / str(said))
        assert len(made.candidates) == count


COUNTER = CALL.replace("badly since 7 this morning and I am sweating", "a little for 7 years and it is no worse")


def test_a_counterfactual_needs_another_answer_than_the_row_it_was_made_from(tmp_path: Path) -> None:
    def answer(text: str) -> str:
        return "next week" if "no worse" in text else "today please"

    made = made_by(Play(lambda *_: COUNTER, answer), URGENCY, [row()], config_of("counterfactual"), tmp_path / "good")
    (candidate,) = made.candidates
    assert (candidate.input, candidate.output) == (COUNTER, "next week")
    same = made_by(
        Play(lambda *_: COUNTER, lambda _: "today please"), URGENCY, [row()], config_of("counterfactual"), tmp_path / "a"
    )
    assert reasons(same) == ["answer_unchanged"]
    unsure = made_by(
        Play(lambda *_: COUNTER, lambda _: "next week"), URGENCY, [row()], config_of("counterfactual"), tmp_path / "b"
    )
    assert reasons(unsure) == ["answer_unchanged"], "it says so to the old input as well"
    far = made_by(
        Play(lambda *_: "Quite another text about a parrot.", answer),
        URGENCY,
        [row()],
        config_of("counterfactual"),
        tmp_path / "c",
    )
    assert reasons(far) == ["too_different"]


def test_a_counterfactual_is_not_trusted_to_a_teacher_who_misjudges_the_row(tmp_path: Path) -> None:
    three = URGENCY.model_copy(
        update={"output": URGENCY.output.model_copy(update={"labels": ["today please", "next week", "never"]})}
    )
    play = Play(lambda *_: COUNTER, lambda text: "next week" if "no worse" in text else "never")
    assert reasons(made_by(play, three, [row()], config_of("counterfactual"), tmp_path)) == ["row_misjudged"]


def test_a_spoilt_text_gets_the_answer_that_is_right_for_it(tmp_path: Path) -> None:
    text = "I have had a dull ache in my left knee and a swollen ankle for days."
    spoilt = "I have had a dull ache in my left knee for days, and my neighbour has the gout."
    play = Play(lambda *_: spoilt, lambda _: ["dull ache in my left knee"])
    made = made_by(play, FACTS, [row(text, "dull ache in my left knee; swollen ankle")], config_of("noisy_input"), tmp_path)
    (candidate,) = made.candidates
    assert (candidate.input, candidate.output) == (spoilt, "dull ache in my left knee")


def test_what_cannot_be_done_is_left_out_with_a_reason_and_the_rest_gets_its_share(tmp_path: Path) -> None:
    rows = [row(f"{CALL} Number {number}.") for number in range(4)]
    made = made_by(
        Play(lambda *_: REWORDED, lambda _: "today please"), URGENCY, rows, config_of("typos", "noisy_input"), tmp_path
    )
    assert made.left_out == {"noisy_input": "closed_answers"}
    assert (made.planned, Counter(one.origin.kind for one in made.candidates)) == (4, {"typos": 4})
    alone = augment(None, NOTE, [row(output="a note")], config_of("typos", "translate", "paraphrase"))
    assert alone.left_out == {"translate": "no_teacher", "paraphrase": "no_teacher"}
    only_english = made_by(
        Play(lambda *_: "x", lambda _: "y"), NOTE, [row(output="a note")], config_of("translate"), tmp_path / "en"
    )
    assert (only_english.left_out, only_english.planned) == ({"translate": "one_language"}, 0)


def test_rows_and_augmentations_share_the_work_evenly_and_by_the_seed_alone(tmp_path: Path) -> None:
    rows = [row(f"{CALL} I am caller number {number} of this day.", source=None) for number in range(20)]
    config = config_of("typos", "paraphrase", "register", share=1.5)
    play = Play(lambda *_: REWORDED, lambda _: "next week")
    made = made_by(play, URGENCY, rows, config, tmp_path / "a")
    origins = [one.origin for one in made.candidates] + [one.origin for one in made.failed]
    assert Counter(origin.kind for origin in origins) == {"typos": 10, "paraphrase": 10, "register": 10}
    assert set(Counter(origin.parents[0] for origin in origins).values()) == {1, 2}
    assert made == made_by(play, URGENCY, list(reversed(rows)), config, tmp_path / "b")
    other = made_by(play, URGENCY, rows, config.model_copy(update={"seed": 1}), tmp_path / "c")
    assert {one.origin.parents for one in other.candidates} != {one.origin.parents for one in made.candidates}


def test_progress_reaches_its_total_and_samples_must_agree(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    turns = iter(range(1000))
    play = Play(lambda *_: REWORDED, lambda _: ("today please", "next week")[next(turns) % 2])
    config = config_of("paraphrase", "typos", samples=4, least_agreement=0.9, share=2)
    with teacher(play, tmp_path) as (asker, _):
        made = augment(asker, URGENCY, [row()], config, lambda one: told.append((one.done, one.total)))
    assert reasons(made) == ["answers_disagree"]
    assert told[-1] == (3, 3)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_second_run_with_the_answers_kept_gives_the_same_and_asks_nothing(tmp_path: Path) -> None:
    rows = [row(f"{CALL} I am caller number {number} of this day.", source=None) for number in range(6)]
    chance = random.Random(3)
    play = Play(lambda text, _: f"{REWORDED} {text[-30:]}", lambda _: chance.choice(["today please", "next week"]))
    config = config_of("paraphrase", "counterfactual", "translate", share=3)
    with teacher(play, tmp_path) as (asker, served):
        first = augment(asker, URGENCY, rows, config)
        asked = len(served.bodies)
        again = augment(opened(served, tmp_path), URGENCY, rows, config)
    assert first == again
    assert len(served.bodies) == asked


def test_fields_of_an_input_and_the_values_they_refer_to_stay(tmp_path: Path) -> None:
    text = "Sentence: Acme bought Bolt Tools for 3 million last spring.\nEntity 1: Acme\nEntity 2: Bolt Tools"
    other = "Sentence: For 3 million, Bolt Tools went to Acme in the spring of last year.\nEntity 1: Acme\nEntity 2: Bolt Tools"
    task = URGENCY.model_copy(update={"output": URGENCY.output.model_copy(update={"labels": ["purchase", "none"]})})
    known = row(text, "purchase")
    kept = made_by(Play(lambda *_: other, lambda _: "purchase"), task, [known], config_of("paraphrase"), tmp_path / "a")
    assert [candidate.input for candidate in kept.candidates] == [other]
    lost = other.replace("Entity 2: Bolt Tools", "")
    play = Play(lambda *_: lost, lambda _: "purchase")
    assert reasons(made_by(play, task, [known], config_of("paraphrase"), tmp_path / "b")) == ["lost_form"]
    for seed in range(10):
        config = config_of("typos", seed=seed)
        for candidate in augment(None, task, [known], config).candidates:
            assert candidate.input.count("Bolt Tools") == 2


def test_an_input_that_is_json_keeps_its_keys(tmp_path: Path) -> None:
    text = json.dumps({"parties": ["the tenant"], "sentence": "The landlord wants the rent of May by Friday."})
    other = json.dumps({"parties": ["the tenant"], "sentence": "By Friday, says the landlord, the rent of May must be there."})
    task = URGENCY.model_copy(update={"output": URGENCY.output.model_copy(update={"labels": ["high", "low"]})})
    for written, expected in (
        (other, []),
        (other.replace("sentence", "phrase"), ["lost_form"]),
        ("Rent is due.", ["lost_form"]),
    ):
        play = Play(lambda *_, written=written: written, lambda _: "high")
        made = made_by(play, task, [row(text, "high")], config_of("paraphrase"), tmp_path / str(len(written)))
        assert reasons(made) == expected
