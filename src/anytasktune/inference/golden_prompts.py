"""Golden prompts: dev rows with all that lies between input and score, recorded so that exported copies can be compared."""

from collections.abc import Sequence

import torch

from anytasktune.chat import PromptFormat
from anytasktune.inference.generation import Limits, generate
from anytasktune.inference.label_scoring import score_labels
from anytasktune.inference.task_predictor import BATCH_TOKENS, TaskPredictor
from anytasktune.models.lora_stack import merged
from anytasktune.schema import Example, GoldenAnswer, GoldenPrompt, TokenScore

MOST_GOLDEN = 20
_TOP = 5
_FAR = 1e6
"""Log probability by which a label leads where the search did not look at another one."""


def golden_prompts(predictor: TaskPredictor, rows: Sequence[Example]) -> list[GoldenPrompt]:
    """The first `MOST_GOLDEN` of these rows that fit the model's context, as this predictor, which has an adapter, answers."""
    format_, task, model = predictor.format or predictor.base.format, predictor.task, predictor.base.model
    room = predictor.base.info.context_length - predictor.decoding.max_new_tokens
    fitting = [row for row in rows if len(format_.prompt_ids(task, row)) <= room][:MOST_GOLDEN]
    prompts = [format_.prompt_ids(task, row) for row in fitting]
    reported = predictor.answer(fitting)
    if predictor.adapter is None:
        raise ValueError("golden prompts need an adapter")
    limits = Limits(format_.rendering.end_of_turn, predictor.decoding.max_new_tokens, BATCH_TOKENS)
    with merged(model, predictor.adapter):
        answers = generate(model, prompts, limits)
        logits = [
            _logits(predictor, prompt + answer.ids)[len(prompt) - 1 :] for prompt, answer in zip(prompts, answers, strict=True)
        ]
        scored = _scored_labels(predictor, format_, fitting, prompts)
    return [
        GoldenPrompt(
            example=row,
            text=format_.prompt_text(task, row),
            ids=prompt,
            first_tokens=_most_probable(after[0]),
            reported=report.output,
            scored=label,
            generated=GoldenAnswer(
                output=format_.decode(answer.ids),
                ids=answer.ids,
                margins=_margins(after, answer.ids, None if answer.truncated else format_.rendering.end_of_turn),
            ),
        )
        for row, prompt, report, answer, after, label in zip(fitting, prompts, reported, answers, logits, scored, strict=True)
    ]


@torch.inference_mode()
def _logits(predictor: TaskPredictor, ids: Sequence[int]) -> torch.Tensor:
    """Log probabilities [tokens, vocabulary] after each token."""
    row = torch.tensor([list(ids)], device=predictor.base.device)
    return predictor.base.model(row, use_cache=False).logits[0].float().log_softmax(dim=-1).cpu()


def _most_probable(log_probabilities: torch.Tensor) -> list[TokenScore]:
    best = log_probabilities.topk(min(_TOP, len(log_probabilities)))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [TokenScore(token=token, log_probability=round(value, 5)) for token, value in pairs]


def _margins(after: torch.Tensor, ids: Sequence[int], end: Sequence[int] | None) -> list[float]:
    """Log probability of each token minus that of the best other one; the last is for ending, any of whose tokens counts."""
    margins = []
    for row, chosen in zip(after, [[token] for token in ids] + ([list(end)] if end else []), strict=False):
        others = row.clone()
        others[chosen] = -torch.inf
        margins.append(round(float(row[chosen].max() - others.max()), 5))
    return margins


def _scored_labels(
    predictor: TaskPredictor, format_: PromptFormat, rows: Sequence[Example], prompts: Sequence[list[int]]
) -> list[GoldenAnswer | None]:
    """For each row the label with the highest score; None for tasks that are answered by generation."""
    if predictor.decoding.method != "label_scoring":
        return [None] * len(rows)
    answers: list[GoldenAnswer | None] = []
    for row, prompt in zip(rows, prompts, strict=True):
        labels = predictor.task.labels_in(row.language) or []
        scores = score_labels(predictor.base.model, [prompt], [format_.answer_ids(label) for label in labels], BATCH_TOKENS)[0]
        best, *rest = scores.sort(descending=True).values.tolist()
        label = labels[int(scores.argmax())]
        answers.append(GoldenAnswer(output=label, margins=[min(round(best - other, 5), _FAR) for other in rest[:1]]))
    return answers
