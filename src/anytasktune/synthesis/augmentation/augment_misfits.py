"""What is wrong with a rewritten text, said so that a teacher can put it right."""

from anytasktune.llm.asking import MisfitError
from anytasktune.records import Language

_SENTENCES: dict[str, dict[Language, str]] = {
    "no_text": {
        "en": "text is missing or empty; it must hold the whole new text.",
        "zh": "text 缺失或为空，应为新文本的全文。",
    },
    "too_long": {
        "en": "text has {size} characters, at most {limit} are allowed.",
        "zh": "text 有{size}个字符，不能超过{limit}个。",
    },
    "echo": {
        "en": "text repeats what you were told to do; it must hold the new text and nothing else.",
        "zh": "text 照抄了对你的要求；其中只应有新的文本。",
    },
    "bad_pieces": {
        "en": "pieces must be a list of texts, none of them empty.",
        "zh": "pieces 应为数组，每一项都是非空的文字。",
    },
    "piece_count": {
        "en": "pieces has {size} entries, {limit} are wanted: one for each piece, in the same order.",
        "zh": "pieces 有{size}项，应为{limit}项，按顺序与片段一一对应。",
    },
}


def misfit(fault: str, language: Language, **values: int) -> MisfitError:
    """The error for a fault, in the language of the conversation."""
    return MisfitError(_SENTENCES[fault][language].format(**values))
