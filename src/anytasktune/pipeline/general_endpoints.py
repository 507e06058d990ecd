"""General models behind an endpoint: what asking them would cost, and their answers to the rows that are evaluated.

Rows that are evaluated may be test rows. A teacher must never see these; a model that is named to be evaluated on them is sent
their inputs, never their reference answers. Answers are kept in the teacher's ledger, under its caps, and asked for only once.
"""

import os
import re
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from anytasktune.errors import ConfigError, counted
from anytasktune.evaluation import ScoredSystem, score_system
from anytasktune.evaluation.endpoint_answers import EndpointAsker, prediction_of
from anytasktune.ids import content_id
from anytasktune.inference.few_shot import NO_SHOTS, FixedShots, Shots, choose_shots
from anytasktune.inference.similar_shots import SimilarShots
from anytasktune.llm import Endpoint, EndpointError, Expected, Question, Reply, Teacher
from anytasktune.llm.costs import likely_tokens
from anytasktune.llm.endpoint import API_KEY, BASE_URL
from anytasktune.pipeline.events import Finished, Meter, Started
from anytasktune.pipeline.simple_baselines import PREDICTIONS
from anytasktune.pipeline.teacher_access import Agreed, TeacherAccess
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import AnsweringUsage, Example, GeneralModel, PredictionSet, ShotChoice, Task
from anytasktune.settings import ModelPrices, TeacherConfig
from anytasktune.settings.systems import general_system
from anytasktune.store import find_or_make
from anytasktune.version import __version__

EVAL_API_KEY = "ANYTASKTUNE_EVAL_API_KEY"
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_OPENAI = "api.openai.com"
_SPEC = re.compile(r"(?P<url>https?://[^/\s]+/[^:?\s]*(?:\?[^:\s]*)?):(?P<model>\S(?:.*\S)?)")
_FRAME_TOKENS = 8
"""Tokens of the JSON around an answer."""


@dataclass(frozen=True)
class EndpointSpec:
    """A general model behind an endpoint, as it is named: `http://HOST:PORT/v1:MODEL`."""

    endpoint: Endpoint
    model: str

    @classmethod
    def parse(cls, name: str, config: TeacherConfig, key_variables: Mapping[str, str] = NO_VARIABLES) -> "EndpointSpec":
        """Read a name that begins with `http://` or `https://`, with timeout and attempts of the config.

        Args:
            key_variables: HOST or HOST:PORT → the environment variable with the key for it.

        Raises:
            ConfigError: there is no model in it, or the variable named for its host is empty.
            EndpointError: the address or its key cannot be ones.
        """
        found = _SPEC.fullmatch(name.strip())
        if found is None:
            fix = "write address and model: --with http://localhost:8000/v1:MODEL"
            raise ConfigError("the name of a model is missing behind the address", where=f"--with {_host(name)}", fix=fix)
        key, variable = _key_for(found["url"], key_variables)
        endpoint = Endpoint.at(
            found["url"], key, named="--with", key_variable=variable, timeout=config.timeout, attempts=config.attempts
        )
        return cls(endpoint, found["model"])

    @property
    def name(self) -> str:
        """`MODEL@HOST:PORT`."""
        return f"{self.model}@{self.endpoint.netloc}"


def is_endpoint(name: str) -> bool:
    """Whether a general model is named by the address of an endpoint."""
    return name.strip().lower().startswith(("http://", "https://"))


def _host(url: str) -> str:
    return (urllib.parse.urlsplit(url.strip()).hostname or "").rstrip(".")


def _key_for(url: str, key_variables: Mapping[str, str]) -> tuple[str, str]:
    """The key for an address and the variable it is from: the teacher's key is not sent to any other host."""
    host = _host(url)
    with_port = urllib.parse.urlsplit(url.strip()).netloc.rpartition("@")[2].lower()
    if own := key_variables.get(with_port) or key_variables.get(host):
        if not os.environ.get(own, "").strip():
            where = f"eval.key_variables, {host}"
            raise ConfigError(f"the environment variable {own} is empty", where=where, fix=f"export {own}=…")
        return os.environ[own], own
    of_teacher = _host(os.environ.get(BASE_URL, "")) or _OPENAI
    variable = API_KEY if host == of_teacher and not os.environ.get(EVAL_API_KEY) else EVAL_API_KEY
    return os.environ.get(variable, ""), variable


