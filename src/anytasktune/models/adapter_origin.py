"""Facts on the training of an adapter that another program trained, from the files that trainers write beside it.

Only JSON and the card are read, and what is missing or unreadable is not known; `training_args.bin` is a pickle, which is never
opened.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from anytasktune.errors import ModelError
from anytasktune.ids import file_hash
from anytasktune.models.lora import CONFIG_FILE, WEIGHTS_FILE
from anytasktune.schema import TrainedElsewhere
from anytasktune.store.run_folder import TASK_LM_FILE

_PROGRAMS = {"axolotl": "Axolotl", "llama-factory": "LLaMA-Factory", "unsloth": "Unsloth", "trl": "TRL"}
"""Tag in the card → program. One that builds on another carries both tags, and comes first."""
_SWIFT_FILE = "args.json"
_MOST_BYTES = 64 << 20
_QUANTISED = re.compile(r"[-_.](bnb|[2348]bit|int[48]|gptq|awq|nf4|fp8)\b", re.I)
"""Parts of the names of quantised copies of models."""


def origin_of(folder: Path, config: Mapping[str, Any], adapted_layers: int) -> TrainedElsewhere:
    """Facts that the files beside an adapter tell about its training.

    Args:
        config: its `adapter_config.json`.
        adapted_layers: number of layers it adapts.
    """
    state = _json(folder / "trainer_state.json")
    history = state.get("log_history")
    losses = [_number(entry, "loss") for entry in history if isinstance(entry, dict)] if isinstance(history, list) else []
    known = [loss for loss in losses if loss is not None]
    steps = _number(state, "global_step")
    return TrainedElsewhere(
        program=_program(folder),
        base_model=str(config.get("base_model_name_or_path") or ""),
        peft_version=str(config.get("peft_version") or ""),
        adapted_layers=adapted_layers,
        steps=None if steps is None else int(steps),
        epochs=_number(state, "epoch"),
        final_train_loss=known[-1] if known else None,
        weights_sha256=file_hash(folder / WEIGHTS_FILE),
    )


def named_base(config: Mapping[str, Any], folder: Path) -> str:
    """The base model that `adapter_config.json` names; empty where it names none.

    Raises:
        ModelError: it is a quantised copy, which is not loaded here.
    """
    named = str(config.get("base_model_name_or_path") or "")
    if _QUANTISED.search(named.replace("\\", "/").rpartition("/")[2]):
        what = f"{CONFIG_FILE} names a quantised base model, {named}; base models are loaded in float32 or bfloat16 here"
        fix = "name the model it was quantised from, e.g. --base Qwen/Qwen3-4B; the adapter fits both"
        raise ModelError(what, where=str(folder), fix=fix)
    return named


def recorded_fingerprint(folder: Path) -> str:
    """Fingerprint of the base model, where this program exported or trained the adapter; else empty."""
    exported, trained = _json(folder / "task.json").get("base_fingerprint"), _json(folder / TASK_LM_FILE).get("base_model")
    return str(exported or (trained.get("fingerprint") if isinstance(trained, dict) else "") or "")


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(values: Mapping[str, Any], name: str) -> float | None:
    found = values.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return found if found >= 0 else None


def _program(folder: Path) -> str:
    """The program that trained it, by the tags of its card, or by the file that ms-swift writes; empty where neither tells."""
    tags = set(_tags(folder / "README.md"))
    named = next((program for tag, program in _PROGRAMS.items() if tag in tags), "")
    return named or ("ms-swift" if "tuner_backend" in _json(folder / _SWIFT_FILE) else "")


def _tags(card: Path) -> Iterator[str]:
    try:
        if card.stat().st_size > _MOST_BYTES:
            return
        _, front, _ = ("\n" + card.read_text(encoding="utf-8")).split("\n---\n", 2)
        facts = YAML(typ="safe", pure=True).load(front)
    except (OSError, ValueError, YAMLError, RecursionError):
        return
    tags = facts.get("tags") if isinstance(facts, dict) else None
    yield from (str(tag).casefold() for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
