"""Instructions of drafted tasks: what a colleague would be told, and then the form of the answer, said exactly."""

from anytasktune.outputs import Output, Rules
from anytasktune.records import Language
from anytasktune.text.plain_text import collapse_space


def instruction(told: str, output: Output, rules: Rules, language: Language) -> str:
    """The whole instruction in one language."""
    parts = [_sentence(told, language), *form_of_answer(output, rules, language)]
    return ("" if language == "zh" else " ").join(part for part in parts if part)


def form_of_answer(output: Output, rules: Rules, language: Language) -> list[str]:
    """Sentences that say everything a program will check."""
    sentences = output.form_sentences(rules, language)
    if rules.copies_from_input:
        copied = {"en": "Copy the words of the input exactly.", "zh": "逐字照抄原文。"}
        sentences.append(copied[language])
    if rules.max_length is not None:
        length = {"en": f"At most {rules.max_length} characters.", "zh": f"不超过{rules.max_length}个字符。"}
        sentences.append(length[language])
    return sentences


def _sentence(text: str, language: Language) -> str:
    """`text` with a full stop at its end."""
    text = collapse_space(text)
    if not text or text[-1] in ".!?;:。！？；：":
        return text
    return text + ("。" if language == "zh" else ".")
