"""Golden prompts answered by llama.cpp (xllamacpp) from GGUF files, in a process of its own, which a fault of llama.cpp ends.

    python -m anytasktune.exporting.golden_by_llama_cpp golden.json task.json MODEL.gguf [ADAPTER.gguf]

prints a `CopyAnswer` per line. llama.cpp does not show the tokens it makes of a text, so each prompt is given three times: as
tokens, as text, and as messages for the file's chat template. Where the number of tokens and the first token's probabilities
are the same, so are the tokens.
"""

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.schema import CopyAnswer, GoldenPrompt, GoldenPrompts, TokenScore

_TOP = 5
_SAME = 1e-3


class _LlamaCpp:
    """A model in llama.cpp.

    xllamacpp opens a port of this machine as long as it lives, for which nobody has the key.
    """

    def __init__(self, model: Path, adapter: Path | None, context: int) -> None:
        import xllamacpp  # noqa: PLC0415 - an optional package

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(model)
        parameters.n_ctx, parameters.n_gpu_layers, parameters.n_parallel = context, 0, 1
        parameters.warmup, parameters.fit_params, parameters.verbosity = False, False, 0
        parameters.api_keys = [secrets.token_hex(16)]
        if adapter is not None:
            parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0)]
        self._server = xllamacpp.Server(parameters)

    def begin(self, prompt: list[int] | str | list[dict[str, str]], end: int) -> "_Beginning":
        """The most probable first tokens after a prompt given as tokens, text or messages.

        The end of the turn is forced: of a token that is half a character llama.cpp would not tell the probability.
        """
        request = {"max_tokens": 1, "n_probs": _TOP, "logit_bias": [[end, 1000.0]], "temperature": 0, "cache_prompt": False}
        if isinstance(prompt, list) and prompt and isinstance(prompt[0], dict):
            chat = {"messages": prompt, "logprobs": True, "top_logprobs": _TOP}
            reply = _checked(self._server.handle_chat_completions(request | chat))
        else:
            reply = _checked(self._server.handle_completions(request | {"prompt": prompt}))
        found = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        scores = [TokenScore(token=entry["id"], log_probability=round(entry["logprob"], 5)) for entry in found]
        return _Beginning(int(reply["usage"]["prompt_tokens"]), scores)

    def answer(self, prompt: list[int], most_tokens: int) -> tuple[str, list[int]]:
        """The greedy answer to a prompt, and its tokens."""
        request = {"prompt": prompt, "max_tokens": most_tokens, "temperature": 0, "cache_prompt": False}
        reply = _checked(self._server.handle_completions(request | {"return_tokens": True, "verbose": True}))
        return str(reply["choices"][0]["text"]), [int(token) for token in reply["__verbose"]["tokens"]]


@dataclass(frozen=True)
class _Beginning:
    """Number of a prompt's tokens, and the most probable first tokens after it."""

    prompt_tokens: int
    first_tokens: list[TokenScore]

    def equals(self, other: "_Beginning") -> bool:
        """Whether both prompts were the same tokens."""
        pairs = list(zip(self.first_tokens, other.first_tokens, strict=True))
        near = all(abs(one.log_probability - two.log_probability) < _SAME for one, two in pairs)
        return near and self.prompt_tokens == other.prompt_tokens


def _checked(reply: dict[str, Any]) -> dict[str, Any]:
    if "choices" not in reply:
        raise RuntimeError(str(reply.get("error") or reply))
    return reply


def answer_golden(model: _LlamaCpp, golden: GoldenPrompt, task: dict[str, Any], most_tokens: int) -> CopyAnswer:
    """One golden prompt, read and answered by llama.cpp."""
    end = task["end_of_turn"]
    beginning = model.begin(golden.ids, end[0])
    same_tokens = model.begin(golden.text, end[0]).equals(beginning)
    same_text = task["template"] == "plain" or model.begin(_messages(golden, task), end[0]).equals(beginning)
    output, ids = model.answer(golden.ids, most_tokens)
    return CopyAnswer(
        text=golden.text if same_text else "",
        ids=golden.ids if same_tokens else [],
        first_tokens=beginning.first_tokens,
        output=output.strip(),
        answer_ids=[token for token in ids if token not in end],
    )


def _messages(golden: GoldenPrompt, task: dict[str, Any]) -> list[dict[str, str]]:
    instructions = task["instruction"]
    instruction = instructions.get(golden.example.language or "") or next(iter(instructions.values()))
    if not task["system_role"]:
        return [{"role": "user", "content": f"{instruction}\n\n{golden.example.input}"}]
    return [{"role": "system", "content": instruction}, {"role": "user", "content": golden.example.input}]


def main(golden_file: Path, task_file: Path, model: Path, adapter: Path | None = None) -> None:
    """CopyAnswer the golden prompts of an export."""
    golden = GoldenPrompts.model_validate_json(golden_file.read_bytes())
    task = json.loads(task_file.read_text(encoding="utf-8"))
    longest = max((len(prompt.ids) for prompt in golden.prompts), default=1)
    program = _LlamaCpp(model, adapter, longest + golden.max_new_tokens + 16)
    for prompt in golden.prompts:
        sys.stdout.write(answer_golden(program, prompt, task, golden.max_new_tokens).model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
