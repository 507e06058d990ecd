"""A program that takes the arguments and requests of `vllm serve`, on stock transformers, PEFT and llguidance.

It knows what our server needs of vLLM 0.12 and newer, and is as strict as vLLM where that matters: ranks, keys, fields. Fields
that it does not know it ignores, as vLLM does. `FAKE_VLLM` in the environment makes it misbehave:

    dies            it ends while it starts
    hangs           it never answers
    no-model        it loads no model, answers with the first choice, and refuses grammars, as another backend would
    no-structure    the same, but it ignores structured_outputs, as an older vLLM would

`FAKE_VLLM_RECORD` names a file that gets the command line and the bodies of all requests, a JSON value a line.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
MODE = os.environ.get("FAKE_VLLM", "")


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vllm", allow_abbrev=False)
    parser.add_argument("verb", choices=["serve"])
    parser.add_argument("model")
    for name in ("host", "served-model-name", "tokenizer", "dtype", "generation-config", "structured-outputs-config.backend"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("port", "max-loras", "max-cpu-loras", "tensor-parallel-size"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--enable-lora", action="store_true")
    parser.add_argument("--max-lora-rank", type=int, choices=RANKS)
    parser.add_argument("--lora-modules", type=json.loads, nargs="+", default=[])
    given = parser.parse_args(words)
    for module in given.lora_modules:
        config = json.loads((Path(module["path"]) / "adapter_config.json").read_text(encoding="utf-8"))
        assert config["r"] <= given.max_lora_rank, f"LoRA rank {config['r']} is greater than max_lora_rank"
        assert module["base_model_name"] == given.served_model_name
    assert len(given.lora_modules) <= (given.max_cpu_loras or 0)
    return given


class Computer:
    """A base model with adapters, in float32."""

    def __init__(self, given: argparse.Namespace) -> None:
        import torch
        from llguidance.hf import from_tokenizer
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.torch = torch
        self.base = given.served_model_name
        self.tokenizer: Any = AutoTokenizer.from_pretrained(given.tokenizer)
        self.model: Any = AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.float32)
        for place, module in enumerate(given.lora_modules):
            if place == 0:
                self.model = PeftModel.from_pretrained(self.model, module["path"], adapter_name=module["name"])
            else:
                self.model.load_adapter(module["path"], adapter_name=module["name"])
        self.model.eval()
        self.grammar_tokens = from_tokenizer(self.tokenizer)
        self.names = [module["name"] for module in given.lora_modules]

    def logits(self, name: str, ids: list[int]) -> Any:
        """[tokens, vocabulary] log probabilities after each token."""
        with self.torch.inference_mode():
            row = self.torch.tensor([ids])
            if name == self.base and self.names:
                with self.model.disable_adapter():
                    found = self.model(row).logits
            else:
                if self.names:
                    self.model.set_adapter(name)
                found = self.model(row).logits
        return found[0].float().log_softmax(dim=-1)

    def matcher(self, form: dict[str, Any] | None) -> Any:
        from llguidance import LLMatcher, grammar_from

        if form is None:
            return None
        (kind,) = form
        if kind == "json":
            return LLMatcher(self.grammar_tokens, LLMatcher.grammar_from_json_schema(json.dumps(form["json"])))
        return LLMatcher(self.grammar_tokens, grammar_from(kind, form[kind]))

    def tokens(self, body: dict[str, Any], prompt: list[int]) -> Any:
        """The tokens of a greedy answer, its end among them."""
        import numpy as np
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        assert body["temperature"] == 0, "only greedy answers are known here"
        matcher, ids = self.matcher(body.get("structured_outputs")), list(prompt)
        for _ in range(body["max_tokens"]):
            scores = self.logits(body["model"], ids)[-1]
            if matcher is not None:
                mask = allocate_token_bitmask(1, self.grammar_tokens.vocab_size)
                fill_next_token_bitmask(matcher, mask)
                allowed = np.unpackbits(mask.view(np.uint8), bitorder="little")[: len(scores)].astype(bool)
                scores = scores.masked_fill(self.torch.tensor(~allowed), -self.torch.inf)
            token = int(scores.argmax())
            ids.append(token)
            if matcher is not None:
                matcher.consume_token(token)
            yield token
            if token in {self.tokenizer.eos_token_id, *body.get("stop_token_ids", [])}:
                return

    def prompt_logprobs(self, name: str, prompt: list[int], most: int) -> list[Any]:
        logits = self.logits(name, prompt)
        places = []
        for at, token in enumerate(prompt[1:]):
            best = {int(other) for other in logits[at].topk(most).indices}
            places.append({str(other): {"logprob": float(logits[at, other])} for other in [token, *sorted(best - {token})]})
        return [None, *places]

    def choice(self, body: dict[str, Any], place: int, prompt: list[int]) -> dict[str, Any]:
        ids = list(self.tokens(body, prompt))
        ended = ids[-1] in {self.tokenizer.eos_token_id, *body.get("stop_token_ids", [])}
        made: dict[str, Any] = {"index": place, "text": self.tokenizer.decode(ids, skip_special_tokens=True)}
        made |= {"finish_reason": "stop" if ended else "length", "logprobs": None}
        if body.get("return_token_ids"):
            made["token_ids"] = ids
        if body.get("prompt_logprobs") is not None:
            made["prompt_logprobs"] = self.prompt_logprobs(body["model"], prompt, body["prompt_logprobs"])
        return made


class NoComputer:
    """Answers without a model."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.base = given.served_model_name
        self.names = [module["name"] for module in given.lora_modules]

    def choice(self, body: dict[str, Any], place: int, prompt: list[int]) -> dict[str, Any]:
        form = body.get("structured_outputs", {}) if MODE == "no-model" else {}
        text = form.get("choice", ["x"])[0]
        made = {"index": place, "text": text, "token_ids": [5], "finish_reason": "stop"}
        return made | {"prompt_logprobs": [None] + [{str(token): {"logprob": -1.0}} for token in prompt[1:]]}


