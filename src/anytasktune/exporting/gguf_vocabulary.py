"""A tokenizer as GGUF metadata: tokens, merges, how text is cut before merging, special tokens, the chat template."""

import json
from typing import Any

import gguf

from anytasktune.errors import ExportError
from anytasktune.exporting.export_source import ExportSource, pinned_template

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_BY_PATTERN = {_CONTRACTIONS + r"\p{N}" + _REST: "qwen2", _CONTRACTIONS + r"\p{N}{1,3}" + _REST: "llama-bpe"}
"""Regular expression that cuts text into words → llama.cpp's name of it."""


def write_vocabulary(source: ExportSource, size: int, writer: gguf.GGUFWriter) -> None:
    """Write a byte-level BPE tokenizer.

    Args:
        size: rows of the embedding; numbers without a token are filled up.

    Raises:
        ExportError: the tokenizer is of another kind.
    """
    tokenizer = source.task_lm.base.format.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules: dict[str, Any] = json.loads(backend.to_str()) if backend is not None else {}
    if (rules.get("model") or {}).get("type") != "BPE" or (cut := _pre_tokenizer(rules.get("pre_tokenizer") or {})) is None:
        fix = "export --to merged, then run convert_hf_to_gguf.py of llama.cpp on the folder"
        raise ExportError("only byte-level BPE tokenizers as those of Llama 3, SmolLM and Qwen are written as GGUF", fix=fix)
    added, words = tokenizer.added_tokens_decoder, {number: word for word, number in tokenizer.get_vocab().items()}
    tokens, kinds = [], []
    for number in range(size):
        tokens.append(words.get(number, f"[PAD{number}]"))
        special, extra = number in added and added[number].special, number in added
        kind = gguf.TokenType.CONTROL if special else gguf.TokenType.USER_DEFINED if extra else gguf.TokenType.NORMAL
        kinds.append(kind if number in words else gguf.TokenType.UNUSED)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in rules["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(cut)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    _write_special_tokens(source, writer)


def _write_special_tokens(source: ExportSource, writer: gguf.GGUFWriter) -> None:
    tokenizer, rendering = source.task_lm.base.format.tokenizer, source.task_lm.manifest.rendering
    end, bos = rendering.end_of_turn[0], tokenizer.bos_token_id
    writer.add_eos_token_id(end)  # an answer ends with the token that was trained, whatever the tokenizer's own end is
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id != end:
        writer.add_eot_token_id(int(tokenizer.eos_token_id))
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(int(tokenizer.pad_token_id))
    if bos is not None:
        writer.add_bos_token_id(int(bos))
    # a chat template writes its own; the plain rendering leaves it to the tokenizer
    first = tokenizer("x")["input_ids"][:1] if rendering.template == "plain" else []
    writer.add_add_bos_token(bos is not None and first == [bos])
    if template := pinned_template(source):
        writer.add_chat_template(template)


def _pre_tokenizer(rules: dict[str, Any]) -> str | None:
    """llama.cpp's name of the way text is cut into words; None for ways it has another name for."""
    steps = rules.get("pretokenizers", [rules])
    kinds = [step.get("type") for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True) and not steps[0].get("add_prefix_space"):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits") and steps[1].get("use_regex", True):
        return "smollm"
    if kinds == ["Split", "ByteLevel"]:
        return _BY_PATTERN.get(steps[0].get("pattern", {}).get("Regex", ""))
    return None
