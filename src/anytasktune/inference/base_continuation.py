"""A base model as it is: it goes on with prompts, without adapter or instruction."""

from collections.abc import Sequence

from anytasktune.inference.constraint import Constraint
from anytasktune.inference.generation import Limits, Sampling, generate
from anytasktune.models.load import BaseLM
from anytasktune.schema import Answer

USUAL_TOKENS = 256
"""Longest answer of a base model, unless more or less is asked for."""
_BATCH_TOKENS = 8192


def continuations(
    base: BaseLM,
    prompts: Sequence[list[int]],
    most_tokens: int | None = None,
    sampling: Sampling | None = None,
    constraint: Constraint | None = None,
) -> list[Answer]:
    """Continuations of prompts given as tokens, in order; one that is empty or too long has `error` set.

    Args:
        constraint: on all of them.
    """
    limit = most_tokens or USUAL_TOKENS
    room = base.info.context_length - limit
    fitting = [prompt for prompt in prompts if 0 < len(prompt) <= room]
    limits = Limits(base.format.rendering.end_of_turn, limit, _BATCH_TOKENS)
    made = iter(generate(base.model, fitting, limits, constrain=lambda _: constraint, sampling=sampling))
    answers = []
    for prompt in prompts:
        if not 0 < len(prompt) <= room:
            answers.append(Answer(output="", prompt_tokens=len(prompt), error=unfit_prompt(len(prompt), room)))
            continue
        one = next(made)
        text = base.format.decode(one.ids)
        counts = {"prompt_tokens": len(prompt), "tokens": len(one.ids)}
        answers.append(Answer(output=text, truncated=one.truncated, corrected=one.corrected, **counts))
    return answers


def unfit_prompt(length: int, room: int) -> str:
    """The reason why a prompt of so many tokens has no answer where so many have room."""
    if not length:
        return "the prompt is empty"
    return f"the prompt has {length} tokens, more than the {max(room, 0)} that fit"