class Handler(BaseHTTPRequestHandler):
    computer: Any
    lock = threading.Lock()

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/health":
            self.reply(200, {})
        elif self.allowed() and self.path == "/v1/models":
            base = {"id": self.computer.base, "parent": None}
            self.reply(200, {"data": [base, *({"id": name, "parent": base["id"]} for name in self.computer.names)]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.allowed():
            return
        record(body)
        assert self.path == "/v1/completions"
        if MODE == "no-model" and "grammar" in (body.get("structured_outputs") or {}):
            self.reply(400, {"error": {"message": "Grammar error: not supported", "code": 400}})
        elif body.get("stream"):
            self.stream(body)
        else:
            prompts = body["prompt"] if isinstance(body["prompt"][0], list) else [body["prompt"]]
            with self.lock:
                choices = [self.computer.choice(body, place, prompt) for place, prompt in enumerate(prompts)]
            self.reply(200, {"object": "text_completion", "choices": choices, "usage": {"prompt_tokens": 1}})

    def stream(self, body: dict[str, Any]) -> None:
        assert body.get("prompt_logprobs") is None, "prompt_logprobs are not available when stream=True"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with self.lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for token in self.computer.tokens(body, body["prompt"]):
                if body["max_tokens"] >= 400:  # long enough for a client to go
                    time.sleep(0.05)
                part = {"index": 0, "text": self.computer.tokenizer.decode([token]), "token_ids": [token]}
                self.wfile.write(f"data: {json.dumps({'choices': [part]})}\n\n".encode())
            self.wfile.write(b'data: {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')
            return
        record("the client has gone")

    def allowed(self) -> bool:
        if self.headers["authorization"] == f"Bearer {os.environ['VLLM_API_KEY']}":
            return True
        self.reply(401, {"error": "Unauthorized"})
        return False

    def reply(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def record(value: Any) -> None:
    if place := os.environ.get("FAKE_VLLM_RECORD"):
        with Path(place).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(value) + "\n")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: (record("SIGTERM"), os._exit(0)))
    record(sys.argv[1:])
    given = arguments(sys.argv[1:])
    print("INFO starting", flush=True)
    if MODE == "hangs":
        threading.Event().wait()
    if MODE == "dies":
        print(f"key {os.environ['VLLM_API_KEY']}\nRuntimeError: no GPU here", flush=True)
        sys.exit(3)
    Handler.computer = NoComputer(given) if MODE else Computer(given)
    ThreadingHTTPServer((given.host, given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
