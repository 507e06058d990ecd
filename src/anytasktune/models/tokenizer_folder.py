"""Tokenizers for other programs, whose end of text is the token that ends answers."""

import copy
from pathlib import Path

from anytasktune.chat import PromptFormat
from anytasktune.models.cache import storing


def write_tokenizer_ending_with(format_: PromptFormat, folder: Path) -> None:
    """Write the tokenizer of a format into a folder; its end-of-text token is the one that ends an answer.

    An engine that ends constrained answers with the end-of-text token then ends them as they were trained to end.
    """
    tokenizer = copy.deepcopy(format_.tokenizer)
    tokenizer.eos_token = str(tokenizer.convert_ids_to_tokens(format_.rendering.end_of_turn[0]))
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save_pretrained(folder)
