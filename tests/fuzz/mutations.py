"""Hostile texts, values and bytes, chosen by a seeded generator."""

import json
import re
from collections.abc import Sequence
from random import Random
from typing import Any

TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udcff",
    "[/red]",
    "[bold]x",
    "[link=file:///etc]a[/link]",
    ":smile:",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "\u202eabc",
    "\u2028",
    "\u2066x",
    "\ufeff",
    "\ufffe",
    "\u200b",
    "e\u0301",
    "ﬁ",
    "押金",
    "😀" * 3,
    "𠮷",
    "x" * 300,
    "押" * 300,
    "=1+1",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "'",
    '"',
    '""',
    "\\",
    "`id`",
    "$HOME",
    "../../etc/passwd",
    "/",
    ".",
    "..",
    "con",
    "NUL",
    "com1",
    "%s%n{}{0}",
    "{{ 7*7 }}",
    "{% raise %}",
    "-",
    "--",
    "--help",
    "-1",
    "0",
    "1e999",
    "-1e999",
    "1e-999",
    "NaN",
    "Infinity",
    ".inf",
    "true",
    "no",
    "null",
    "~",
    "1" * 400,
    "1" * 5000,
    "0x" + "f" * 4000,
    "1_000",
    "٣",
    "½",
    "二",
    "2024-01-01",
    "12:30:45",
    "\r",
    "a\rb",
    "a\r\nb",
    "\t",
    "\x0b\x0c",
    "\x1c\x1d",
    "\x85",
    "a: b",
    "# no",
    "- a",
    "*a",
    "&a",
    "!!python/object:os.system",
    "<|im_end|>",
    "<|end|>",
    "(a+)+$",
    "a{1,100000}",
    "((((a{99}){99}){99}){99})",
    "(?P<n>",
    "[",
    "\\",
    "(" * 500,
    "housing",
    "work",
    "housing; work",
)
ENCODINGS = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-8-sig",
    "gb18030",
    "gbk",
    "big5",
    "cp1252",
    "latin-1",
    "shift_jis",
    "euc_kr",
    "cp1251",
    "utf-7",
    "cp500",
)
_PIECES = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b'"',
    b"'",
    b"\r",
    b"\n",
    b"\r\n",
    b",",
    b"\t",
    b"{",
    b"]",
    b"\\",
)
_PIECES += (
    b"\\u0000",
    b"\\ud800",
    b"\x1b[2J",
    b"\x80",
    b"\xc0\xaf",
    b"\xf5",
    b"\x1a",
    b"%",
    b"&#0;",
    b"<!--",
    b"9" * 400,
    b":",
    b"- ",
    b"\xe2\x80\xa8",
)


_NEEDS_ESCAPE = re.compile("[\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def odd_text(random: Random) -> str:
    """A text that a reader may stumble over: one of `TEXTS`, two of them, or one within other words."""
    first = random.choice(TEXTS)
    kind = random.random()
    if kind < 0.6:
        return first
    return first + random.choice(TEXTS) if kind < 0.8 else f"the matter {first} of"


def odd_name(random: Random) -> str:
    """A text for the name of a file or task, which a command line can hold."""
    return odd_text(random).replace("\x00", "").encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def odd_number(random: Random) -> Any:
    """A number, or what is taken for one."""
    return random.choice(
        [
            0,
            -1,
            1,
            2**31,
            2**63,
            -(2**63) - 1,
            2**64,
            10**30,
            10**400,
            0.1,
            -0.0,
            1e308,
            5e-324,
            float("nan"),
            float("inf"),
            True,
        ]
    )


def odd_value(random: Random, depth: int = 0) -> Any:
    """A JSON value with hostile parts."""
    kind = random.random()
    if kind < 0.4 or depth > 3:
        return odd_text(random)
    if kind < 0.6:
        return odd_number(random)
    if kind < 0.7:
        return random.choice([None, True, False, [], {}, "", [[]], {"": {}}])
    if kind < 0.8:
        return nested(random.choice([5, 63, 65, 200]), as_list=random.random() < 0.5)
    if kind < 0.9:
        return [odd_value(random, depth + 1) for _ in range(random.randint(0, 4))]
    return {odd_text(random): odd_value(random, depth + 1) for _ in range(random.randint(0, 4))}


def nested(levels: int, *, as_list: bool) -> Any:
    """A value inside so many lists or objects."""
    value: Any = 1
    for _ in range(levels):
        value = [value] if as_list else {"a": value}
    return value


def dump(value: Any) -> str:
    """`value` as JSON that is written whatever it holds; whole numbers of any length."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dump(str(key))}: {dump(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dump, value)) + "]"
    if isinstance(value, int) and value == 10**400:
        return "1" + "0" * 5000
    text = json.dumps(value, ensure_ascii=False)
    return _NEEDS_ESCAPE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def encoded(text: str) -> bytes:
    """`text` as UTF-8; half characters as three bytes, as careless programs write them."""
    return text.encode("utf-8", "surrogatepass")


def mutate(random: Random, data: bytes, most: int = 3) -> bytes:
    """`data` with up to `most` small damages."""
    for _ in range(random.randint(1, most)):
        data = _damage(random, data)
    return data[: 1 << 20]


def _damage(random: Random, data: bytes) -> bytes:
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice([1, 1, 2, 8, 40, 200]))
    kind = random.randrange(8)
    if kind == 0 and data:
        start = min(start, len(data) - 1)
        return data[:start] + bytes([data[start] ^ (1 << random.randrange(8))]) + data[start + 1 :]
    if kind == 1:
        return data[:start] + data[end:]
    if kind == 2:
        return data[:end] + data[start:end] * random.choice([1, 2, 50]) + data[end:]
    if kind == 3:
        return data[:start]
    if kind == 4:
        other = random.randrange(len(data) + 1)
        return data[:start] + data[other : other + 20] + data[start:]
    if kind == 5:
        return data[:start] + encoded(odd_text(random)) + data[end:]
    return data[:start] + random.choice(_PIECES) * random.choice([1, 1, 1, 30]) + data[start:]


def reencoded(random: Random, text: str) -> bytes:
    """`text` in an encoding that is not expected; what it cannot write becomes `?`."""
    return text.encode(random.choice(ENCODINGS), "replace")


def change_value(random: Random, value: Any, replacement: Any) -> Any:
    """A copy of a JSON value with one part, anywhere in it, replaced, removed, or added."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        copy = dict(value)
        kind = random.random()
        if kind < 0.1:
            del copy[key]
        elif kind < 0.2:
            copy[odd_text(random)] = replacement
        else:
            copy[key] = change_value(random, value[key], replacement)
        return copy
    if isinstance(value, list) and value and random.random() < 0.9:
        place = random.randrange(len(value))
        return [*value[:place], change_value(random, value[place], replacement), *value[place + 1 :]]
    return replacement


def pick(random: Random, choices: Sequence[Any], most: int) -> list[Any]:
    """Up to `most` of the choices."""
    return random.sample(list(choices), random.randint(0, min(most, len(choices))))
