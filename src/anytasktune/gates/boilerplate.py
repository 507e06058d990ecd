"""Gate `refusal`: what a model says when it does not do the work, or says around it.

Refusals, talk about itself, introductions ("Here is the rewritten text:"), code fences, blanks left to be filled in ("[Name]"),
and words of the instruction that found their way into the text. What the seeds of a task do themselves is let through.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from anytasktune.gates.gate import Finding, Job, Placed, by_language
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.text.scripts import HAN

_ECHO: dict[Language, int] = {"en": 8, "zh": 16}
"""Words or characters in a row that are no chance when they stand in an instruction and in a text."""

_SELF = (
    r"\b(?:as|I(?:['’]?m| am)(?: just| only)?) an? (?:(?:AI|artificial intelligence)"
    r"(?: (?:language )?(?:model|assistant)\b|(?=[,.;!]))|(?:large )?language model\b)",
    r"作为(?:一[个名款]|个|一位)?(?:AI|人工智能|大?语言模型|智能助手)(?!\w{0,4}(?:工程师|研究员|专家))",
    r"我(?:只)?是(?:一[个款名]|个)?(?:AI|人工智能|大?语言模型)",
)
_REFUSES = (
    r"\A\W*(?:(?:I['’]?m |I am |We['’]re )?(?:so |very |really )?sorry|I apologi[sz]e|my apologies|unfortunately)?[,.;]? ?"
    r"(?:but )?I['’]?(?:m| am)? ?(?:can(?:no|['’])t|cannot|not able to|unable to|won['’]t|will not|must decline to) "
    r"(?:be able to )?(?:assist|help (?:you )?with (?:that|this)|comply|fulfil|provide|generate|create|produce|write|complete|"
    r"answer|do that|continue|engage|process|perform)\b",
    r"\A\W*(?:非常|很|十分)?(?:抱歉|对不起|不好意思)[，,。！ ]{0,2}(?:但|不过)?(?:目前|暂时)?(?:作为.{0,12}[，,])?"
    r"(?:我|本人|这个问题我)?(?:暂时|目前|现在|还)?(?:无法|不能|没法|没办法|不便)(?:为[您你])?(?:直接)?"
    r"(?:提供|回答|完成|满足|协助|处理|继续|给出|生成|帮|回应|执行|写|翻译|判断|讨论)",
)
_INTRODUCTION = (
    r"\A\W*(?:(?:Sure|Certainly|Of course|Absolutely|Okay|OK|Great)[,.!]+ )?(?:Here['’]?s|Here is|Here are|Below is|"
    r"The following is) (?:the|an?|one|some) [^\n.:：]{0,40}\b(?:rewritten|revised|text|message|input|examples?|version|"
    r"translation|response|answer|paraphrase|output|JSON|summary|might write|for this task)\b[^\n.:：]{0,40}[:：]",
    r"\A\W*I['’]ve (?:rewritten|created|generated) [^\n.:]{0,60}[:.]",
    r"\A\W*(?:Sure|Certainly|Of course|Absolutely)(?:! |, here| thing)",
    r"\A\W*(?:(?:好的|当然(?:可以)?|没问题|可以)[，,！!。]+ ?)?(?:以下|下面|这里)(?:是|为)[^\n：:。]{0,30}[：:]",
    r"\A\W*(?:改写|重写|修改|翻译|润色|生成|输出|回答)(?:后的?|结果|的文本|内容|如下)[^\n：:。]{0,8}[：:]",
    r"\A\W*(?:Rewritten|Revised|Translated|Generated|New|Paraphrased|Example|Sample) "
    r"(?:text|input|version|message|output|answer|\d+) ?:",
    r"\b(?:I hope this helps|Let me know if you (?:need|have|would like) (?:any|further|more|anything))\b[^\n]{0,60}\Z",
    r"(?:希望(?:这|以上)[^\n。]{0,12}(?:对[您你])?有(?:所)?帮助|如果?(?:您|你)?还?有(?:其他|任何)(?:问题|需要)[^\n]{0,8}随时)[^\n]{0,20}\Z",
)
_MARKUP = (
    r"```",
    r"^\s*#{1,4} ",
    r"^\s*\*\*[^*\n]{1,40}\*\*[:：]?\s*$",
    r"<\|?/?(?:im_start|im_end|endoftext|assistant|system|user|think)\b",
)
_BLANK = (
    r"\[(?:your|my|insert|enter|company|customer|client|patient|recipient|sender|employee|first name|last name|full name)\b"
    r"[^\]\n\d]{0,40}\]",
    r"\[(?:name|date|time|address|city|company|phone(?: number)?|email|number|amount|product|link|title|location|position)\]",
    r"[\[【](?:您的|你的|请填写|此处|填写|插入|具体)[^\]】\n]{0,16}[\]】]",
    r"[\[【](?:姓名|名字|日期|时间|地址|公司(?:名称)?|电话(?:号码)?|邮箱|金额|产品(?:名称)?|链接|职位|城市|客户(?:姓名)?|患者(?:姓名)?)[\]】]",
    r"\{\{? ?\w{1,30} ?\}\}?",
    r"<(?:insert|your|name|date|address|company)[^>\n]{0,30}>",
)
_CHECKS: dict[str, tuple[tuple[str, ...], str]] = {
    "refusal": (_REFUSES, "it refuses"),
    "about_itself": (_SELF, "the model speaks of itself"),
    "introduction": (_INTRODUCTION, "words around the text that are no part of it"),
    "markup": (_MARKUP, "a code fence, a heading or a control token"),
    "blank": (_BLANK, "a blank was left to be filled in"),
}
_FLAGS = re.I | re.M
_SHORTEST, _SHOWN = 4, 80


def refusal(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs and free answers that hold a refusal or boilerplate, or words of the instruction."""
    for language, group in by_language(items).items():
        in_input, in_answer = (_suiting(job, language, place) for place in (_input, partial(_answer, job)))
        windows = _suiting_windows(job, language)
        for item in group:
            example = item.candidate.example()
            finding = _said(item, "input", in_input, _input(example)) or _said(item, "answer", in_answer, _answer(job, example))
            if finding or (finding := _echoed(item, windows, language, [*_input(example), *_answer(job, example)])):
                yield finding


