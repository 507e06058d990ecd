"""A larger model as a teacher, behind any OpenAI-compatible endpoint."""

from anytasktune.llm.endpoint import Endpoint, EndpointError
from anytasktune.llm.prompts import PromptError, prompt_id, render_prompt
from anytasktune.llm.teacher import AnswerStore, MisfitError, Reply, Spent, Teacher

__all__ = [
    "AnswerStore",
    "Endpoint",
    "EndpointError",
    "MisfitError",
    "PromptError",
    "Reply",
    "Spent",
    "Teacher",
    "prompt_id",
    "render_prompt",
]
