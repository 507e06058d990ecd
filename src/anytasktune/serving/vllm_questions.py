"""Questions as requests to vLLM, and its replies as answers.

Prompts are sent as tokens, so that rendering and tokenizer are ours. Labels and small numbers are scored: each is sent behind
the prompt, and the log probabilities of its tokens come back (`prompt_logprobs`), as `inference.label_scoring` adds them up.
Other answers are generated and held to their form by `structured_outputs`: vLLM ignores the older `guided_json` silently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax

from anytasktune.chat import PromptFormat
from anytasktune.errors import ConfigError
from anytasktune.inference.base_continuation import USUAL_TOKENS, unfit_prompt
from anytasktune.inference.constraint import token_table
from anytasktune.inference.label_scoring import without_needless_ends
from anytasktune.inference.task_predictor import chosen_answer
from anytasktune.inference.token_scores import ScoredToken, scored_token
from anytasktune.schema import Answer, Decoding, Example, Task
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.engine_messages import Answered, Outcome, Question
from anytasktune.serving.requested_form import RequestedForm
from anytasktune.serving.served_models import ModelCatalog
from anytasktune.serving.vllm_client import TokenLogprob, VllmChoice

MOST_SCORED = 64
"""Possible answers that are scored, each in a prompt of its own; where there are more, one of them is generated."""


@dataclass(frozen=True)
class VllmAbilities:
    """Abilities of a running vLLM server, as found out at the start.

    Attributes:
        base: its name for the base model.
        adapters: its names for Task-LMs.
        reads_grammars: it holds answers to our grammars (its backend is llguidance), and ends them as they were trained to end.
    """

    base: str
    adapters: frozenset[str]
    reads_grammars: bool


@dataclass(frozen=True)
class VllmRequest:
    """A request for one answer.

    Attributes:
        body: of `POST /v1/completions`.
        prompt_tokens: of the prompt alone.
        possible: answers that are scored, in the order of the prompts in the body; none where the answer is generated.
        listed: answers of which it must be one, where vLLM chooses.
    """

    body: dict[str, Any]
    prompt_tokens: int
    possible: tuple[str, ...] = ()
    answer_ids: tuple[tuple[int, ...], ...] = ()
    listed: tuple[str, ...] = ()
    constrained: bool = False


class VllmQuestions:
    """Translates between questions and vLLM."""

    def __init__(self, models: ModelCatalog, abilities: VllmAbilities) -> None:
        self.models = models
        self.abilities = abilities

    def request_for(self, question: Question) -> VllmRequest:
        """The request for the answer to a question; ApiError where it can have none."""
        model, format_ = question.model, self.models.format_of(question.model)
        asked = question.end.most_tokens
        if model.task is None or model.source is None or question.example is None:
            prompt = format_.text_ids(question.rendered, begins=question.begins)
            wanted = None if question.form is None else self._as_told(question.form)
            return self._generation(question, self.abilities.base, prompt, asked or USUAL_TOKENS, wanted)
        decoding, name = model.source.manifest.decoding[model.task.name], model.source.manifest.id
        prompt = format_.prompt_ids(model.task, question.example)
        possible = possible_answers(model.task, decoding, question.example) if model.chooses_by_score else []
        if 0 < len(possible) <= MOST_SCORED:
            return self._scoring(format_, decoding, name, prompt, possible)
        limit = min(asked or decoding.max_new_tokens, decoding.max_new_tokens)
        if possible:  # the longest of them must have room
            limit = max(len(format_.answer_ids(answer)) for answer in possible)
        try:
            form = structured_outputs(model.task, decoding, question.example, format_, self.abilities.reads_grammars)
        except ConfigError as error:  # this input has no answer, such as one that is copied from an empty text
            raise ApiError(400, error.problems[0].what, param="messages", code="unanswerable_input") from None
        return self._generation(question, name, prompt, limit, form)

    def _scoring(
        self, format_: PromptFormat, decoding: Decoding, name: str, prompt: list[int], possible: Sequence[str]
    ) -> VllmRequest:
        ids = [format_.answer_ids(answer) for answer in possible]
        if decoding.method == "number_scoring":
            ids = without_needless_ends(ids, len(format_.rendering.end_of_turn))
        self._check_room(prompt, max(map(len, ids)) + 1)
        body = {"model": name, "prompt": [prompt + answer for answer in ids], "max_tokens": 1, "prompt_logprobs": 1}
        return VllmRequest(body | {"temperature": 0.0}, len(prompt), tuple(possible), tuple(map(tuple, ids)), constrained=True)

    def _generation(
        self, question: Question, name: str, prompt: list[int], limit: int, form: dict[str, Any] | None = None
    ) -> VllmRequest:
        self._check_room(prompt, limit + (question.top is not None))
        drawn = question.sampling
        body: dict[str, Any] = {"model": name, "prompt": prompt, "max_tokens": limit, "return_token_ids": True}
        body["stop_token_ids"] = list(self.models.format_of(question.model).rendering.end_of_turn)
        # said in full, since vLLM takes the rest from the model's generation_config.json
        body |= {
            "temperature": drawn.temperature if drawn else 0.0,
            "top_p": drawn.top_p if drawn else 1.0,
            "top_k": -1,
            "min_p": 0.0,
        }
        body |= {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
        if drawn:
            body["seed"] = drawn.seed
        if question.end.stops:
            body["stop"] = list(question.end.stops)
        listed: tuple[str, ...] = ()
        if form is not None:
            body["structured_outputs"] = form
            listed = tuple(form.get("choice", ()))
        return VllmRequest(body, len(prompt), listed=listed, constrained=form is not None)

    def _as_told(self, form: RequestedForm) -> dict[str, Any]:
        """A requested form as vLLM is told it."""
        return {"grammar": form.grammar} if self.abilities.reads_grammars else {"json": dict(form.json.schema)}

    def _check_room(self, prompt: Sequence[int], needed: int) -> None:
        room = self.models.info.context_length - needed
        if not 0 < len(prompt) <= room:
            raise ApiError(400, unfit_prompt(len(prompt), room), param="messages", code="unanswerable_input")

    def scored(self, question: Question, request: VllmRequest, choices: Sequence[VllmChoice]) -> Outcome:
        """The answer among possible ones whose tokens were scored."""
        if question.model.task is None:
            raise ValueError("only tasks have possible answers")
        by_place = {choice.index: choice for choice in choices}
        pairs = enumerate(request.answer_ids)
        scores = [
            sum(
                at[str(token)].logprob
                for at, token in zip(_log_probabilities(by_place.get(place), request.prompt_tokens, ids), ids, strict=True)
            )
            for place, ids in pairs
        ]
        probabilities = softmax(np.array(scores)).tolist()
        answer = chosen_answer(question.model.task, request.possible, request.prompt_tokens, probabilities)
        return Answered.of(self.models.format_of(question.model), question, answer, constrained=True)

    def scoring_of(self, question: Question, request: VllmRequest, ids: Sequence[int]) -> dict[str, Any] | None:
        """The body of the request that scores the tokens of a generated answer; None where that is not wanted."""
        answer = list(self._without_end(question, ids))
        if question.top is None or not answer:
            return None
        body = {"model": request.body["model"], "prompt": [*request.body["prompt"], *answer], "max_tokens": 1}
        return body | {"temperature": 0.0, "prompt_logprobs": max(question.top, 1)}

    def token_scores(
        self, question: Question, request: VllmRequest, ids: Sequence[int], choices: Sequence[VllmChoice]
    ) -> list[ScoredToken]:
        """The scores of the tokens of a generated answer."""
        format_, answer = self.models.format_of(question.model), self._without_end(question, ids)
        table = token_table(format_.tokenizer, format_.rendering.end_of_turn)
        places = _log_probabilities(choices[0] if choices else None, request.prompt_tokens, answer)
        scored = []
        for token, at in zip(answer, places, strict=True):
            ranked = sorted(((int(other), one.logprob) for other, one in at.items()), key=lambda item: -item[1])
            scored.append(scored_token(table, token, at[str(token)].logprob, ranked[: question.top]))
        return scored

    def generated(
        self,
        question: Question,
        request: VllmRequest,
        ids: Sequence[int],
        finish: str | None,
        scored: Sequence[ScoredToken] = (),
    ) -> Outcome:
        """The answer that these tokens are."""
        format_ = self.models.format_of(question.model)
        text = self.text_of(question, ids)
        if finish == "length":  # the limit can fall inside a character
            text = text.rstrip("\ufffd").rstrip()
        if request.listed and text not in request.listed and finish != "length":
            message = "vLLM answered with none of the task's labels: it ignores structured_outputs"
            raise ApiError(500, message, kind="server_error", code="engine_incompatible")
        made = len(self._without_end(question, ids))
        answer = Answer(output=text, prompt_tokens=request.prompt_tokens, tokens=made, truncated=finish == "length")
        return Answered.of(format_, question, answer, constrained=request.constrained, scored=scored)

    def text_of(self, question: Question, ids: Sequence[int]) -> str:
        """Generated tokens as text."""
        return self.models.format_of(question.model).decode(self._without_end(question, ids))

    def _without_end(self, question: Question, ids: Sequence[int]) -> Sequence[int]:
        format_ = self.models.format_of(question.model)
        ends = {*format_.rendering.end_of_turn, format_.tokenizer.eos_token_id}
        return ids[:-1] if ids and ids[-1] in ends else ids


def possible_answers(task: Task, decoding: Decoding, example: Example) -> list[str]:
    """The answers that a task of a closed list can have."""
    language = task.language_of(example.language)
    return decoding.numbers.get(language) or task.labels_in(language) or []


def structured_outputs(
    task: Task, decoding: Decoding, example: Example, format_: PromptFormat, reads_grammars: bool
) -> dict[str, Any] | None:
    """The form of an answer as vLLM is told it; None where any text will do, or vLLM cannot be told.

    Raises:
        ConfigError: the input has no answer.
    """
    language = task.language_of(example.language)
    if decoding.scores_answers:
        return {"choice": possible_answers(task, decoding, example)}
    if not decoding.constrained:
        return None
    if reads_grammars:
        grammar = task.output.grammar(task.rules, example.input, language, decoding.styles.get(language))
        if grammar is None:
            return None
        return {"grammar": token_table(format_.tokenizer, format_.rendering.end_of_turn).opened(grammar)}
    schema = task.output.text_schema
    return None if schema is None else {"json": schema}


def _log_probabilities(choice: VllmChoice | None, prompt_tokens: int, ids: Sequence[int]) -> list[Mapping[str, TokenLogprob]]:
    """Of tokens behind a prompt: for each place the token there, and others, by their numbers."""
    given = choice.prompt_logprobs if choice else None
    if given is None or len(given) != prompt_tokens + len(ids):
        raise ApiError(500, "vLLM sent no probabilities of the prompt", kind="server_error", code="engine_incompatible")
    found: list[Mapping[str, TokenLogprob]] = [at or {} for at in given[prompt_tokens:]]
    if any(str(token) not in at for at, token in zip(found, ids, strict=True)):
        raise ApiError(500, "vLLM sent no probabilities of the prompt", kind="server_error", code="engine_incompatible")
    return found