def _input(example: Example) -> Sequence[str]:
    return (example.input,)


def _answer(job: Job, example: Example) -> Sequence[str]:
    return [text for _, text in job.pieces(example) if len(text) >= _SHORTEST]


def _suiting(job: Job, language: Language, place: Callable[[Example], Sequence[str]]) -> re.Pattern[str]:
    """The forms that hardly a seed has there, as one pattern with a group for each reason."""

    def suits(form: str) -> bool:
        pattern = re.compile(form, _FLAGS)
        return job.fits_seeds(lambda example: any(map(pattern.search, place(example))), language)

    left = {reason: [form for form in forms if suits(form)] for reason, (forms, _) in _CHECKS.items()}
    return re.compile(
        "|".join(f"(?P<{reason}>{'|'.join(forms)})" for reason, forms in left.items() if forms) or r"(?!)", _FLAGS
    )


def _said(item: Placed, part: str, pattern: re.Pattern[str], texts: Sequence[str]) -> Finding | None:
    match = next(filter(None, map(pattern.search, texts)), None)
    if match is None:
        return None
    reason = str(match.lastgroup)
    return Finding(item.position, True, reason, f"in the {part}, {_CHECKS[reason][1]}: {match.group().strip()[:_SHOWN]!r}")


def _suiting_windows(job: Job, language: Language) -> frozenset[tuple[str, ...]]:
    """Stretches of the instruction, unless the seeds repeat them too."""
    windows = _windows(job.task.instruction.get(language, ""), language)

    def echoes(example: Example) -> bool:
        return any(_echo(text, windows, language) for text in (*_input(example), *_answer(job, example)))

    return windows if job.fits_seeds(echoes, language) else frozenset()


def _echoed(item: Placed, windows: frozenset[tuple[str, ...]], language: Language, texts: Sequence[str]) -> Finding | None:
    found = next(filter(None, (_echo(text, windows, language) for text in texts)), "")
    return Finding(item.position, True, "prompt_echo", f"words of the instruction: {found[:_SHOWN]!r}") if found else None


def _windows(text: str, language: Language) -> frozenset[tuple[str, ...]]:
    words, width = _words(text, language), _ECHO[language]
    return frozenset(tuple(words[start : start + width]) for start in range(len(words) - width + 1))


def _echo(text: str, windows: frozenset[tuple[str, ...]], language: Language) -> str:
    if not windows:
        return ""
    words, width = _words(text, language), _ECHO[language]
    for start in range(len(words) - width + 1):
        if tuple(words[start : start + width]) in windows:
            return ("" if language == "zh" else " ").join(words[start : start + width])
    return ""


_LETTERS: dict[Language, re.Pattern[str]] = {"en": re.compile(r"\w+"), "zh": re.compile(rf"[{HAN}]|[^\W{HAN}]+")}


def _words(text: str, language: Language) -> list[str]:
    return _LETTERS[language].findall(text.lower())