@dataclass
class EndpointGeneralModel:
    """A general model behind an endpoint, ready to be asked.

    Attributes:
        failure: why it cannot be asked any more; empty as long as it can.
    """

    model: GeneralModel
    teacher: Teacher
    config: TeacherConfig
    failure: str = ""
    context: TrainingContext = field(repr=False, kw_only=True)

    def score(self, task: Task) -> list[ScoredSystem]:
        """Its answers without and with examples, with their scores; answers that are kept are not asked for again."""
        rows = _rows(self.context, task)
        return [
            replace(score_system(task, rows, answers), shots=asker.shots.shown or None, shot_choice=choice)
            for asker, choice in _askers(self.context, task)
            for answers in [self._answers(task, rows, asker)]
        ]

    def _answers(self, task: Task, rows: Sequence[Example], asker: EndpointAsker) -> PredictionSet:
        system = general_system(self.model.name, few_shot=asker.shots.shown > 0)
        before = len(self.teacher.answered), self.teacher.usage.reused
        meter, start = Meter(self.context.on_event, "answer", task.name, len(rows), system), time.monotonic()
        replies = self._ask([asker.question(row) for row in rows], meter)
        seconds = time.monotonic() - start
        keys = self.teacher.answered[before[0] :]
        fresh = len(keys) - (self.teacher.usage.reused - before[1])
        paid = self.teacher.usage_of(set(keys))
        predictions = [prediction_of(replies.get(place), row, system, self.failure) for place, row in enumerate(rows)]
        asked = [self.model.endpoint, self.model.asked_as, self.model.masked, self.config.answer_tokens, asker.identity]
        said = [[one.output, one.truncated, one.error] for one in predictions]
        identity = content_id([task.name, system, asked, [row.id for row in rows], said, __version__])
        made = PredictionSet(
            id=identity,
            task=task.name,
            system=system,
            dataset=self.context.dataset(task).manifest.id,
            split=self.context.settings.eval.split,
            predictions=predictions,
            usage=AnsweringUsage(
                seconds=round(seconds, 3) if fresh else 0.0,
                answers=fresh,
                machine=self.context.machine,
                prompt_tokens=paid.prompt_tokens,
                answer_tokens=paid.answer_tokens,
            ),
            general_model=self.model,
        )
        folder = self.context.workspace.project.predictions(task.name)
        kept, _ = find_or_make(folder, PREDICTIONS, identity, lambda: made, latest=None, note=self.context.note)
        missing = sum(one.error is not None for one in predictions)
        detail = f"{counted(missing, 'row')} without an answer" if missing else ""
        reused = not fresh and missing < len(rows)
        finished = Finished(stage="answer", name=task.name, system=system, artifact=identity, reused=reused, detail=detail)
        self.context.on_event(finished)
        return kept

    def _ask(self, questions: Sequence[Question[str]], meter: Meter) -> dict[int, Reply[str]]:
        """Replies by the place of their question; where the endpoint cannot be asked, of those whose answers are kept."""
        kept = self.teacher.holds(questions) if self.failure else [True] * len(questions)
        asked = [place for place, is_kept in enumerate(kept) if is_kept]
        replies: dict[int, Reply[str]] = {}

        def on_reply(number: int, reply: Reply[str]) -> None:
            replies[asked[number]] = reply
            meter.update(len(replies), len(questions))

        try:
            self.teacher.ask_all([questions[place] for place in asked], on_reply)
        except EndpointError as error:
            self.failure = error.problems[0].what
            fix = f"; {error.problems[0].fix}" if error.problems[0].fix else ""
            self.context.note(f"{self.model.name}: {self.failure}{fix}. Rows without an answer are unscored; run it again")
        return replies


def endpoint_general_models(context: TrainingContext, tasks: Sequence[Task], agreed: Agreed) -> list[EndpointGeneralModel]:
    """The models behind an endpoint that `eval.general_models` names, each with what asking it will cost at most.

    Args:
        agreed: consent to sending rows to another machine, where nobody has agreed for this project and host before.

    Raises:
        ConsentError: nobody has agreed.
        ConfigError: a name is wrong, or there is a cap in money and no price.
        EndpointError: an address cannot be one.
    """
    opened: list[EndpointGeneralModel] = []
    for spec in _specs(context):
        endpoint, config = spec.endpoint, _config(context, spec)
        teacher = _access(context, tasks, config, agreed).open(spec.model, endpoint)
        model = GeneralModel(
            name=spec.name,
            endpoint=endpoint.redact(endpoint.base_url),
            asked_as=spec.model,
            place=endpoint.place,
            masked=teacher.masks,
        )
        opened.append(EndpointGeneralModel(model, teacher, config, context=context))
        expected = _expected(context, tasks, teacher)
        context.on_event(Started(stage="teacher", name=spec.name, detail=expected.in_words(config)))
        if endpoint.place != "this machine":
            rows = counted(sum(len(_rows(context, task)) for task in tasks), f"{context.settings.eval.split} row")
            context.note(f"{rows} leave this machine, for {endpoint.host}: their inputs, not their reference answers")
    return opened


