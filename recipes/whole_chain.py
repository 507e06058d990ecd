"""The whole chain in one flat file: rows → tokens → steps → adapter → score. No project, no pipeline, no resuming.

    python recipes/whole_chain.py [MODEL]

It shows what `anytasktune tune` does at heart, in plain PyTorch. The program itself computes the shared instruction once
per step, stops by dev loss, scores labels instead of generating them and survives being killed; for that see
`src/anytasktune/training/` and `recipes/one_task.py`.

Expect, on the embedded model: accuracy 0.00 for the untuned base, which does not keep to the labels, and about 0.59 for the
Task-LM, after four minutes on two CPU cores.
"""

import json
import math
import random
import sys
import time
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp

import torch

from anytasktune.models.load import load_base
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.models.lora_stack import attached, merged
from anytasktune.schema import Domain, Example
from anytasktune.scorers import item_value
from anytasktune.settings.yaml_reading import parse_record

MODEL = sys.argv[1] if len(sys.argv) > 1 else "smollm2-135m"
TASK = "matter_routing"
EPOCHS = 4
BATCH_ROWS = 16  # rows per optimiser step
MICRO_ROWS = 4  # rows in one forward pass; changes memory and speed, not the result
LEARNING_RATE = 1.3e-3
RANK, ALPHA = 8, 32.0
WARMUP = 0.06  # share of the steps in which the rate rises
LONGEST_ANSWER = 12  # tokens
SEED = 0

# --- rows -----------------------------------------------------------------------------------------------------------------
# A task is an instruction and a typed output; a row is input → output. Train and test rows come already divided here; the
# program divides by source and by near-duplicates, so that no test row resembles a training row.

pack = files("anytasktune.packs") / "demo"
domain = parse_record(Domain, (pack / "domain.yaml").read_text(encoding="utf-8"), "domain.yaml")
task = domain.task(TASK)


def read_split(split: str) -> list[Example]:
    lines = (pack / "data" / TASK / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Example.model_validate_json(line) for line in lines]


train_rows, test_rows = read_split("train"), read_split("test")
print(f"{task.name}: {len(train_rows)} training rows, {len(test_rows)} test rows")
print(task.instruction["en"])

# --- tokens ---------------------------------------------------------------------------------------------------------------
# Instruction and input are the prompt, the output is the answer. Only the answer and the token that ends it are trained:
# the labels of prompt tokens are -100, which the loss ignores.

base = load_base(MODEL)
encoded = [base.format.encode(task, row) for row in train_rows]
print(f"first row, {encoded[0].prompt_length} prompt tokens and {encoded[0].answer_length} trained tokens:")
print(json.dumps(base.format.tokenizer.decode(encoded[0].ids), ensure_ascii=False))


def padded_batch(rows: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, attention mask and labels of some rows, each [rows, longest], padded on the right."""
    longest = max(len(encoded[row].ids) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full((len(rows), longest), -100)
    for place, row in enumerate(rows):
        length, prompt = len(encoded[row].ids), encoded[row].prompt_length
        ids[place, :length] = torch.tensor(encoded[row].ids)
        mask[place, :length] = 1
        labels[place, prompt:length] = ids[place, prompt:length]
    return ids.to(base.device), mask.to(base.device), labels.to(base.device)


# --- score ----------------------------------------------------------------------------------------------------------------
# Greedy answers to the test rows, each compared with the reference. The base is measured first, by the same code.


def answer(row: Example) -> str:
    prompt = torch.tensor([base.format.prompt_ids(task, row)], device=base.device)
    with torch.inference_mode():
        ids = base.model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=LONGEST_ANSWER,
            eos_token_id=base.format.rendering.end_of_turn,
            pad_token_id=base.format.rendering.end_of_turn[0],
        )
    return base.format.decode(ids[0, prompt.shape[1] :].tolist())


def accuracy() -> float:
    values = [item_value(task, row.output, answer(row)) for row in test_rows]
    return sum(values) / len(values)


before = accuracy()
print(f"base     accuracy {before:.3f}")

# --- steps ----------------------------------------------------------------------------------------------------------------
# LoRA: each linear layer W gets a trained product B·A beside it; the base stays frozen. AdamW, a short warm-up, then a cosine
# down to a tenth. The loss is the mean over the trained tokens of the whole step, however it is cut into forward passes.

adapter = Adapter(base.model, LoraSpec(RANK, ALPHA))
adapter.initialise(SEED)
parameters = [weight for pair in adapter.weights.values() for weight in pair]
optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, betas=(0.9, 0.999), weight_decay=0.0)
steps = EPOCHS * math.ceil(len(train_rows) / BATCH_ROWS)
shuffle = random.Random(SEED)
started = time.monotonic()
step = 0

with attached(base.model, [adapter]) as stack:
    for _ in range(EPOCHS):
        order = shuffle.sample(range(len(train_rows)), len(train_rows))
        for first in range(0, len(order), BATCH_ROWS):
            rows = order[first : first + BATCH_ROWS]
            trained_tokens = sum(encoded[row].answer_length for row in rows)
            optimizer.zero_grad(set_to_none=False)  # gradients are views into one flat tensor
            loss = 0.0
            for place in range(0, len(rows), MICRO_ROWS):
                ids, mask, labels = padded_batch(rows[place : place + MICRO_ROWS])
                logits = base.model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
                part = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
                (part / trained_tokens).backward()
                loss += part.item() / trained_tokens
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            warmup_steps = max(1, round(WARMUP * steps))
            cosine = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * min((step + 1) / warmup_steps, cosine)
            optimizer.step()
            stack.refresh()  # the layers hold copies of A and B in the model's precision
            step += 1
            if step % 4 == 0 or step == steps:
                print(f"step {step}/{steps}  loss {loss:.3f}  {time.monotonic() - started:.0f} s")

# --- adapter --------------------------------------------------------------------------------------------------------------
# PEFT's own files: `PeftModel.from_pretrained(base, folder)` and vLLM load them.

folder = Path(mkdtemp(prefix="whole-chain-"))
adapter.save(folder, MODEL)

with merged(base.model, Adapter.load(base.model, folder)):
    after = accuracy()
print(f"Task-LM  accuracy {after:.3f} (base {before:.3f}) on {len(test_rows)} test rows")
print(f"Adapter: {folder}")
