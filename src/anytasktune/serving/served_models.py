"""The models of a server: the base model, and every Task-LM of a project once per task it was trained for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from anytasktune.baselines.task_router import TaskRouter
from anytasktune.chat import PromptFormat
from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import BaseLM, ModelInfo
from anytasktune.schema import AUTO, Task, TaskLMManifest
from anytasktune.schema.route import AnsweredBy
from anytasktune.serving.api_errors import ApiError

CURRENT = "@prod"
"""What stands behind the name of a task in the alias of its current Task-LM."""


@dataclass(frozen=True)
class ServedTaskLM:
    """A Task-LM on the disk.

    Attributes:
        folder: of its adapter.
        current_for: tasks that it answers unless another Task-LM is named.
        created: when it was made, in seconds since 1970.
    """

    folder: Path
    manifest: TaskLMManifest
    current_for: frozenset[str]
    created: int


@dataclass(frozen=True)
class ServedModel:
    """A model that requests can name.

    Attributes:
        name: `task@id`; of the base model its own.
        aliases: other names of it.
        task: the task that it answers, as it was when it was trained; None for the base model as it is.
        source: the Task-LM.
        is_remote: whether it stands behind the endpoint of `router.fallback_url`; it is then in no list and cannot be named.
    """

    name: str
    aliases: tuple[str, ...] = ()
    task: Task | None = None
    source: ServedTaskLM | None = None
    is_remote: bool = False

    @property
    def answered_by(self) -> AnsweredBy:
        """The kind of model, as replies name it."""
        return "task" if self.task else "endpoint" if self.is_remote else "base"

    @property
    def created(self) -> int:
        """When it was made, in seconds since 1970; 0 where that is not known."""
        return self.source.created if self.source else 0

    @property
    def task_lm(self) -> str | None:
        """Id of the Task-LM."""
        return self.source.manifest.id if self.source else None

    @property
    def chooses_by_score(self) -> bool:
        """Whether the answer is chosen among labels or numbers by their scores, so that it never depends on chance."""
        if self.source is None or self.task is None:
            return False
        decoding = self.source.manifest.decoding[self.task.name]
        return decoding.scores_answers or decoding.scores_label_sets


AUTO_MODEL = ServedModel(AUTO)
"""The name under which the router chooses the model that answers; it answers nothing itself."""


class ModelCatalog:
    """All models of a server by name, whatever computes their answers.

    Attributes:
        info: facts on the base model.
        models: without their aliases; the base model first.
        router: chooses the task where a request names the model `auto`; None: there is no such model.
    """

    def __init__(self, info: ModelInfo, models: Sequence[ServedModel]) -> None:
        self.info = info
        self.models = models
        self.router: TaskRouter | None = None

    @cached_property
    def names(self) -> Mapping[str, ServedModel]:
        """Every name that a request may use, aliases among them."""
        found: dict[str, ServedModel] = {}
        for model in self.models:
            found |= {name: model for name in (model.name, *model.aliases) if name not in found}
        return found if self.router is None else found | {AUTO: found.get(AUTO, AUTO_MODEL)}

    def find(self, name: str) -> ServedModel:
        """The model of that name; ApiError (404) where there is none."""
        if found := self.names.get(name):
            return found
        near = get_close_matches(name, self.names, n=1)
        advice = f"did you mean {near[0]!r}?" if near else "GET /v1/models lists them"
        raise ApiError(404, f"there is no model {name[:100]!r}; {advice}", param="model", code="model_not_found")

    def format_of(self, model: ServedModel) -> PromptFormat:
        """The rendering of prompts for a model."""
        if model.source is None:
            return self.info.format
        return PromptFormat(self.info.format.tokenizer, model.source.manifest.rendering)


class ServedModels(ModelCatalog):
    """Models on a base model in memory. Task-LMs are loaded by the engine's thread when they are first asked for."""

    def __init__(self, base: BaseLM, models: Sequence[ServedModel], loaded: Mapping[Path, TaskLM] | None = None) -> None:
        super().__init__(base.info, models)
        self.base = base
        self._loaded = dict(loaded or {})

    @classmethod
    def of(cls, base: BaseLM, task_lms: Sequence[ServedTaskLM]) -> "ServedModels":
        """The base model and these Task-LMs; the current one of a task first."""
        return cls(base, models_of(base.ref.name, task_lms))

    def task_lm(self, model: ServedModel) -> TaskLM:
        """The Task-LM of a model, in memory; only the engine's thread may call this.

        Raises:
            ModelError: its files are missing or damaged.
        """
        if model.source is None:
            raise ValueError(f"{model.name} is no Task-LM")
        if model.source.folder not in self._loaded:
            self._loaded[model.source.folder] = TaskLM.load(model.source.folder, self.base)
        return self._loaded[model.source.folder]

    def is_loaded(self, model: ServedModel) -> bool:
        """Whether the Task-LM of a model is in memory."""
        return model.source is None or model.source.folder in self._loaded


def models_of(base_name: str, task_lms: Sequence[ServedTaskLM]) -> list[ServedModel]:
    """The base model, and each Task-LM once per task it was trained for; the current one of a task first."""
    models = [ServedModel(base_name)]
    for task_lm in sorted(task_lms, key=lambda each: (not each.current_for, -each.created)):
        for task in task_lm.manifest.tasks:
            current = task.name in task_lm.current_for
            aliases = (task.name, f"{task.name}{CURRENT}") if current else ()
            models.append(ServedModel(f"{task.name}@{task_lm.manifest.id}", aliases, task, task_lm))
    return models
