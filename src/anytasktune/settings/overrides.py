"""`settings.yaml` and `-c section.key=value` → `Settings`; a wrong key is answered with the right one."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from anytasktune.errors import ConfigError, Problem
from anytasktune.invocation import command
from anytasktune.settings.sections import Settings
from anytasktune.settings.yaml_reading import FieldPath, fault_of, parse_record, parse_value

SECTIONS: Mapping[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
_HINTS = {
    "lr": "train.learning_rate",
    "lora_r": "train.rank",
    "r": "train.rank",
    "lora_alpha": "train.alpha",
    "base_model": "train.model",
    "model_name": "train.model",
    "num_epochs": "train.epochs",
    "num_train_epochs": "train.epochs",
    "bs": "train.batch_size",
    "train_batch_size": "train.batch_size",
    "per_device_train_batch_size": "train.batch_size",
    "cutoff_len": "train.max_length",
    "max_seq_len": "train.max_length",
    "max_seq_length": "train.max_length",
    "clip": "train.max_grad_norm",
    "wd": "train.weight_decay",
    "warmup_ratio": "train.warmup",
    "precision": "train.dtype",
    "early_stopping_patience": "train.patience",
    "few_shot": "eval.shots",
    "num_fewshot": "eval.shots",
    "n_shots": "eval.shots",
    "test_size": "split.test",
    "test_split": "split.test",
    "val": "split.dev",
    "validation": "split.dev",
    "val_size": "split.dev",
    "chunk_size": "documents.passage_length",
    "teacher": "teacher.name",
    "teacher_model": "teacher.name",
    "judge_model": "teacher.judge",
    "budget": "teacher.max_cost",
    "cap": "teacher.max_cost",
    "max_completion_tokens": "teacher.answer_tokens",
    "num_rows": "synthesis.rows",
    "n_rows": "synthesis.rows",
    "augment": "synthesis.augmentations",
    "pii": "gates.personal_data",
}
"""Names other programs use → ours; only named as advice."""


def parse_settings(text: str, filename: str) -> Settings:
    """Read `settings.yaml`.

    Raises:
        ConfigError: with one Problem per wrong field, each at `filename:line`.
    """
    return parse_record(Settings, text, filename, advise=_advise_on_field)


def apply_overrides(settings: Settings, assignments: Iterable[str]) -> Settings:
    """A copy of `settings` with `section.key=value` assignments applied, the last of several for one key.

    Values are read as YAML (`1e-3`, `true`, `[a, b]`). The section may be left out where only one has the key.

    Raises:
        ConfigError: an assignment without key or value, an unknown key (with the nearest right one), a key of several sections
            without its section, or a wrong value.
    """
    values = settings.model_dump()
    written: dict[tuple[str, str], str] = {}
    for assignment in assignments:
        key, text = _split_assignment(assignment)
        section, name = _resolve(key, text, where := f"-c {assignment}")
        try:
            values[section][name] = parse_value(text, SECTIONS[section].model_fields[name].annotation)
        except ValueError as error:
            raise ConfigError(str(error), where=where) from None
        written[section, name] = where
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigError([_problem(written, detail) for detail in error.errors()]) from None


def _problem(written: Mapping[tuple[str, str], str], detail: ErrorDetails) -> Problem:
    path, what, fix = fault_of(detail)
    section, name, *_ = map(str, path)
    # settings that do not go together: the fault is in none of them alone
    together = [where for key, where in written.items() if key[0] == section and detail["type"] == "fault"]
    return Problem(what, ", ".join(together) or written.get((section, name), f"{section}.{name}"), fix)


def _split_assignment(assignment: str) -> tuple[str, str]:
    key, equals, text = assignment.partition("=")
    if not equals or not text.strip():
        what = "there is nothing after the `=`" if equals else "there is no `=` in it"
        raise ConfigError(what, where=f"-c {assignment}", fix="write -c section.key=value, e.g. -c train.epochs=3")
    return key.strip(), text.strip()


def _resolve(key: str, text: str, where: str) -> tuple[str, str]:
    """Section and name of the setting that `key` means."""
    section, dot, name = key.partition(".")
    if dot and section in SECTIONS and name in SECTIONS[section].model_fields:
        return section, name
    homes = [] if dot else sections_with(key)
    if key in SECTIONS:
        examples = [f"-c {home}.{key}={text}" for home in homes] or [f"-c {key}.{next(iter(SECTIONS[key].model_fields))}=..."]
        raise ConfigError(f"{key!r} is a section of settings", where=where, fix=f"name a setting: {' or '.join(examples)}")
    if len(homes) > 1:
        what = f"{key!r} is a setting of {', '.join(homes)}"
        raise ConfigError(
            what, where=where, fix=f"name the section: {' or '.join(f'-c {home}.{key}={text}' for home in homes)}"
        )
    if not homes:
        raise ConfigError(f"unknown setting {key!r}", where=where, fix=nearest_setting(key))
    return homes[0], key


def sections_with(name: str) -> list[str]:
    """The sections that have a setting of this name."""
    return [section for section, record in SECTIONS.items() if name in record.model_fields]


def nearest_setting(key: str) -> str:
    """Advice on a key that no section has: the settings with the nearest name."""
    section, _, name = key.lower().replace("-", "_").rpartition(".")
    known = {*(name for record in SECTIONS.values() for name in record.model_fields)}
    close = name if name in known else next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)), "")
    found = [f"{home}.{close}" for home in sections_with(close)]
    if name in _HINTS:
        found = [_HINTS[name]]
    in_section = [setting for setting in found if setting.startswith(f"{section}.")]
    if found:
        return f"did you mean {' or '.join(in_section or found)}?"
    return f"`{command('schema', 'Settings')}` lists all settings"


def _advise_on_field(path: FieldPath, known: Sequence[str]) -> str:
    """Advice on a field of `settings.yaml` that is none: the place of the setting with the nearest name."""
    return nearest_setting(".".join(map(str, path))) if not difflib.get_close_matches(str(path[-1]), known, n=1) else ""
