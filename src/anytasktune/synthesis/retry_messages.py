"""Sentences that tell a teacher what is wrong with its answer, so that it can put it right."""

from anytasktune.outputs import OUTPUT_KINDS
from anytasktune.records import Language

_SENTENCES: dict[str, dict[Language, str]] = {
    "no_answer": {"en": 'there is no key "answer" in it.', "zh": "其中没有键 answer。"},
    "missing": {"en": "there are fewer inputs in it than were asked for.", "zh": "输入的条数不够。"},
    "wrong_language": {"en": "the input is not written in English.", "zh": "输入不是用中文写的。"},
    "reworded": {
        "en": "the input is too close to one that was shown; write about other people and another event.",
        "zh": "与给出的输入过于相似，请换人换事重写。",
    },
    "copied_prompt": {
        "en": "the input repeats the task or the situation; write what the person would really write.",
        "zh": "输入重复了任务或情境的说法，请写出当事人真正会写的文字。",
    },
    "copied_passage": {
        "en": "the input is only copied from the document; write what a real person would write about it.",
        "zh": "输入只是照抄了文档，请写出真实的人会就此写下的文字。",
    },
    "gives_answer": {
        "en": "the input is the answer itself; write the text it is the answer to.",
        "zh": "输入就是答案本身，请写出与之对应的原文。",
    },
    "bad_input_form": {
        "en": "the input is not a JSON object with the keys {keys}.",
        "zh": "输入不是含有键 {keys} 的JSON对象。",
    },
    "not_grounded": {
        "en": "quote does not stand in the text; copy a piece of the text character by character.",
        "zh": "quote 不是文字中的原文，请逐字摘抄文字中的一句。",
    },
    "repeated": {"en": "two inputs are nearly the same; make them differ.", "zh": "有两条输入几乎相同，请写得不一样。"},
    "few_situations": {"en": "there are too few different situations in it.", "zh": "不同的情境太少。"},
    "no_choice": {"en": 'answer is neither "yes" nor "no".', "zh": "answer 不是 yes 或 no。"},
}
_OF_REWRITES: dict[str, dict[Language, str]] = {
    "no_rewrite": {
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


def say(name: str, language: Language, **values: object) -> str:
    """The fault of that name in a sentence."""
    return (_SENTENCES | _OF_REWRITES)[name][language].format(**values)


def sentences(language: Language) -> list[str]:
    """All sentences about answers and new inputs, without the particulars."""
    of_kinds = [sentence for kind in OUTPUT_KINDS.values() for sentence in kind.misfits.values()]
    return [sentence[language] for sentence in [*_SENTENCES.values(), *of_kinds]]
