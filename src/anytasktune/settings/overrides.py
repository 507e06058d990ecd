"""`settings.yaml` and `-c section.key=value` → `Settings`; a wrong key is answered with the right one."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from anytasktune.errors import ConfigError, Problem
from anytasktune.invocation import command
from anytasktune.settings.full_width_punctuation import plain
from anytasktune.settings.sections import Settings
from anytasktune.settings.yaml_reading import FieldPath, fault_of, parse_record, parse_value

SECTIONS: Mapping[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
_HINTS = {
    "temp": "synthesis.temperature",
    "model_name_or_path": "train.model",
    "test_ratio": "split.test",
    "validation_split": "split.dev",
    "dev_ratio": "split.dev",
    "rows_per_task": "synthesis.rows",
    "num_samples": "synthesis.rows",
    "n": "synthesis.rows",
    "teacher.model": "teacher.name",
    "学习率": "train.learning_rate",
    "轮数": "train.epochs",
    "批大小": "train.batch_size",
    "批次大小": "train.batch_size",
    "模型": "train.model",
    "秩": "train.rank",
    "温度": "synthesis.temperature",
    "最大长度": "train.max_length",
    "教师": "teacher.name",
    "lr": "train.learning_rate",
    "lora_r": "train.rank",
    "lora_rank": "train.rank",
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
_STEPS, _DTYPE = "the number of steps follows from train.epochs", "-c train.dtype=bfloat16 or -c train.dtype=float32 says it"
_SEVERAL_GPUS = "one GPU trains here; other trainers take several: export TASK --to axolotl --gpus 4, then import-adapter"
_QUANTISED = (
    "base models are not quantised here; other trainers do it: export TASK --to axolotl --method qlora, then import-adapter"
)
_SEEDS = "each has its own: train.seed, split.seed, eval.seed, synthesis.seed"
_OTHERWISE = {
    "max_steps": _STEPS,
    "num_steps": _STEPS,
    "steps": _STEPS,
    "warmup_steps": "train.warmup is their share of all steps",
    "eval_steps": "train.evals is the number of dev evaluations per run",
    "save_steps": "train.checkpoint_seconds is the time between checkpoints",
    "gradient_accumulation_steps": "train.batch_size is the whole batch, train.micro_batch_tokens one pass of it",
    "micro_batch_size": "train.micro_batch_tokens says it in tokens",
    "eval_batch_size": "eval.batch_tokens says it in tokens",
    "gpu": "-c train.device=cuda or -c train.device=cpu says it",
    "device_map": "-c train.device=cuda or -c train.device=cpu says it",
    "fp16": _DTYPE,
    "bf16": _DTYPE,
    "torch_dtype": _DTYPE,
    "random_seed": _SEEDS,
    "随机种子": _SEEDS,
    "种子": _SEEDS,
    "optimizer": "the optimiser is always AdamW",
    "optim": "the optimiser is always AdamW",
    "lr_scheduler": "the learning rate always falls along a cosine; train.warmup is its beginning",
    "lr_scheduler_type": "the learning rate always falls along a cosine; train.warmup is its beginning",
    "scheduler": "the learning rate always falls along a cosine; train.warmup is its beginning",
    "dropout": "there is no dropout; train.weight_decay and train.patience are against overfitting",
    "lora_dropout": "there is no dropout; train.weight_decay and train.patience are against overfitting",
    "target_modules": "all linear layers of the model are adapted",
    "lora_target_modules": "all linear layers of the model are adapted",
    **dict.fromkeys(("load_in_4bit", "load_in_8bit", "quantization", "quantization_bit", "quantize", "qlora"), _QUANTISED),
    "use_dora": "DoRA is not trained, and its adapters are not taken: they are no plain LoRA",
    "use_rslora": "train.alpha says it: rank-stabilised LoRA of alpha a is plain LoRA of alpha a·√rank",
    **dict.fromkeys(("gpus", "num_gpus", "deepspeed", "fsdp"), _SEVERAL_GPUS),
    "api_key": "the key is read from the environment variable OPENAI_API_KEY",
    "base_url": "the endpoint is read from the environment variable OPENAI_BASE_URL",
    "logging_steps": "every step is logged, in metrics.jsonl of the run",
    "top_p": "Task-LMs answer with the likeliest words; synthesis.temperature is the teacher's",
}
"""Names other programs use for what is set in another way, or not at all → how it is."""


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
    """Key and value, with the key in plain characters; `＝` is as good as `=`."""
    key, equals, text = [*re.split("([=＝])", assignment, maxsplit=1), "", ""][:3]
    if not equals or not text.strip():
        what = "there is nothing after the `=`" if equals else "there is no `=` in it"
        pair = re.fullmatch(r"\s*([\w.]+)\s*[:：]\s*(\S.*)", assignment)
        fix = f"write -c {pair[1]}={pair[2]}" if pair else "write -c section.key=value, e.g. -c train.epochs=3"
        raise ConfigError(what, where=f"-c {assignment}", fix=fix)
    return plain(key).strip(), text.strip()


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
        raise ConfigError(f"unknown setting {key!r}", where=where, fix=nearest_setting(key, text))
    return homes[0], key


def sections_with(name: str) -> list[str]:
    """The sections that have a setting of this name."""
    return [section for section, record in SECTIONS.items() if name in record.model_fields]


def nearest_setting(key: str, value: str = "") -> str:
    """Advice on a key that no section has: the settings with the nearest name, with `value` as options."""
    section, _, name = key.lower().replace("-", "_").rpartition(".")
    if name in _OTHERWISE:
        return _OTHERWISE[name]
    known = {*(name for record in SECTIONS.values() for name in record.model_fields)}
    close = name if name in known else next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.7)), "")
    found = [f"{home}.{close}" for home in sections_with(close)]
    if hint := _HINTS.get(f"{section}.{name}") or _HINTS.get(name):
        found = [hint]
    in_section = [setting for setting in found if setting.startswith(f"{section}.")]
    if found:
        settings = (f"-c {setting}={value}" if value else setting for setting in in_section or found)
        return f"did you mean {' or '.join(settings)}?"
    return f"`{command('schema', 'Settings')}` lists all settings"


def _advise_on_field(path: FieldPath, known: Sequence[str]) -> str:
    """Advice on a field of `settings.yaml` that is none: the place of the setting with the nearest name."""
    return nearest_setting(".".join(map(str, path))) if not difflib.get_close_matches(str(path[-1]), known, n=1) else ""
