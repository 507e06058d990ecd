"""The names of systems."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from anytasktune.settings import OWN_SYSTEMS, TASK_LMS, System
from anytasktune.settings.systems import general_model, general_system, in_report_order, is_shown_examples

NAMES = st.from_regex(r"\A[^\s]([^\n\r]{0,80})\Z")


@given(NAMES, st.booleans())
def test_a_general_model_is_told_from_its_system_and_is_no_own_one(name: str, few_shot: bool) -> None:
    system = TypeAdapter(System).validate_python(general_system(name, few_shot=few_shot))
    assert general_model(system) == name
    assert is_shown_examples(system) == few_shot
    assert system not in OWN_SYSTEMS


@pytest.mark.parametrize("wrong", ["", "tunded", "general:", "general: ", "general", "with:x", "general:a\nb"])
def test_other_names_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(System).validate_python(wrong)


def test_general_models_stand_between_the_base_and_the_task_lms() -> None:
    big = [general_system("big", few_shot=False), general_system("big", few_shot=True)]
    own = [system for system in OWN_SYSTEMS if system not in TASK_LMS]
    for chosen in permutations(["tuned", *big, "few_shot", "constant"]):
        assert sorted(chosen, key=in_report_order) == ["constant", "few_shot", *big, "tuned"]
    assert sorted([*TASK_LMS, *big, *own], key=in_report_order) == [*own, *big, *TASK_LMS]
