"""Exports without training: tiny models with random adapters, whose every weight matters."""

from pathlib import Path

import torch
from tests.tiny_models import tiny_model, tiny_tokenizer
from tests.tiny_project import team_rows

from anytasktune.exporting.export_source import ExportSource
from anytasktune.inference.golden_prompts import golden_prompts
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import load_base
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.outputs import TextOutput
from anytasktune.schema import Decoding, GoldenPrompts, Task, TaskLMManifest

TASK = Task(name="reply", instruction={"en": "Repeat the first word.", "zh": "重复第一个词。"}, output=TextOutput(kind="text"))
STOP = "<|stop|>"
STOP_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|stop|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_model(folder: Path, kind: str, *, unusual_stop: bool = False) -> Path:
    """A tiny model; with `unusual_stop`, turns end with a token that nothing but its number says is an end."""
    tokenizer = tiny_tokenizer()
    if unusual_stop:
        tokenizer = tiny_tokenizer(STOP_TEMPLATE, vocabulary=399)
        tokenizer.add_special_tokens({"eos_token": STOP})
    tiny_model(kind).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def source_of(folder: Path, *, rows: int = 4, rank: int = 4, stops: bool = False) -> ExportSource:
    """A random adapter on the model in a folder, with golden prompts; with `stops` the first of them is answered by ending."""
    base = load_base(str(folder), dtype="float32", device="cpu")
    adapter = Adapter(base.model, LoraSpec(rank, 2.0 * rank))
    with torch.no_grad():
        adapter.flat.normal_(std=0.15, generator=torch.Generator().manual_seed(1))
    manifest = TaskLMManifest(
        id="0" * 12,
        tasks=[TASK],
        base_model=base.ref,
        rendering=base.format.rendering,
        decoding={TASK.name: Decoding(method="greedy", max_new_tokens=6)},
        datasets={TASK.name: "none"},
        adapter_sha256="none",
        run_id="none",
    )
    task_lm = TaskLM(manifest, base, adapter)
    prompts = golden_prompts(task_lm.model(), team_rows(rows))
    if stops:
        head = base.model.get_output_embeddings().weight.data
        head[base.format.rendering.end_of_turn[0]] = 3 * head[prompts[0].first_tokens[0].token]
        prompts = golden_prompts(task_lm.model(), team_rows(rows))
    golden = GoldenPrompts(task=TASK.name, task_lm=manifest.id, max_new_tokens=6, prompts=prompts)
    return ExportSource(task_lm, TASK, "tuned", 10, folder, str(folder), golden)
