"""Golden prompts: dev rows with all that lies between input and score, recorded so that exported copies can be compared."""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import islice

import torch

from anytasktune.chat import PromptFormat
from anytasktune.ids import text_hash
from anytasktune.inference.generation import Limits, generate
from anytasktune.inference.label_scoring import score_labels
from anytasktune.inference.task_predictor import BATCH_TOKENS, TaskPredictor
from anytasktune.models.head import logits_at
from anytasktune.models.lora_stack import merged
from anytasktune.schema import Example, GoldenAnswer, GoldenPrompt, GoldenRow, TokenScore

MOST_GOLDEN = 20
_TOP = 5
_FAR = 1e6
"""Log probability by which a label leads where the search did not look at another one."""


def golden_prompts(predictor: TaskPredictor, rows: Sequence[Example]) -> list[GoldenPrompt]:
    """The first `MOST_GOLDEN` of these rows that fit the model's context, as this predictor, which has an adapter, answers."""
    format_, task, model = predictor.format or predictor.base.format, predictor.task, predictor.base.model
    fitting, prompts = _fitting(predictor, rows)
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


def golden_rows(predictor: TaskPredictor, rows: Sequence[Example]) -> list[GoldenRow]:
    """The first `MOST_GOLDEN` of these rows that fit the model's context, as this predictor reads, begins and answers them."""
    format_, task, model = predictor.format or predictor.base.format, predictor.task, predictor.base.model
    fitting, prompts = _fitting(predictor, rows)
    answers = predictor.answer(fitting)
    first_tokens: list[list[TokenScore]] = []
    with merged(model, predictor.adapter) if predictor.adapter else nullcontext(), torch.inference_mode():
        for prompt in prompts:
            row = torch.tensor([prompt], device=predictor.base.device)
            last = model.base_model(row, use_cache=False).last_hidden_state[:, -1]
            first_tokens.append(_most_probable(logits_at(model, last.contiguous()).log_softmax(dim=-1)[0].cpu()))
    return [
        GoldenRow(
            example_id=row.id,
            text_sha256=text_hash(format_.prompt_text(task, row)),
            ids=prompt,
            first_tokens=first,
            answer=answer.output,
        )
        for row, prompt, first, answer in zip(fitting, prompts, first_tokens, answers, strict=True)
    ]


def _fitting(predictor: TaskPredictor, rows: Sequence[Example]) -> tuple[list[Example], list[list[int]]]:
    """The first rows that leave room for an answer, and the tokens of their prompts."""
    format_, room = predictor.format or predictor.base.format, predictor.base.info.context_length
    room -= predictor.decoding.max_new_tokens
    pairs = ((row, format_.prompt_ids(predictor.task, row)) for row in rows)
    chosen = list(islice((pair for pair in pairs if len(pair[1]) <= room), MOST_GOLDEN))
    return [row for row, _ in chosen], [ids for _, ids in chosen]


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
