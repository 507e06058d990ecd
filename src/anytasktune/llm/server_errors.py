"""Error messages of servers: found in the shapes they come in, and what each means for this request and for all."""

import email.utils
import json
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from anytasktune.llm.endpoint import BASE_URL, RequestError
from anytasktune.llm.redaction import Redactor
from anytasktune.text.plain_text import collapse_space, shorten

_SHOWN = 300
_BUSY = frozenset({429, 503, 529})
_BROKEN = frozenset({408, 409, 425, 500, 502, 504, 520, 522, 524})
_GATEWAY = frozenset({408, 502, 504, 520, 522, 524})
"""A gateway gave up; the model behind it may have worked, and be paid."""
_REFUSED = frozenset({400, 413, 422})
_OF_THE_FORM = ("response_format", "json_schema", "system role", "jinja")
"""Some servers call it an error of their own when they do not know a field; asked the same again they would fail the same."""
_NO_CREDIT = re.compile(r"insufficient.?(quota|balance|credit)|arrear|out of credit|欠费|余额不足", re.I)
_NO_MODEL = re.compile(
    r"model.?not.?found|(no such|unknown|invalid) model\b|model\b.{0,80}?(does not|doesn't|not) (exist|found)", re.I
)
_FILTERED = re.compile(r"content.?filter|data.?inspection|content management policy|inappropriate content|敏感|违规", re.I)
_NO_KEY = re.compile(
    r"(api|secret|access).{0,8}(key|token)\b|\b(key|token)\b.{0,30}(invalid|expired|missing|incorrect)"
    r"|(invalid|expired|missing|incorrect).{0,30}\b(key|token)\b|log ?in fail|credential|unauthori[sz]ed|密钥|令牌|鉴权",
    re.I,
)
_TOO_MANY = re.compile(r"rate.?limit|too many requests|overloaded|限流|频率|并发", re.I)
_MESSAGE_KEYS = ("message", "msg", "error_msg", "errmsg", "status_msg", "error_message", "detail", "error", "errors", "reason")
_CODE_KEYS = ("code", "error_code", "errcode", "status_code", "type", "status")
_NESTED = ("error", "errors", "base_resp", "detail", "data")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.I | re.S)
_PAGE = re.compile(r"\s*(<!doctype html|<html|<head|<\?xml)", re.I)
WEB_PAGE_FIX = f"check {BASE_URL}: it usually ends in /v1"


class ServerError(NamedTuple):
    """An error body: the server's words and codes."""

    message: str
    codes: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status that a code names; 0 where none does."""
        return next((int(code) for code in self.codes if re.fullmatch(r"[45]\d\d", code)), 0)


def error_in(body: Any) -> ServerError:
    """The message and codes in a decoded body; empty where it holds none."""
    found = list(_parts_of(body))
    message = next((text for key, text in found if key in _MESSAGE_KEYS), "")
    return ServerError(collapse_space(message), tuple(text for key, text in found if key in _CODE_KEYS))


def _parts_of(body: Any) -> Iterator[tuple[str, str]]:
    """Keys with the texts and numbers under them, those of nested error objects first."""
    if isinstance(body, list):
        for part in body[:1]:
            yield from _parts_of(part)
    if not isinstance(body, dict):
        return
    for key in _NESTED:
        if isinstance(body.get(key), (dict, list)):
            yield from _parts_of(body[key])
    for key in (*_MESSAGE_KEYS, *_CODE_KEYS):
        value = body.get(key)
        if (isinstance(value, str) and value.strip()) or (isinstance(value, int) and not isinstance(value, bool)):
            yield key, str(value)


def refusal(status: int, reason: str, retry_after: str | None, location: str, body: bytes, redact: Redactor) -> RequestError:
    """The error of a response whose status is not 200."""
    text = body[: 2**16].decode("utf-8", "replace")
    try:
        said = error_in(json.loads(body))
    except (ValueError, RecursionError):
        said = ServerError("")
    words = said.message or ("" if said.codes else page_title(text) or collapse_space(text))
    what = redact(f"answers {status} {reason}").rstrip() + (f": {shorten(redact(words), _SHOWN)}" if words else "")
    if 300 <= status < 400 and location:
        what, fix = f"{what}; it has moved to {redact(location)}", f"set {BASE_URL} to the new address"
        return RequestError("denied", what, status, fix=fix)
    return _failure(status, what, said, _seconds(retry_after))


def error_in_ok(body: Any, redact: Redactor) -> RequestError | None:
    """The error that a response with status 200 holds in place of a completion; None where it names none."""
    said = error_in(body)
    if not said.message:
        return None
    what = f"answers with an error: {shorten(redact(said.message), _SHOWN)}"
    status = said.status or (401 if _NO_KEY.search(said.message) else 429 if _TOO_MANY.search(said.message) else 0)
    return _failure(status, what, said, 0.0) if status else RequestError("foreign", what, unpaid=False)


def _failure(status: int, what: str, said: ServerError, wait: float) -> RequestError:
    words = " ".join([said.message, *said.codes]) or what
    if _NO_CREDIT.search(words) and 400 <= status < 500:
        return RequestError("denied", what, 402)
    if status in _BUSY:
        return RequestError("busy", what, status, wait)
    if status == 500 and any(field in words.lower() for field in _OF_THE_FORM):
        return RequestError("refused", what, status)
    if status in _BROKEN:
        return RequestError("broken", what, status, wait, unpaid=status not in _GATEWAY)
    if _NO_MODEL.search(words):
        return RequestError("denied", what, status, fix="check the model's name")
    if status in _REFUSED:
        return RequestError("refused", what, status, negotiable=not _FILTERED.search(words))
    return RequestError("denied", what, status)


def page_title(text: str) -> str:
    """`a web page ("Title")` where a text is HTML; else empty."""
    if not _PAGE.match(text):
        return ""
    title = _TITLE.search(text)
    return f'a web page ("{collapse_space(title[1])}")' if title and title[1].strip() else "a web page"


def _seconds(header: str | None) -> float:
    """The wait that `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header or "").timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
