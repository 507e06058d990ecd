"""Task + example → messages → tokens and loss mask. Training, evaluation and serving all render here and nowhere else.

With a chat template the instruction is the system message and the input the user message; models whose template
has no system role get both in the user message, separated by an empty line. Base models without a template get
the plain template::

    {instruction}

    ### Input
    {input}

    ### Output
    {output}<end of text>

The prompt and the answer are tokenised separately, as in serving: the model gets the prompt's tokens and adds its own.
Only the answer and the token that ends the turn are trained.
"""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anytasktune.errors import AnyTaskTuneError, ModelError
from anytasktune.ids import content_id, text_hash
from anytasktune.records import Language
from anytasktune.schema import Example, Rendering, Task
from anytasktune.text.plain_text import shorten

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "⟦probe⟧"
_TEMPLATE_SECONDS = 2.0
_MOST_WRITTEN = 100_000
"""Characters that a chat template may write around one word."""
_TEMPLATE_FIX = "mend the chat template in the model's chat_template.jinja or tokenizer_config.json, or choose another model"
_TODAY = "26 Jul 2024"
"""The date for Llama's templates, which print it: the same rows must be the same tokens tomorrow. It is their own default."""


@dataclass(frozen=True)
class Encoded:
    """One example as the model sees it. Tokens from `prompt_length` on are trained; the others are not."""

    ids: list[int]
    prompt_length: int

    @property
    def answer_length(self) -> int:
        """Number of trained tokens, the end of the turn included."""
        return len(self.ids) - self.prompt_length


def detect_rendering(tokenizer: "PreTrainedTokenizerBase") -> Rendering:
    """The rendering of prompts for this tokenizer's model.

    Raises:
        ModelError: if there is no token that could end an answer.
    """
    end_of_text = tokenizer.eos_token_id
    if not tokenizer.chat_template:
        return Rendering(template="plain", system_role=False, end_of_turn=[_checked(end_of_text)])
    with _deadline():
        asked = _apply(tokenizer, [{"role": "user", "content": _PROBE}], generation=True)
    with _deadline():
        answered = [{"role": "user", "content": "x"}, {"role": "assistant", "content": _PROBE}]
        before, probe, after = _apply(tokenizer, answered, generation=False).rpartition(_PROBE)
    with contextlib.suppress(ModelError), _deadline():  # a template refuses a role by raising
        system_role = False
        with_system = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "x"}]
        system_role = _apply(tokenizer, with_system, generation=False).count(_PROBE) == 1
    for who, written in (("user", asked), ("model", before + probe)):
        if written.count(_PROBE) != 1 or len(written) > _MOST_WRITTEN:
            what = f"the chat template does not write the words of the {who} once, as they are, and little else"
            raise ModelError(what, fix=_TEMPLATE_FIX)
    # an answer ends with the first special token the template writes after it, or with the end of the text
    special = set(tokenizer.all_special_ids)
    with _model_errors("the tokenizer fails"):
        end = next((token for token in tokenizer.encode(after, add_special_tokens=False) if token in special), end_of_text)
    return Rendering(template="chat", system_role=system_role, end_of_turn=[_checked(end)])


@contextlib.contextmanager
def _deadline() -> Iterator[None]:
    """Stop the block when it computes too long: a template is a program, and one that never ends must not be waited for."""
    end = time.thread_time() + _TEMPLATE_SECONDS

    def look(*_: Any) -> Any:
        if time.thread_time() > end:
            raise TimeoutError(f"it takes more than {_TEMPLATE_SECONDS:g} seconds")
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


@contextlib.contextmanager
def _model_errors(what: str) -> Iterator[None]:
    """Turn whatever a template or tokenizer raises into a ModelError."""
    try:
        yield
    except AnyTaskTuneError:
        raise
    except Exception as error:  # templates raise what their authors chose, and tokenizers bare exceptions
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"{what}: {shorten(reason, 200)}", fix=_TEMPLATE_FIX) from error


def _checked(end: int | None) -> int:
    if end is None:
        fix = "set eos_token in the model's tokenizer_config.json"
        raise ModelError("the tokenizer has no end-of-text token, so answers could not end", fix=fix)
    return int(end)


def _apply(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], *, generation: bool) -> str:
    # thinking is off: a Task-LM answers directly
    given = {"enable_thinking": False, "date_string": _TODAY}
    with _model_errors("the chat template fails"):
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation, **given))


