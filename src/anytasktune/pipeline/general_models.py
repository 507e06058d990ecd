"""General models that are compared with the Task-LMs: found before anything is trained, loaded one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from anytasktune.pipeline.general_endpoints import is_endpoint
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import GeneralModel

_SHOWN_FINGERPRINT = 6


@dataclass(frozen=True)
class LocalGeneralModel:
    """A general model on this machine.

    Attributes:
        context: the evaluation with this model in place of the base model; it shares the data sets.
    """

    model: GeneralModel
    context: TrainingContext


def local_general_models(context: TrainingContext) -> list[LocalGeneralModel]:
    """The models that `eval.general_models` names, without their weights in memory.

    Raises:
        ModelError: a model cannot be found or used.
    """
    found: list[LocalGeneralModel] = []
    for name in context.settings.eval.general_models:
        if is_endpoint(name):
            continue
        train = context.settings.train.model_copy(update={"model": name})
        settings = context.settings.model_copy(update={"train": train})
        own = replace(context, settings=settings, _parts={})
        info = own.model_info
        known = [model.model for model in found]
        if info.ref.fingerprint == context.model_info.ref.fingerprint:
            context.note(f"{name}: the base model itself, which `base` and `few_shot` are")
        elif info.ref.fingerprint not in {model.fingerprint for model in known}:
            shown = _distinct(info.ref.name, info.ref.fingerprint, known)
            model = GeneralModel(name=shown, fingerprint=info.ref.fingerprint, parameters=info.shape.parameters)
            found.append(LocalGeneralModel(model, own))
    return found


def _distinct(name: str, fingerprint: str, known: Sequence[GeneralModel]) -> str:
    """The name, with the beginning of the fingerprint where another model has the same name."""
    return f"{name} ({fingerprint[:_SHOWN_FINGERPRINT]})" if name in {model.name for model in known} else name
