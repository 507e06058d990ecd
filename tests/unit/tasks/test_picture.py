"""The pool as a picture."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.tasks.pools import task

from anytasktune.packs import pack_files, pack_names
from anytasktune.schema import Domain
from anytasktune.settings.yaml_reading import parse_record
from anytasktune.tasks import draw_mermaid, draw_svg
from anytasktune.tasks.picture import lanes, text_width, wrapped

SVG = "{http://www.w3.org/2000/svg}"


def domain(**changes: object) -> Domain:
    tasks = [
        task(),
        task(name="reply", title={"en": 'Reply "kindly" <now> & well', "zh": "回复"}, input_from="mood"),
        task(name="survey"),
    ]
    fields = {
        "name": "shop",
        "actions": [{"name": "answer", "steps": ["mood", "reply"]}],
        "tasks": [t.model_dump() for t in tasks],
    }
    return Domain.model_validate(fields | changes)


def said(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_every_action_and_task_is_in_the_picture() -> None:
    texts = said(draw_svg(domain()))
    assert {"shop", "answer", "Other tasks", "mood", "reply", "survey", "Mood"} <= set(texts)
    assert {"情绪", "回复", "其他任务"} <= set(said(draw_svg(domain(), "zh")))


def test_a_hand_over_is_a_solid_arrow_and_mere_order_a_dotted_one() -> None:
    assert 'answer__mood -->|"the mood"| answer__reply' in draw_mermaid(domain())
    loose = domain(actions=[{"name": "answer", "steps": ["survey", "mood", "reply"]}])
    assert "answer__survey -.-> answer__mood" in draw_mermaid(loose)
    assert "other_tasks" not in draw_mermaid(loose)


def test_signs_in_titles_do_no_harm() -> None:
    ET.fromstring(draw_svg(domain()))
    assert "Reply #quot;kindly#quot; #lt;now#gt; #amp; well" in draw_mermaid(domain())


def test_tasks_in_no_action_come_last() -> None:
    assert [lane.name for lane in lanes(domain(), "en")] == ["answer", "other_tasks"]


@pytest.mark.parametrize("pack", [name for name in pack_names() if "CARD.md" in pack_files(name) or name == "demo"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_of_a_pack_runs_out_of_the_picture(pack: str, language: str) -> None:
    pool = parse_record(Domain, pack_files(pack)["domain.yaml"].decode("utf-8"), "domain.yaml")
    svg = ET.fromstring(draw_svg(pool, "zh" if language == "zh" else "en"))
    for text in svg.iter(f"{SVG}text"):
        right = float(text.get("x", 0)) + text_width(text.text or "", float(text.get("font-size", 0))) * 0.9
        assert right <= float(svg.get("width", 0)), text.text


@given(st.text(max_size=80), st.integers(1, 3))
def test_wrapped_lines_fit(text: str, most: int) -> None:
    lines = wrapped(text, 120, 14, most)
    assert len(lines) <= most
    assert all(text_width(line, 14) <= 120 or len(line.split()) == 1 for line in lines[:-1])
