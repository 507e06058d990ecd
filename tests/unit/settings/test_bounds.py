"""Settings, names and YAML files have bounds, and the message names them."""

import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from anytasktune.errors import ConfigError
from anytasktune.outputs import Rules
from anytasktune.records import Name
from anytasktune.settings import Settings
from anytasktune.settings.overrides import SECTIONS, apply_overrides, parse_settings
from anytasktune.settings.yaml_reading import LARGEST_FILE, MOST_LEVELS, MOST_VALUES


@pytest.mark.parametrize("section", ["train", "split", "eval", "synthesis"])
@pytest.mark.parametrize("seed", [-1, 2**63, 10**400])
def test_a_seed_that_no_generator_takes_is_refused(section: str, seed: int) -> None:
    with pytest.raises(ConfigError, match=r"9223372036854775807|greater than or equal to 0|digits"):
        apply_overrides(Settings(), [f"{section}.seed={seed}"])
    assert apply_overrides(Settings(), [f"{section}.seed={2**63 - 1}"])


def test_every_number_among_the_settings_has_an_upper_bound() -> None:
    for section, record in SECTIONS.items():
        for name, field in record.model_fields.items():
            kinds = {field.annotation, *get_args(field.annotation)}
            if kinds & {int, float} and not any(isinstance(kind, type) and kind is bool for kind in kinds):
                with pytest.raises(ConfigError, match=f"{section}.{name}"):
                    apply_overrides(Settings(), [f"{section}.{name}={10**300}"])


@pytest.mark.parametrize("text", ["9" * 400, "9" * 5000, "1e999", ".nan", "[[[", "\udcff", '"\\ud800"', "[" * 1000, "&a [*a]"])
@pytest.mark.parametrize("setting", ["train.seed", "train.rank", "eval.systems", "teacher.max_cost"])
def test_odd_values_of_overrides_are_named(setting: str, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        apply_overrides(Settings(), [f"{setting}={text}"])
    assert all(setting in problem.where for problem in refused.value.problems)


def test_a_model_name_with_half_a_character_is_refused() -> None:
    with pytest.raises(ConfigError, match="half a character"):
        apply_overrides(Settings(), ["train.model=models/\udcff"])


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, str(MOST_VALUES)),
        ("train: " + "[" * 200 + "]" * 200, str(MOST_LEVELS)),
        ("train: " + "{a: " * 5000 + "1" + "}" * 5000, str(MOST_LEVELS)),
        ("train: &a {b: *a}", "train"),
        ("train: {seed: " + "9" * 400 + "}", "400 digits"),
        ("train: {seed: " + "9" * 5000 + "}", "4300 digits"),
        ('train: {model: "\\ud800"}', "half a character"),
        ("# " + "x" * LARGEST_FILE, str(LARGEST_FILE)),
    ],
)
def test_yaml_that_grows_without_end_is_refused_with_the_bound(text: str, says: str) -> None:
    begin = time.thread_time()
    with pytest.raises(ConfigError, match=says) as refused:
        parse_settings(text, "settings.yaml")
    assert refused.value.problems[0].where.startswith("settings.yaml")
    assert time.thread_time() - begin < 10


@pytest.mark.parametrize("name", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_names_of_windows_devices_are_no_names(name: str) -> None:
    with pytest.raises(ValidationError, match="device on Windows"):
        TypeAdapter(Name).validate_python(name)
    assert TypeAdapter(Name).validate_python(f"{name}_text")


@pytest.mark.parametrize("field", ["min_items", "max_items", "max_length"])
def test_limits_of_rules_have_limits(field: str) -> None:
    with pytest.raises(ValidationError, match="less than or equal"):
        Rules.model_validate({field: 10**300})


@given(st.text(max_size=40) | st.text(alphabet="[]{}&*:-! |>'\"\n\ta1#%?,", max_size=40))
@hypothesis_settings(deadline=None)
def test_any_text_is_settings_or_a_problem_at_a_line_of_the_file(text: str) -> None:
    try:
        parse_settings(text, "settings.yaml")
    except ConfigError as error:
        assert all(problem.where.startswith("settings.yaml") for problem in error.problems)
