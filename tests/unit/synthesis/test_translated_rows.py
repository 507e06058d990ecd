"""Rows in the other language, checked by translating back and by answering anew."""

import json
from pathlib import Path

import pytest
from tests.unit.synthesis.augmentation_play import (
    CALL,
    CALL_ZH,
    FACTS,
    NOTE,
    REWORDED,
    URGENCY,
    Play,
    config_of,
    made_by,
    reasons,
    row,
)

from anytasktune.schema import Task


def test_a_row_is_translated_with_its_label_by_position_and_checked_by_translating_back(tmp_path: Path) -> None:
    play = Play(lambda _, prompt: CALL_ZH if "译成中文" in prompt else CALL, lambda _: "今天就诊")
    (candidate,) = made_by(play, URGENCY, [row()], config_of("translate"), tmp_path).candidates
    assert (candidate.input, candidate.output, candidate.language, candidate.source) == (CALL_ZH, "今天就诊", "zh", "call-1")
    assert [name.partition("@")[0] for name in candidate.origin.prompts] == ["translate.zh", "back.en", "answer.zh"]


@pytest.mark.parametrize(
    ("forth", "back", "answer", "reason"),
    [
        (CALL_ZH, "A parrot was seen in the garden at 7 yesterday.", "今天就诊", "back_check"),
        (CALL_ZH, CALL.replace("7", "9"), "今天就诊", "back_check"),
        (CALL_ZH, CALL, "下周就诊", "answer_changed"),
        (REWORDED, CALL, "今天就诊", "wrong_language"),
        ("我从早上开始胸口疼得厉害，还一直出汗，怎么办？", CALL, "今天就诊", "lost_facts"),
    ],
)
def test_a_bad_translation_fails_with_its_reason(forth: str, back: str, answer: str, reason: str, tmp_path: Path) -> None:
    play = Play(lambda _, prompt: forth if "译成中文" in prompt else back, lambda _: answer)
    assert reasons(made_by(play, URGENCY, [row()], config_of("translate"), tmp_path)) == [reason]


def test_translated_copies_must_stand_in_the_translation(tmp_path: Path) -> None:
    text, pieces = "我左膝隐隐作痛，脚踝也肿了好几天。", ["a dull ache in my left knee", "a swollen ankle"]
    forth = "I have a dull ache in my left knee and a swollen ankle, and that for days."
    known = row(text, "左膝隐隐作痛; 脚踝也肿了", "zh")
    good = Play(lambda _, prompt: forth if "into English" in prompt else text, lambda _: pieces, lambda _: pieces)
    (candidate,) = made_by(good, FACTS, [known], config_of("translate"), tmp_path / "good").candidates
    assert candidate.output == "a dull ache in my left knee; a swollen ankle"
    bad = Play(
        lambda _, prompt: forth if "into English" in prompt else text, lambda _: pieces, lambda _: ["knee pain", "ankle"]
    )
    assert reasons(made_by(bad, FACTS, [known], config_of("translate"), tmp_path / "bad")) == ["lost_facts"]


def test_fixed_words_of_a_json_answer_are_translated_by_their_place_and_free_text_by_the_teacher(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {
            "urgency": {"enum": ["urgent", "routine", "急", "缓"]},
            "advice": {"type": "string"},
            "code": {"type": "string"},
        },
    }
    task = URGENCY.model_copy(
        update={"output": Task.model_validate({**NOTE.model_dump(), "output": {"kind": "json", "json_schema": schema}}).output}
    )
    known = row(output='{"urgency": "urgent", "advice": "Call for help now.", "code": "B12"}')
    wanted = {"urgency": "急", "advice": "请立即求助。", "code": "B12"}
    play = Play(
        lambda _, prompt: CALL_ZH if "译成中文" in prompt else CALL, lambda _: wanted, lambda _: ["请立即求助。", "B12"]
    )
    (candidate,) = made_by(play, task, [known], config_of("translate"), tmp_path).candidates
    assert json.loads(candidate.output) == wanted
