"""The input of a task in a request: clients send it alone, or in the whole prompt that the Task-LM was trained with."""

from collections.abc import Sequence

from anytasktune.chat import PromptFormat, instruction_for
from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.api_requests import Message
from anytasktune.text.language import likelier_language

_PROBE = "⟦input⟧"
_SYSTEM = ("system", "developer")


def input_of_chat(task: Task, format_: PromptFormat, messages: Sequence[Message], language: Language | None) -> Example:
    """The input in a conversation: the one message of the user, behind the task's instruction or alone.

    Args:
        language: the language the client asks for.

    Raises:
        ApiError: the conversation has more than the instruction and one message of the user.
    """
    turns = [message for message in messages if message.role not in _SYSTEM]
    if len(turns) != 1 or turns[0].role != "user":
        roles = ", ".join(message.role for message in turns) or "none"
        raise _wrong(
            f"task {task.name} takes one message of the user, its input; the turns sent are: {roles[:200]}", "messages"
        )
    text = turns[0].text
    instructions = _instructions(messages)
    if not instructions and not format_.rendering.system_role:
        for spoken in _languages(task, language):
            head = f"{instruction_for(task, spoken)}\n\n"
            if text.startswith(head) and len(text) > len(head):
                return _example(task, text.removeprefix(head), spoken)
    if not instructions:
        return _example(task, text, language)
    for spoken in _languages(task, language):
        if instructions == [instruction_for(task, spoken)]:
            return _example(task, text, spoken)
    what = f"task {task.name} has an instruction of its own, and this system message is another; leave it out"
    raise _wrong(what, "messages")


def input_of_prompt(task: Task, format_: PromptFormat, prompt: str, language: Language | None) -> Example:
    """The input in a prompt: what stands in the place of the input, where it is the trained prompt; else all of it."""
    for spoken in _languages(task, language):
        if (framed := _framed(task, format_, prompt, spoken)) is not None:
            return _example(task, framed, spoken, "prompt")
    return _example(task, prompt, language, "prompt")


def is_prompt(task: Task, format_: PromptFormat, prompt: str) -> bool:
    """Whether a prompt is one that the task's Task-LM was trained with."""
    return any(_framed(task, format_, prompt, spoken) is not None for spoken in task.languages)


def is_prompt_of_chat(task: Task, format_: PromptFormat, messages: Sequence[Message]) -> bool:
    """Whether a conversation is the task's instruction and one message of the user."""
    said, text = _instructions(messages), text_of_one_turn(messages, with_instruction=True)
    own = [instruction_for(task, spoken) for spoken in task.languages]
    if said:
        return bool(text) and len(said) == 1 and said[0] in own
    return not format_.rendering.system_role and any(text.startswith(f"{one}\n\n") and len(text) > len(one) + 2 for one in own)


def text_of_one_turn(messages: Sequence[Message], *, with_instruction: bool = False) -> str:
    """The text of a conversation that is one message of the user; empty where it is more.

    Args:
        with_instruction: a system message may stand before it.
    """
    turns = [message for message in messages if message.role not in _SYSTEM]
    if len(turns) != 1 or turns[0].role != "user" or (_instructions(messages) and not with_instruction):
        return ""
    return turns[0].text


def _framed(task: Task, format_: PromptFormat, prompt: str, language: Language) -> str | None:
    """The text in the place of the input; None where the prompt is not the trained one of this language."""
    frame = format_.prompt_text(task, Example(input=_PROBE, output="", language=language))
    before, _, after = frame.partition(_PROBE)
    if prompt.startswith(before) and prompt.endswith(after) and len(prompt) > len(before) + len(after):
        return prompt[len(before) : len(prompt) - len(after)]
    return None


def _instructions(messages: Sequence[Message]) -> list[str]:
    return [message.text.strip() for message in messages if message.role in _SYSTEM and message.text.strip()]


def _example(task: Task, text: str, language: Language | None, field: str = "messages") -> Example:
    if not text.strip():
        raise _wrong(f"the input of task {task.name} is empty", field)
    return Example(input=text.strip(), output="", language=task.language_of(language or likelier_language(text)))


def _languages(task: Task, first: Language | None) -> list[Language]:
    """The task's languages, the one asked for first."""
    return sorted(task.languages, key=lambda language: language != first)


def _wrong(what: str, field: str) -> ApiError:
    return ApiError(400, what, param=field, code="invalid_input")