@dataclass(frozen=True)
class PromptFormat:
    """Renders one task's examples for one model."""

    tokenizer: "PreTrainedTokenizerBase"
    rendering: Rendering

    @cached_property
    def fingerprint(self) -> str:
        """Equal for formats that make equal tokens of equal rows."""
        tokenizer = self.tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        rules = text_hash(backend.to_str()) if backend else [type(tokenizer).__name__, content_id(tokenizer.get_vocab())]
        template, special = str(tokenizer.chat_template), str(tokenizer.special_tokens_map)
        return content_id([rules, template, special, self.rendering.model_dump()])

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "PromptFormat":
        return cls(tokenizer, detect_rendering(tokenizer))

    def messages(self, task: Task, example: Example, shots: Sequence[Example] = ()) -> list[dict[str, str]]:
        """The conversation up to the point where the model has to answer; `shots` come before as answered turns."""
        instruction = instruction_for(task, example.language)
        head = [{"role": "system", "content": instruction}] if self.rendering.system_role else []
        turns: list[dict[str, str]] = []
        for shot in shots:
            turns += [{"role": "user", "content": shot.input}, {"role": "assistant", "content": shot.output}]
        turns.append({"role": "user", "content": example.input})
        if not self.rendering.system_role:
            turns[0] = {"role": "user", "content": f"{instruction}\n\n{turns[0]['content']}"}
        return head + turns

    def prompt_text(self, task: Task, example: Example, shots: Sequence[Example] = ()) -> str:
        """The prompt as text, ending where the answer begins."""
        if self.rendering.template == "plain":
            blocks = [f"### Input\n{shot.input}\n\n### Output\n{shot.output}" for shot in shots]
            blocks.append(f"### Input\n{example.input}\n\n### Output\n")
            return "\n\n".join([instruction_for(task, example.language), *blocks])
        return _apply(self.tokenizer, self.messages(task, example, shots), generation=True)

    def conversation_text(self, turns: Sequence[dict[str, str]]) -> str:
        """A conversation as text, ending where the model has to answer.

        Args:
            turns: each with `role` and `content`.

        Raises:
            ModelError: the model has no chat template, or its template refuses the conversation.
        """
        if self.rendering.template == "plain":
            raise ModelError("the model has no chat template", fix="give it a prompt to continue")
        return _apply(self.tokenizer, list(turns), generation=True)

    def prompt_ids(self, task: Task, example: Example, shots: Sequence[Example] = ()) -> list[int]:
        """The prompt's tokens."""
        # a chat template writes its own begin-of-text token; the plain one leaves that to the tokenizer
        return self.text_ids(self.prompt_text(task, example, shots), begins=self.rendering.template == "plain")

    def text_ids(self, text: str, *, begins: bool) -> list[int]:
        """Tokens of a text.

        Args:
            begins: with the tokens that the tokenizer puts before a text.
        """
        return self._ids([text], special=begins)[0]

    def answer_ids(self, output: str) -> list[int]:
        """The answer's tokens and the end of the turn."""
        return [*self._ids([output], special=False)[0], *self.rendering.end_of_turn]

    def encode(self, task: Task, example: Example) -> Encoded:
        """Prompt and answer of one example."""
        prompt = self.prompt_ids(task, example)
        return Encoded(prompt + self.answer_ids(example.output), len(prompt))

    def encode_all(self, task: Task, examples: Sequence[Example]) -> list[Encoded]:
        """The same as `encode` of each, with two calls of the tokenizer in all: on many rows in about half the time."""
        plain = self.rendering.template == "plain"
        prompts = self._ids([self.prompt_text(task, example) for example in examples], special=plain)
        answers = self._ids([example.output for example in examples], special=False)
        end = self.rendering.end_of_turn
        return [Encoded([*prompt, *answer, *end], len(prompt)) for prompt, answer in zip(prompts, answers, strict=True)]

    def _ids(self, texts: list[str], *, special: bool) -> list[list[int]]:
        if not texts:
            return []
        with _model_errors("the tokenizer fails"):
            return list(self.tokenizer(texts, add_special_tokens=special, return_attention_mask=False)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """Generated tokens as text, without the end of the turn and outer white space."""
        kept = [token for token in ids if token not in self.rendering.end_of_turn]
        return str(self.tokenizer.decode(kept, skip_special_tokens=True)).strip()


def instruction_for(task: Task, language: Language | None) -> str:
    """The task's instruction in `language`, or in its first language when it has none in that one."""
    wanted = language if language in task.instruction else task.languages[0]
    return task.instruction[wanted].strip()


def shared_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Length of the longest token prefix common to all prompts, leaving every prompt at least its last token.

    That last token predicts the first answer token, so it has to be computed per example.
    """
    if not prompts:
        return 0
    # the common prefix of the smallest and the largest sequence is common to all between them
    low, high = min(map(list, prompts)), max(map(list, prompts))
    limit = min(len(prompt) for prompt in prompts) - 1
    length = 0
    while length < limit and low[length] == high[length]:
        length += 1
    return length
