"""Gates on how candidates are written: `refusal`, `length` and `language`. What own rows of a task do is let through.

Refusal: refusals, talk about itself, introductions ("Here is the rewritten text:"), code fences, blanks left to be filled in
("[Name]"), and words of the instruction that found their way into the text.

Language: texts of real work mix languages: drug names in Chinese notes, titles of songs in English requests. So a text is only
out of place when it reads as prose of another language, or when whole sentences of one stand in it.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from anytasktune.errors import counted
from anytasktune.gates.gate import FEWEST_DATA, TOLERATED, Finding, Job, Placed, Row, by_language
from anytasktune.records import Language
from anytasktune.text.language import has_letters, has_other_sentence, is_other_prose
from anytasktune.text.plain_text import normalise
from anytasktune.text.scripts import HAN, is_in_script

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
_WORDS: dict[Language, re.Pattern[str]] = {"en": re.compile(r"\w+"), "zh": re.compile(rf"[{HAN}]|[^\W{HAN}]+")}
_FLAGS = re.I | re.M
_SHORTEST, _SHOWN = 4, 80

_RUN = re.compile(r"([^\W_])\1{23,}|(.{2,80}?)\2{5,}", re.S)
"""A character two dozen times, or a piece six times, one after the other."""
_PIECE = 4
_LETTER = re.compile(r"[^\W_]")
_FEWEST_RUNS, _SHORTEST_RUN = 6, 24
_SENTENCE = re.compile(r"[^.!?。！？；\n]{6,}")
_FEWEST_REPEATS, _REPEATED_SHARE = 4, 0.5

_MOST = 0.8
"""Share of the answers that must be in one language for it to be the language of the answers."""
_STRICT = 0.003
"""Of the own rows, for a check that a text in nothing but names and codes does not pass."""
_GARBLED = re.compile("\ufffd|(?:[\u00c3\u00c2][\u0080-\u00bf]){2}|\u00e2\u20ac|锟斤拷|烫烫烫")
_NAMES: dict[Language, str] = {"en": "English", "zh": "Chinese"}
_DETAILS = {
    "garbled": "characters were lost or read in a wrong encoding",
    "input_language": "the input is not written in {language}",
    "mixed_input": "a whole sentence of the input is not written in {language}",
    "answer_language": "the answer is not in the language of the answers to other {language} inputs",
    "mixed_answer": "a whole sentence of the answer is not in the language of the answers to other {language} inputs",
}

Reads = Callable[[str, Language], bool]
"""Whether a text is not in a language."""
Check = tuple[str, Callable[[Row], bool]]
"""A reason, and whether it holds for a row."""


def refusal(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs and free answers that hold a refusal or boilerplate, or words of the instruction."""
    for language, group in by_language(items).items():
        patterns = {part: _suiting_pattern(job, language, part) for part in ("input", "answer")}
        echo = _suiting_echo(job, language)
        for item in group:
            parts = _parts(job, item.candidate)
            matches = ((part, match) for part, texts in parts.items() for match in map(patterns[part].search, texts) if match)
            if (found := next(matches, None)) is not None:
                part, match = found
                reason = str(match.lastgroup)
                detail = f"in the {part}, {_CHECKS[reason][1]}: {match.group().strip()[:_SHOWN]!r}"
                yield Finding(item.position, True, reason, detail)
            elif echoed := next(filter(None, map(echo, chain(*parts.values()))), ""):
                yield Finding(item.position, True, "prompt_echo", f"words of the instruction: {echoed[:_SHOWN]!r}")


def _parts(job: Job, row: Row) -> dict[str, list[str]]:
    return {"input": [row.input], "answer": [text for _, text in job.pieces(row) if len(text) >= _SHORTEST]}


def _suiting_pattern(job: Job, language: Language, part: str) -> re.Pattern[str]:
    """The forms that hardly an own row has in this part, as one pattern with a group for each reason."""

    def suits(form: str) -> bool:
        pattern = re.compile(form, _FLAGS)
        return job.suits_own_rows(lambda row: any(map(pattern.search, _parts(job, row)[part])), language)

    left = {reason: [form for form in forms if suits(form)] for reason, (forms, _) in _CHECKS.items()}
    groups = [f"(?P<{reason}>{'|'.join(forms)})" for reason, forms in left.items() if forms]
    return re.compile("|".join(groups) or r"(?!)", _FLAGS)


def _suiting_echo(job: Job, language: Language) -> Callable[[str], str]:
    """Finds words of the instruction in a text; none where own rows repeat the instruction, too."""
    width, joint = _ECHO[language], "" if language == "zh" else " "

    def windows(text: str) -> Iterator[str]:
        words = _WORDS[language].findall(text.lower())
        return (joint.join(words[start : start + width]) for start in range(len(words) - width + 1))

    told = frozenset(windows(job.task.instruction.get(language, "")))

    def echo(text: str) -> str:
        return next((window for window in windows(text) if window in told), "") if told else ""

    def echoes(row: Row) -> bool:
        return any(map(echo, chain(*_parts(job, row).values())))

    return echo if job.suits_own_rows(echoes, language) else lambda text: ""


