"""settings.yaml and -c: one value for one fact, and the right key for a wrong one."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.errors import ConfigError, Problem
from anytasktune.settings import EvalConfig, Settings, SplitConfig, TrainConfig
from anytasktune.settings.overrides import SECTIONS, apply_overrides, nearest_setting, parse_settings


def changed(*assignments: str) -> Settings:
    return apply_overrides(Settings(), assignments)


def fault(*assignments: str) -> Problem:
    """The one problem with these overrides."""
    with pytest.raises(ConfigError) as caught:
        changed(*assignments)
    (problem,) = caught.value.problems
    return problem


def test_every_section_is_read_from_the_file_and_what_is_left_out_has_its_default() -> None:
    text = "train: {epochs: 5, rank: 4}\nsplit: {test: 0.3}\neval: {shots: 2}\ngates: {near_duplicate: 0.9}\n"
    settings = parse_settings(text, "settings.yaml")
    assert settings.train == TrainConfig(epochs=5, rank=4)
    assert (settings.split, settings.eval) == (SplitConfig(test=0.3), EvalConfig(shots=2))
    assert (settings.gates.near_duplicate, settings.documents.near_duplicate) == (0.9, 0.8)


@pytest.mark.parametrize("text", ["", "# train: {epochs: 3}\n"])
def test_a_file_of_comments_means_the_defaults(text: str) -> None:
    assert parse_settings(text, "settings.yaml") == Settings()


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("train:\n  epoch: 5\n", 2, "did you mean 'epochs'?"),
        ("train:\n  lr: 5e-4\n", 2, "did you mean train.learning_rate?"),
        ("trian: {}\n", 1, "did you mean 'train'?"),
        ("epochs: 5\n", 1, "did you mean train.epochs?"),
        ("seed: 5\n", 1, "did you mean train.seed or split.seed or eval.seed or synthesis.seed?"),
        ("train:\n  near_duplicate: 1\n", 2, "did you mean split.near_duplicate or"),
        ("split:\n  val: 0.1\n", 2, "did you mean split.dev?"),
    ],
)
def test_a_wrong_field_is_answered_with_the_right_place(text: str, line: int, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "settings.yaml")
    (problem,) = caught.value.problems
    assert problem.where == f"settings.yaml:{line}"
    assert problem.fix.startswith(fix)


def test_a_dotted_key_changes_one_section_only() -> None:
    settings = changed("gates.near_duplicate=1", "synthesis.shots=0", "split.seed=7")
    assert (settings.gates.near_duplicate, settings.split.near_duplicate, settings.documents.near_duplicate) == (1, 0.8, 0.8)
    assert (settings.synthesis.shots, settings.eval.shots) == (0, 4)
    assert (settings.split.seed, settings.train.seed, settings.eval.seed) == (7, 0, 0)


def test_a_bare_key_is_enough_where_one_section_has_it() -> None:
    settings = changed("epochs=3", "systems=[base]", "dev=0.3", "epochs=4")
    assert (settings.train.epochs, settings.eval.systems, settings.split.dev) == (4, ["base"], 0.3)
    assert changed() == Settings()


@pytest.mark.parametrize(
    ("assignment", "homes"),
    [
        ("seed=1", ["train", "split", "eval", "synthesis"]),
        ("near_duplicate=1", ["split", "documents", "gates"]),
        ("shots=0", ["eval", "synthesis"]),
    ],
)
def test_a_bare_key_of_several_sections_is_refused_with_the_choices(assignment: str, homes: list[str]) -> None:
    problem = fault(assignment)
    assert problem.what == f"{assignment.split('=', maxsplit=1)[0]!r} is a setting of {', '.join(homes)}"
    assert problem.fix == f"name the section: {' or '.join(f'-c {home}.{assignment}' for home in homes)}"


def test_the_name_of_a_section_is_no_setting() -> None:
    assert fault("train=3").fix == "name a setting: -c train.model=..."
    assert fault("split=dev").fix == "name a setting: -c eval.split=dev"


def test_values_of_assignments_are_read_as_yaml_and_text_stays_text() -> None:
    assignments = ["learning_rate=1e-3", "train.skip_bad_rows=true", "model=123", "rank=null", "epochs=2.5"]
    train = apply_overrides(Settings(train=TrainConfig(rank=4)), assignments).train
    assert (train.learning_rate, train.skip_bad_rows, train.model, train.rank) == (1e-3, True, "123", None)
    assert train.epochs == 2.5


@pytest.mark.parametrize("text", ["base", "[base]"])
def test_a_list_of_one_can_be_written_without_brackets(text: str) -> None:
    assert changed(f"systems={text}").eval.systems == ["base"]
    assert changed("systems=base, tuned").eval.systems == ["base", "tuned"]


@pytest.mark.parametrize(
    ("assignment", "what"),
    [
        ("dev", "there is no `=` in it"),
        ("dev=", "there is nothing after the `=`"),
        ("dve=0.1", "unknown setting 'dve'"),
        ("splt.dev=0.1", "unknown setting 'splt.dev'"),
        ("split.dev.x=0.1", "unknown setting 'split.dev.x'"),
        ("schema_version=2", "unknown setting 'schema_version'"),
        ("dev=much", "must be a valid number"),
        ("split.dev=[0.1", "must be a valid number"),
        ("dev=.inf", "must be a finite number"),
        ("dev=1e999", "must be a finite number"),
        ("dev=0.9", "dev 0.9 + test 0.2 leaves no rows to train on"),
        ("eval.shots=0", "must be greater than or equal to 1"),
    ],
)
def test_a_wrong_assignment_is_quoted_as_it_was_written(assignment: str, what: str) -> None:
    problem = fault(assignment)
    assert (problem.where, problem.what) == (f"-c {assignment}", what)


def test_assignments_that_do_not_go_together_are_quoted_together() -> None:
    assert fault("dev=0.5", "split.test=0.6", "epochs=2").where == "-c dev=0.5, -c split.test=0.6"


@pytest.mark.parametrize(
    ("key", "setting"),
    [
        ("lr", "train.learning_rate"),
        ("train.lr", "train.learning_rate"),
        ("learning-rate", "train.learning_rate"),
        ("max_seq_length", "train.max_length"),
        ("val", "split.dev"),
        ("splt.test", "split.test"),
        ("sytems", "eval.systems"),
        ("teacher.near_duplicate", "split.near_duplicate or documents.near_duplicate or gates.near_duplicate"),
        ("gates.near_duplicates", "gates.near_duplicate"),
    ],
)
def test_advice_on_a_wrong_key_names_the_whole_setting(key: str, setting: str) -> None:
    assert nearest_setting(key) == f"did you mean {setting}?"
    assert nearest_setting("甲") == "`anytasktune schema Settings` lists all settings"


def test_advice_only_names_settings_that_exist() -> None:
    from anytasktune.settings.overrides import _HINTS, _OTHERWISE

    known = {f"{section}.{name}" for section, record in SECTIONS.items() for name in record.model_fields}
    named = {setting for text in _OTHERWISE.values() for setting in re.findall(r"\b[a-z]+\.[a-z_]+", text)}
    assert {*_HINTS.values(), *named} - {"metrics.jsonl"} <= known
    foreign = {*_HINTS, *_OTHERWISE}
    assert not {name for name in foreign if any(name in record.model_fields for record in SECTIONS.values())}


def test_advice_on_an_option_can_be_pasted() -> None:
    assert fault("lr=1e-3").fix == "did you mean -c train.learning_rate=1e-3?"
    assert fault("lora_rank=8").fix == "did you mean -c train.rank=8?"
    assert fault("teacher.model=qwen3").fix == "did you mean -c teacher.name=qwen3?"
    assert fault("学习率=1e-3").fix == "did you mean -c train.learning_rate=1e-3?"
    assert fault("max_steps=100").fix == "the number of steps follows from train.epochs"
    assert fault("epochs：3").fix == "write -c epochs=3"
    assert fault("train.epochs: 3").fix == "write -c train.epochs=3"


@pytest.mark.parametrize(
    ("wide", "plain"),
    [
        ("train．epochs＝３", "train.epochs=3"),
        ("ｅｐｏｃｈｓ=3", "epochs=3"),
        ("test=０．３", "test=0.3"),
        ("systems=base，tuned", "systems=[base, tuned]"),
        ("systems=［base、tuned］", "systems=[base, tuned]"),
        ("systems=【base，tuned】", "systems=[base, tuned]"),
        ("skip_bad_rows=ｔｒｕｅ", "skip_bad_rows=true"),
    ],
)
def test_full_width_characters_mean_the_plain_ones(wide: str, plain: str) -> None:
    assert changed(wide) == changed(plain)


def test_names_are_taken_as_they_are_written() -> None:
    assert changed("teacher.name=a＝b：ｃ").teacher.name == "a＝b：ｃ"


@given(st.text(max_size=30))
def test_no_assignment_makes_the_reader_crash(text: str) -> None:
    for assignment in (text, f"epochs={text}", f"train.{text}"):
        with contextlib.suppress(ConfigError):
            changed(assignment)


@pytest.mark.parametrize(
    ("assignment", "way_out"),
    [
        ("train.quantize=4bit", "--method qlora"),
        ("load_in_4bit=true", "--method qlora"),
        ("deepspeed=zero3", "--gpus 4"),
        ("use_rslora=true", "train.alpha"),
        ("use_dora=true", "not trained"),
    ],
)
def test_what_other_trainers_do_is_refused_with_the_way_to_them(assignment: str, way_out: str) -> None:
    with pytest.raises(ConfigError, match=way_out):
        changed(assignment)
