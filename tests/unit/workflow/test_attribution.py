"""The score of an action step by step: chains of reference answers, and the step at which a score is lost."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.action_project import write_actions

from anytasktune import Workspace
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.schema.wiring import WiredAction
from anytasktune.workflow.attribution import Attribution, attribute
from anytasktune.workflow.chains import AnswerAll, chains_of

ARTICLES = ("chair", "table", "lamp", "sofa")


def card(article: str, *wishes: str) -> str:
    return f'{{"article": "{article}", "wishes": [{", ".join(f"{chr(34)}{wish}{chr(34)}" for wish in wishes)}]}}'


ROWS = {
    "kind": [Example(input=f"The {one} is broken.", output="complaint") for one in ARTICLES],
    "card": [Example(input=f"The {one} is broken.", output=card(one)) for one in ARTICLES],
    "reply": [Example(input=card(one).replace(": ", ":"), output=f"Sorry about the {one}.") for one in ARTICLES],
}


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> WiredAction:
    return Workspace.open(write_actions(tmp_path_factory.mktemp("shop"))).action("inbox")


def answers(wrong_cards: Sequence[str] = (), wrong_replies: Sequence[str] = ()) -> AnswerAll:
    """Steps that are right except on some articles: there the card names a lamp, the reply is in other words."""

    def answer(step: str, asked: Sequence[tuple[str, Language | None]]) -> list[str | None]:
        found: list[str | None] = []
        for text, _ in asked:
            article = next(one for one in ARTICLES if one in text)
            if step == "card":
                found.append(card("lamp" if article in wrong_cards else article))
            elif step == "reply":
                found.append("Nothing." if article in wrong_replies else f"Sorry about the {article}.")
            else:
                found.append("complaint")
        return found

    return answer


def by_step(found: Attribution) -> dict[str, tuple[float, float, float | None]]:
    return {
        score.step: (
            score.reference_input.value,
            score.predicted_input.value,
            score.difference and round(score.difference.value, 6),
        )
        for score in found.steps
        if score.reference_input and score.predicted_input
    }


def test_rows_of_several_steps_are_a_chain_where_inputs_follow_from_outputs(inbox: WiredAction) -> None:
    chains = chains_of(inbox, ROWS)
    assert [list(chain.rows) for chain in chains] == [["kind", "card", "reply"]] * 4
    assert [chain.rows["reply"].output for chain in chains] == [f"Sorry about the {one}." for one in ARTICLES]
    apart = {**ROWS, "reply": [Example(input=card("desk"), output="Sorry.")]}
    assert [list(chain.rows) for chain in chains_of(inbox, apart)] == [["kind", "card"]] * 4


def test_right_answers_lose_nothing(inbox: WiredAction) -> None:
    found = attribute(inbox, ROWS, answers())
    assert by_step(found) == {"kind": (1, 1, None), "card": (1, 1, None), "reply": (1, 1, 0)}
    assert (found.chains, found.all_right, found.first_wrong, found.notes) == (4, 4, {"kind": 0, "card": 0}, [])


def test_what_is_lost_by_a_wrong_earlier_answer_is_told_from_what_the_step_loses_itself(inbox: WiredAction) -> None:
    early = attribute(inbox, ROWS, answers(wrong_cards=["chair"]))
    kind, cards, reply = early.steps
    assert by_step(early)["reply"][0] == 1
    assert reply.difference
    assert reply.difference.low <= reply.difference.value < 0
    assert reply.with_reference_of == {"card": 1}
    assert (early.first_wrong, early.all_right) == ({"kind": 0, "card": 1}, 3)
    assert cards.predicted_input == cards.reference_input
    late = attribute(inbox, ROWS, answers(wrong_replies=["chair"]))
    assert by_step(late)["reply"] == (0.75, 0.75, 0)
    assert (kind.test_rows, kind.chain_rows) == (4, 4)


def test_without_linked_rows_the_steps_are_scored_alone_and_the_gap_is_named(inbox: WiredAction) -> None:
    apart = {**ROWS, "reply": [Example(input=card("lamp", "a refund"), output="Sorry about the lamp.")]}
    found = attribute(inbox, apart, answers())
    reply = found.steps[-1]
    assert reply.test_score
    assert (reply.test_score.value, reply.chain_rows, reply.predicted_input, reply.difference) == (1, 0, None, None)
    assert found.chains == 0
    assert found.notes == [
        "reply: none of 1 test row has the reference output of a test row of card as its input, "
        "so what is lost between them is not known"
    ]


def test_an_answer_that_is_missing_is_unscored_and_not_zero(inbox: WiredAction) -> None:
    whole = answers()

    def answer(step: str, asked: Sequence[tuple[str, Language | None]]) -> list[str | None]:
        return [None if step == "card" and "sofa" in asked[place][0] else one for place, one in enumerate(whole(step, asked))]

    found = attribute(inbox, ROWS, answer)
    assert [(score.chain_rows, score.unscored) for score in found.steps] == [(4, 0), (3, 1), (3, 1)]
    assert by_step(found)["reply"] == (1, 1, 0)


def test_a_step_left_out_by_a_wrong_label_counts_as_wrong(tmp_path: Path) -> None:
    wired = Workspace.open(write_actions(tmp_path, "{card: {only_if: {kind: [complaint]}}}")).action("inbox")
    whole = answers()

    def answer(step: str, asked: Sequence[tuple[str, Language | None]]) -> list[str | None]:
        return ["praise"] * len(asked) if step == "kind" else whole(step, asked)

    found = attribute(wired, ROWS, answer)
    assert by_step(found)["card"] == (1, 0, -1)
    assert {score.step: score.with_reference_of for score in found.steps}["reply"] == {"kind": 1, "card": 1}
    assert found.first_wrong == {"kind": 4, "card": 0}


@given(st.sets(st.sampled_from(ARTICLES)), st.sets(st.sampled_from(ARTICLES)))
def test_chains_are_counted_once_each_and_replacing_all_earlier_steps_gives_the_reference_score(
    inbox: WiredAction, cards: set[str], replies: set[str]
) -> None:
    found = attribute(inbox, ROWS, answers(sorted(cards), sorted(replies)))
    assert sum(found.first_wrong.values()) + found.all_right == found.chains == 4
    reply = found.steps[-1]
    assert reply.reference_input
    assert reply.with_reference_of["card"] == pytest.approx(reply.reference_input.value)
