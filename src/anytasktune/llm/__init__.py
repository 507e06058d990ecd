"""A larger model as a teacher, behind any OpenAI-compatible endpoint."""

from anytasktune.llm.asking import Asker, MisfitError, Question, Reply
from anytasktune.llm.costs import Expected, Tokens, expected_cost
from anytasktune.llm.endpoint import Endpoint, EndpointError
from anytasktune.llm.ledger import ANSWERS_FILE
from anytasktune.llm.placeholders import PLACEHOLDERS_FILE, Placeholders
from anytasktune.llm.prompts import PromptError, prompt_id, render_prompt
from anytasktune.llm.teacher import Activity, Teacher

__all__ = [
    "ANSWERS_FILE",
    "Activity",
    "Asker",
    "Endpoint",
    "EndpointError",
    "Expected",
    "MisfitError",
    "PLACEHOLDERS_FILE",
    "Placeholders",
    "PromptError",
    "Question",
    "Reply",
    "Teacher",
    "Tokens",
    "expected_cost",
    "prompt_id",
    "render_prompt",
]
