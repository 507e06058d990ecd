"""The model `auto`: an input goes to the current Task-LM of the task that the router chooses, else to the base model."""

from collections.abc import Sequence

from anytasktune.schema import AUTO, Route
from anytasktune.serving.api_errors import not_honoured
from anytasktune.serving.api_requests import Message
from anytasktune.serving.input_of_messages import is_prompt, is_prompt_of_chat, text_of_one_turn
from anytasktune.serving.served_models import CURRENT, ModelCatalog, ServedModel

Routed = tuple[ServedModel, Route]
"""The model that is to answer, and why."""


def route_chat(models: ModelCatalog, messages: Sequence[Message]) -> Routed:
    """The model for a conversation: that of the task whose instruction stands in it, else by its one message of the user."""
    for model in _current(models):
        if model.task and is_prompt_of_chat(model.task, models.format_of(model), messages):
            return model, Route(task=model.task.name, by_prompt=True)
    text = text_of_one_turn(messages)
    return _routed(models, text) if text else (models.models[0], Route(task=None, abstained="conversation"))


def route_prompt(models: ModelCatalog, prompts: Sequence[str]) -> Routed:
    """The model for a prompt: that of the task that was trained with such ones, else by all of its text."""
    if len(prompts) > 1:
        raise not_honoured("prompt", f"{AUTO} takes one prompt at a time; send a request for each")
    for model in _current(models):
        if model.task and is_prompt(model.task, models.format_of(model), prompts[0]):
            return model, Route(task=model.task.name, by_prompt=True)
    return _routed(models, prompts[0])


def _current(models: ModelCatalog) -> list[ServedModel]:
    return [model for model in models.models if model.aliases and model.task]


def _routed(models: ModelCatalog, text: str) -> Routed:
    base = models.models[0]
    if models.router is None or not text.strip():
        return base, Route(task=None, abstained="conversation")
    (route,) = models.router.routes([text.strip()])
    if route.task is None:
        return base, route
    found = models.names.get(f"{route.task}{CURRENT}")
    return (found, route) if found else (base, route.model_copy(update={"task": None, "abstained": "no_task_lm"}))
