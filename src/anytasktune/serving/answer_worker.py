"""The computing part of the engine: scored answers by batches of one Task-LM, generated answers of all Task-LMs in joint steps.

A model that cannot take rows of several lengths in one pass answers everything by batches of one Task-LM.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from anytasktune.chat import PromptFormat, shared_prefix
from anytasktune.errors import AnyTaskTuneError, ConfigError
from anytasktune.inference.base_continuation import USUAL_TOKENS, continuations, unfit_prompt
from anytasktune.inference.constraint import Constraint, token_table
from anytasktune.inference.generation import GrowingAnswer, Limits
from anytasktune.inference.joint_generation import JointGeneration, JointRow
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.inference.task_lm import TaskLM
from anytasktune.inference.token_scores import ScoredToken, score_tokens
from anytasktune.models.adapter_exchange import MOST_GENERATING, AdapterExchange
from anytasktune.models.lora_stack import attached
from anytasktune.models.packing_support import packs_rows
from anytasktune.records import Language
from anytasktune.schema import Answer, Example
from anytasktune.serving.api_errors import ApiError, engine_fault
from anytasktune.serving.engine_messages import Answered, Outcome, PendingQuestion, Piece, Question, ShownText
from anytasktune.serving.served_models import ServedModel, ServedModels

_BATCH_TOKENS = 8192
_CACHE_BYTES = 1 << 30
"""Keys and values of all rows that are generated at the same time, as estimated from the lengths of their prompts."""
_BYTES_PER_TOKEN = 3


@dataclass(eq=False)
class _Running:
    """A question whose answer is being generated."""

    pending: PendingQuestion
    row: JointRow
    format: PromptFormat
    shown: ShownText

    def piece(self) -> str:
        """The part of the answer that can be shown and was not yet; closes the answer where a stop text has come."""
        new = self.shown.grown_to(self.format.decode(self.row.answer.ids))
        if new is None:
            self.row.answer.open = False
        return new or ""


class AnswerWorker:
    """Answers questions; only the engine's thread may use it.

    Attributes:
        most_at_once: questions that are answered at the same time.
    """

    def __init__(
        self, models: ServedModels, most_at_once: int, on_fault: Callable[[Sequence[PendingQuestion], Exception], None]
    ) -> None:
        self.models = models
        self.most_at_once = most_at_once
        self._on_fault = on_fault
        model = models.base.model
        self._joint = packs_rows(model)
        self._adapters = AdapterExchange(model)
        self._generation = JointGeneration(model, self._adapters)
        self._running: list[_Running] = []
        self._constraints: dict[str, TaskConstraint] = {}
        self._prefixes: dict[tuple[str, Language], list[int]] = {}
        config = model.config.get_text_config()
        heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        width = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        self._most_tokens = _CACHE_BYTES // (2 * models.base.info.shape.layers * heads * width * model.dtype.itemsize)

    @property
    def running(self) -> int:
        """Number of answers that are being generated."""
        return len(self._running)

    def has_room(self, chosen: Sequence[PendingQuestion], pending: PendingQuestion) -> bool:
        """Whether a question can be answered together with those being answered and those chosen."""
        asked = [*(one.pending for one in self._running), *chosen, pending]
        sources = {one.question.model.source.folder for one in asked if one.question.model.source and not self._in_batch(one)}
        longest = max(len(one.question.rendered.encode()) // _BYTES_PER_TOKEN + USUAL_TOKENS for one in asked)
        longest = min(longest, self.models.base.info.context_length)  # what is longer is refused
        fits = longest * len(asked) <= self._most_tokens and len(sources) <= MOST_GENERATING
        return len(asked) == 1 or (len(asked) <= self.most_at_once and fits)

    def take(self, asked: Sequence[PendingQuestion]) -> None:
        """Answer label tasks, and begin to generate other answers."""
        groups: dict[tuple[object, ...], list[PendingQuestion]] = {}
        starting: list[_Running] = []
        for pending in asked:
            if self._in_batch(pending):
                question = pending.question
                key = question.model.name, question.end.most_tokens, question.sampling, question.form
                groups.setdefault(key, []).append(pending)
            elif (running := self._prepared(pending)) is not None:
                starting.append(running)
        for group in groups.values():
            self._guarded(group, lambda group=group: self._answer_batch(group))  # type: ignore[misc]
        if starting:
            self._running += starting
            self._guarded_steps(lambda: self._generation.join([one.row for one in starting]))

    def step(self) -> None:
        """Drop answers that nobody waits for, and generate one more token of each other."""
        for one in [one for one in self._running if one.pending.cancelled]:
            self._leave(one)
        if self._running:
            self._guarded_steps(self._generation.step)

    def _in_batch(self, pending: PendingQuestion) -> bool:
        return pending.question.model.chooses_by_score or not self._joint

    def _guarded(self, asked: Sequence[PendingQuestion], work: Callable[[], None]) -> bool:
        """Do some work for questions, which fail when it fails; whether it was done."""
        try:
            work()
        except AnyTaskTuneError as error:
            failed = ApiError(500, str(error), kind="server_error", code="model_unusable")
        except Exception as error:  # of whatever kind: other requests must go on being answered
            self._on_fault(asked, error)
            failed = engine_fault()
        else:
            return True
        for pending in asked:
            pending.deliver(failed)
        return False

    def _guarded_steps(self, work: Callable[[], None]) -> None:
        """Do a pass over all rows; after a fault all of them fail, and the adapters are put on anew."""
        if self._guarded([one.pending for one in self._running], work):
            self._deliver()
            return
        self._running = []
        self._adapters.take_off()
        self._generation = JointGeneration(self.models.base.model, self._adapters)

    def _deliver(self) -> None:
        """Hand over pieces and finished answers."""
        for one in list(self._running):
            question = one.pending.question
            if question.grows and (question.stream or question.end.stops) and (piece := one.piece()) and question.stream:
                one.pending.deliver(Piece(piece))
            if not one.row.answer.open:
                self._leave(one)
                self._guarded([one.pending], lambda one=one: one.pending.deliver(self._finished(one)))  # type: ignore[misc]

    def _leave(self, one: _Running) -> None:
        self._generation.remove(one.row)
        self._running.remove(one)

    # --- generated answers

    def _finished(self, one: _Running) -> Outcome:
        """The answer of a row that ended."""
        made, format_ = one.row.answer.result(), one.format
        answer = Answer(
            output=format_.decode(made.ids),
            prompt_tokens=len(one.row.prompt),
            tokens=len(made.ids),
            truncated=made.truncated,
            corrected=made.corrected,
        )
        scored: list[ScoredToken] = []
        if (most := one.pending.question.top) is not None:
            self._adapters.put_on([one.row.adapter, *(other.row.adapter for other in self._running)])
            with self._adapters.routed([one.row.adapter]):
                scored = self._scored(format_, one.row.prompt, made.ids, most)
        constrained = one.row.answer.constraint is not None
        return Answered.of(format_, one.pending.question, answer, constrained=constrained, scored=scored)

    def _scored(self, format_: PromptFormat, prompt: Sequence[int], answer: Sequence[int], most: int) -> list[ScoredToken]:
        table = token_table(format_.tokenizer, format_.rendering.end_of_turn)
        return score_tokens(self.models.base.model, table, prompt, answer, most)

    def _prepared(self, pending: PendingQuestion) -> _Running | None:
        """A row for a question; None, and the question is answered, where it can have no answer."""
        made: list[_Running] = []

        def prepare() -> None:
            outcome = self._row_for(pending)
            if isinstance(outcome, ApiError):
                pending.deliver(outcome)
            else:
                made.append(outcome)

        self._guarded([pending], prepare)
        return made[0] if made else None

    def _row_for(self, pending: PendingQuestion) -> _Running | ApiError:
        question, model = pending.question, pending.question.model
        format_ = self.models.format_of(model)
        asked = question.end.most_tokens
        limit, adapter, shared, constraint = asked or USUAL_TOKENS, None, 0, None
        if model.source is None or model.task is None or question.example is None:
            prompt = format_.text_ids(question.rendered, begins=question.begins)
            constraint = question.form.constraint if question.form else None
        else:
            task_lm = self._task_lm(model)
            adapter, decoding = task_lm.adapter, model.source.manifest.decoding[model.task.name]
            limit = min(asked or decoding.max_new_tokens, decoding.max_new_tokens)
            prompt = format_.prompt_ids(model.task, question.example)
            shared = self._shared(model, format_, question.example, prompt)
            try:
                constraint = self._constraint(model, format_, question.example)
            except ConfigError as error:  # this input has no answer, such as one that is copied from an empty text
                return ApiError(400, error.problems[0].what, param="messages", code="unanswerable_input")
        room = self.models.base.info.context_length - limit
        if len(prompt) > room or not prompt:
            return ApiError(400, unfit_prompt(len(prompt), room), param="messages", code="unanswerable_input")
        limits = Limits(format_.rendering.end_of_turn, limit, _BATCH_TOKENS)
        answer = GrowingAnswer(limits, constraint, question.sampling, prompt)
        return _Running(pending, JointRow(prompt, shared, adapter, answer), format_, ShownText(question.end))

    def _task_lm(self, model: ServedModel) -> TaskLM:
        """The Task-LM of a model; one that is not in memory is loaded on the model without adapters."""
        if not self.models.is_loaded(model):
            self._adapters.take_off()
        return self.models.task_lm(model)

    def _constraint(self, model: ServedModel, format_: PromptFormat, example: Example) -> Constraint | None:
        if model.task is None or model.source is None:
            return None
        decoding = model.source.manifest.decoding[model.task.name]
        made = self._constraints.setdefault(model.name, TaskConstraint(model.task, decoding, format_))
        return made.on(example) if decoding.constrained else None

    def _shared(self, model: ServedModel, format_: PromptFormat, example: Example, prompt: list[int]) -> int:
        """Tokens at the beginning of a prompt that all prompts of its task and language have."""
        if model.task is None:
            return 0
        language = model.task.language_of(example.language)
        if (model.name, language) not in self._prefixes:
            others = [example.model_copy(update={"input": text}) for text in ("a", "1", "的")]
            prompts = [format_.prompt_ids(model.task, other) for other in others]
            self._prefixes[model.name, language] = prompts[0][: shared_prefix(prompts)]
        prefix = self._prefixes[model.name, language]
        return len(prefix) if prompt[: len(prefix)] == prefix and len(prompt) > len(prefix) else 0

    # --- batches of one model

    def _answer_batch(self, asked: Sequence[PendingQuestion]) -> None:
        """Answer questions of one model with the same limit, sampling and form."""
        questions = [pending.question for pending in asked]
        model = questions[0].model
        format_, constrained = self.models.format_of(model), questions[0].form is not None
        if model.source is None or model.task is None:
            answers = self._continued(questions)
        else:
            predictor = replace(self._task_lm(model).model(model.task.name), sampling=questions[0].sampling)
            constrained = predictor.decoding.constrained or model.chooses_by_score
            if (most := questions[0].end.most_tokens) is not None and not model.chooses_by_score:
                limit = min(most, predictor.decoding.max_new_tokens)
                predictor = replace(predictor, decoding=predictor.decoding.model_copy(update={"max_new_tokens": limit}))
            examples = [question.example for question in questions if question.example is not None]
            if not self._joint:
                answers = predictor.answer(examples)
            else:
                adapter = predictor.adapter
                self._adapters.put_on([adapter, *(one.row.adapter for one in self._running)])

                def with_adapter() -> AbstractContextManager[None]:
                    return self._adapters.routed([adapter])

                with self._adapters.routed([None]):
                    answers = replace(predictor, adapter=None, adapted=with_adapter).answer(examples)
        for pending, answer in zip(asked, answers, strict=True):
            scored = self._scored_text(pending.question, format_, answer)
            pending.deliver(Answered.of(format_, pending.question, answer, constrained=constrained, scored=scored))

    def _scored_text(self, question: Question, format_: PromptFormat, answer: Answer) -> list[ScoredToken]:
        """The tokens of an answer that was generated in a batch, as its text is made tokens again."""
        if question.top is None or question.model.chooses_by_score or answer.error is not None:
            return []
        model, source = question.model, question.model.source
        if model.task is None or question.example is None:
            prompt, adapter = format_.text_ids(question.rendered, begins=question.begins), None
        else:
            prompt, adapter = format_.prompt_ids(model.task, question.example), source and self._task_lm(model).adapter
        ids = format_.answer_ids(answer.output)[: -len(format_.rendering.end_of_turn)]
        with attached(self.models.base.model, [adapter]) if adapter else nullcontext():
            return self._scored(format_, prompt, ids, question.top)

    def _continued(self, questions: Sequence[Question]) -> list[Answer]:
        """Continuations of the base model."""
        base, first = self.models.base, questions[0]
        prompts = [base.format.text_ids(question.rendered, begins=question.begins) for question in questions]
        constraint = first.form.constraint if first.form else None
        return continuations(base, prompts, first.end.most_tokens, first.sampling, constraint)