def requests_of(context: TrainingContext, tasks: Sequence[Task]) -> dict[str, tuple[Expected, TeacherConfig]]:
    """Name of each general model behind an endpoint → the requests that are missing, with its config; nothing is sent."""
    found = {}
    for spec in _specs(context):
        config = _config(context, spec)
        teacher = _access(context, tasks, config, None).open_to_estimate(spec.model, spec.endpoint)
        found[spec.name] = _expected(context, tasks, teacher), config
    return found


def _specs(context: TrainingContext) -> Iterator[EndpointSpec]:
    names = [name for name in context.settings.eval.general_models if is_endpoint(name)]
    variables = context.settings.eval.key_variables
    specs = [EndpointSpec.parse(name, context.settings.teacher, variables) for name in names]
    yield from {spec.name: spec for spec in specs}.values()


def _config(context: TrainingContext, spec: EndpointSpec) -> TeacherConfig:
    """The limits of the teacher with the prices of this model; those of a teacher of the same name unless it has own ones."""
    teacher, evaluation = context.settings.teacher, context.settings.eval
    prices = evaluation.prices.get(spec.name) or evaluation.prices.get(spec.model)
    if prices is None and teacher.name == spec.model and teacher.price_in is not None and teacher.price_out is not None:
        prices = ModelPrices(price_in=teacher.price_in, price_out=teacher.price_out)
    if prices is None and teacher.max_cost is not None:
        fix = f"-c 'eval.prices={{{spec.model}: {{price_in: 0.3, price_out: 1.2}}}}', per million tokens"
        raise ConfigError(f"teacher.max_cost is a cap in money, and {spec.model} has no price", where="eval.prices", fix=fix)
    known = {"price_in": prices.price_in, "price_out": prices.price_out} if prices else {"price_in": None, "price_out": None}
    return teacher.model_copy(update={"name": spec.model, "judge": "", "currency": evaluation.currency, **known})


def _access(context: TrainingContext, tasks: Sequence[Task], config: TeacherConfig, agreed: Agreed) -> TeacherAccess:
    split = context.settings.eval.split
    rows = counted(sum(len(_rows(context, task)) for task in tasks), f"{split} row")
    shown = f"up to {context.settings.eval.shots} train rows with each of them"
    contents = [f"the inputs of {rows} of {', '.join(task.name for task in tasks)}", shown]
    return TeacherAccess(
        context.workspace.project,
        config,
        contents,
        guard=lambda _: None,
        agreed=agreed,
        on_event=context.on_event,
        subject=f"{split} rows",
    )


def _rows(context: TrainingContext, task: Task) -> list[Example]:
    config = context.settings.eval
    return list(context.dataset(task).splits.get(config.split, []))[: config.max_rows]


def _askers(context: TrainingContext, task: Task) -> list[tuple[EndpointAsker, ShotChoice | None]]:
    """Without examples, and with the fixed ones unless similar ones are asked for: comparing both on dev costs requests."""
    train, config = context.dataset(task).splits.get("train", []), context.settings.eval
    is_similar = config.shot_choice == "similar" and bool(train)
    fixed = FixedShots(choose_shots(task, train, config.shots))
    shots: Shots = SimilarShots.of(task, train, config.shots) if is_similar else fixed
    plain = EndpointAsker.of(task, train, NO_SHOTS), None
    shown = EndpointAsker.of(task, train, shots), ShotChoice(by="similar" if is_similar else "fixed")
    return [plain, shown] if shots.shown else [plain]


def _expected(context: TrainingContext, tasks: Sequence[Task], teacher: Teacher) -> Expected:
    rows = {task.name: _rows(context, task) for task in tasks}
    questions = [asker.question(row) for task in tasks for asker, _ in _askers(context, task) for row in rows[task.name]]
    train = [row for task in tasks for row in context.dataset(task).splits.get("train", [])]
    usual = sum(likely_tokens(row.output) for row in train) // max(1, len(train)) + _FRAME_TOKENS
    return teacher.expected(questions, usual)