def length(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs and free answers outside of what the own rows' lengths allow (with `length_factor`), or degenerate repetition.

    Where a language has fewer than ten own rows, only `shortest_input` and repetition are checked.
    """

    def repetition(row: Row) -> str:
        return next(filter(None, map(repeated, (row.input, *(text for _, text in job.pieces(row))))), "")

    for language, group in by_language(items).items():
        limits = _limits(job, language)
        look_for_repetition = job.suits_own_rows(lambda row: bool(repetition(row)), language)
        for item in group:
            again = repetition(item.candidate) if look_for_repetition else ""
            if again:
                yield Finding(item.position, True, "repetition", f"it says {again!r} over and over")
            elif (size := len(item.candidate.input.strip())) < job.config.shortest_input:
                yield Finding(item.position, True, "short_input", f"the input has {counted(size, 'character')}", 1.0)
            else:
                found = [_out_of_limits(item, part, *limits[part], job.config.length_factor) for part in limits]
                yield from sorted(filter(None, found), key=lambda finding: not finding.drop)[:1]


def _limits(job: Job, language: Language) -> dict[str, tuple[int, int]]:
    """Fewest and most characters of the own rows' inputs and, where they are free text, outputs."""
    rows = job.own_rows_by_language.get(language, [])
    if len(rows) < FEWEST_DATA:
        return {}
    sizes = {"input": [len(row.input.strip()) for row in rows]}
    if any(job.pieces(row) for row in rows[:FEWEST_DATA]):
        sizes["output"] = [len(row.output.strip()) for row in rows]
    return {part: (min(found) or 1, max(found) or 1) for part, found in sizes.items()}


def _out_of_limits(item: Placed, part: str, least: int, most: int, factor: float) -> Finding | None:
    size = len((item.candidate.input if part == "input" else item.candidate.output).strip())
    if least <= size <= most:
        return None
    # 0 at the own rows' extreme, 1 where the factor is reached
    over = size > most
    distance = math.log(size / most if over else least / max(size, 1)) / math.log(factor)
    if distance <= 1:
        return Finding(item.position, False, f"unusual_{part}_length", border=round(distance, 3))
    limit = f"longest own row has {most}" if over else f"shortest own row has {least}"
    detail = f"the {part} has {counted(size, 'character')}; the {limit}, and a factor of {factor:g} is allowed"
    return Finding(item.position, True, f"{'long' if over else 'short'}_{part}", detail, max(0.0, round(2 - distance, 3)))


def repeated(text: str) -> str:
    """The piece or sentence that `text` repeats over and over, shortened; empty if there is none."""
    pieces = Counter(text[place : place + _PIECE] for place in range(len(text) - _PIECE + 1))
    if len(text) >= _SHORTEST_RUN and max(pieces.values()) >= _FEWEST_RUNS - 1:  # looking closer takes long
        runs = (run for run in _RUN.finditer(text) if len(run.group()) >= _SHORTEST_RUN and _LETTER.search(run.group()))
        if run := next(runs, None):
            return run.group()[:40]
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]
    if len(sentences) < _FEWEST_REPEATS:
        return ""
    sentence, times = Counter(sentences).most_common(1)[0]
    return sentence[:40] if times >= max(_FEWEST_REPEATS, _REPEATED_SHARE * len(sentences)) else ""


def language(job: Job, items: Sequence[Placed]) -> Iterator[Finding]:
    """Inputs and free answers in another language than the candidate's (or than the own rows' answers), or garbled."""
    for spoken, group in by_language(items).items():
        checks = [*_input_checks(job, spoken), *_answer_checks(job, spoken, group)]
        for item in group:
            if fault := next((reason for reason, fires in checks if fires(item.candidate)), ""):
                yield Finding(item.position, True, fault, _DETAILS[fault].format(language=_NAMES[spoken]))


def _input_checks(job: Job, spoken: Language) -> Iterator[Check]:
    def check_of(reads: Reads) -> Callable[[Row], bool]:
        return lambda row: reads(row.input, spoken)

    yield from _suiting_check(job, spoken, "garbled", [lambda row: bool(_GARBLED.search(row.input + row.output))])
    yield from _suiting_check(job, spoken, "input_language", [check_of(_out_of_script), check_of(is_other_prose)])
    yield from _suiting_check(job, spoken, "mixed_input", [check_of(has_other_sentence)])


def _answer_checks(job: Job, spoken: Language, group: Sequence[Placed]) -> Iterator[Check]:
    rows: Sequence[Row] = job.own_rows(spoken)
    if len(rows) < FEWEST_DATA:
        rows = [item.candidate for item in group]
    texts = [text for row in rows if has_letters(text := _own_words(job, row))]
    other: Language = "zh" if spoken == "en" else "en"
    enough = _MOST * len(texts)
    wanted = next((one for one in (spoken, other) if sum(is_in_script(text, one) for text in texts) >= enough), None)
    if wanted is None or not texts:
        return

    def check_of(reads: Reads) -> Callable[[Row], bool]:
        return lambda row: reads(_own_words(job, row), wanted)

    yield from _suiting_check(job, spoken, "answer_language", [check_of(_out_of_script), check_of(is_other_prose)])
    yield from _suiting_check(job, spoken, "mixed_answer", [check_of(has_other_sentence)])


def _suiting_check(job: Job, spoken: Language, reason: str, checks: Sequence[Callable[[Row], bool]]) -> list[Check]:
    """The first of the checks, strictest first, that suits the own rows; none if none does."""
    tolerated = [*[_STRICT] * (len(checks) - 1), TOLERATED]
    fitting = [(reason, one) for one, most in zip(checks, tolerated, strict=True) if job.suits_own_rows(one, spoken, most)]
    return fitting[:1]


def _own_words(job: Job, row: Row) -> str:
    """The free text of the answer without what was copied from the input."""
    source = normalise(row.input)
    return " ".join(text for _, text in job.pieces(row) if normalise(text) not in source)


def _out_of_script(text: str, wanted: Language) -> bool:
    return not is_in_script(text, wanted) or is_other_prose(text, wanted)
