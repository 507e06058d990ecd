"""Features of inputs for linear heads: hidden states of the frozen base model, pooled over the tokens of an input.

A row's features are the means over its input of the states in the middle, at three quarters and at the end of the trunk, and
the states of its last token at three quarters and at the end. The instruction is read once for all rows.
"""

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

from anytasktune.chat import PromptFormat, shared_prefix
from anytasktune.inference.prefix_cache import PrefixedModel, length_batches
from anytasktune.models.hidden_states import captured_states
from anytasktune.models.packing_support import packs_rows
from anytasktune.schema import Example, Task

_DEPTHS = (0.5, 0.75, 1.0)


def input_starts(format_: PromptFormat, task: Task, examples: Sequence[Example], prompts: Sequence[list[int]]) -> list[int]:
    """Number of tokens of each prompt before its input: those it shares with the prompt of an empty input.

    It depends on the row alone, so that a row has the same features whatever rows are answered with it.
    """
    frames: dict[str, list[int]] = {}
    starts = []
    for example, prompt in zip(examples, prompts, strict=True):
        language = task.language_of(example.language)
        if language not in frames:
            frames[language] = format_.prompt_ids(task, example.model_copy(update={"input": ""}))
        starts.append(shared_prefix([frames[language], prompt]))
    return starts


def feature_count(model: PreTrainedModel) -> int:
    """Number of features of a row."""
    return 5 * int(model.config.get_text_config().hidden_size)


@torch.inference_mode()
def pooled_features(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    starts: Sequence[int],
    batch_tokens: int,
    on_rows: Callable[[int], None] = lambda _: None,
) -> torch.Tensor:
    """Features [prompts, 5 h] in float32 on the CPU: three means over the tokens from `starts` on, two of the last token.

    Args:
        prompts: of one language, so that they share all tokens before the smallest of `starts`.
        on_rows: called with the number of prompts read since the last call.
    """
    features = torch.zeros(len(prompts), feature_count(model))
    shares = packs_rows(model)
    cut = min(starts) if shares else 0
    reader = PrefixedModel(model, prompts[0][:cut]) if shares else None
    lengths = [len(prompt) - cut for prompt in prompts]
    batches = length_batches(lengths, batch_tokens) if shares else ([row] for row in range(len(prompts)))
    with captured_states(model, _DEPTHS) as states:
        for rows in batches:
            if reader is not None:
                reader.start([prompts[row][cut:] for row in rows])
            else:
                model.base_model(torch.tensor([prompts[rows[0]]], device=model.device), use_cache=False)
            end = 0
            for row in rows:
                first, end = end + starts[row] - cut, end + lengths[row]
                middle, upper, last = (state[0, first:end].float() for state in states)
                parts = [middle.mean(0), upper.mean(0), last.mean(0), upper[-1], last[-1]]
                features[row] = torch.cat(parts).cpu()
            on_rows(len(rows))
    return features
