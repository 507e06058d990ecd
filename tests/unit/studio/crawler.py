"""A crawler of the studio: follows every link and sends every form; nothing may answer with a status of 500 or above."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin

from starlette.testclient import TestClient

NASTY = (
    *("", " ", "0", "-1", "99999999999999999999", "nan", "../../etc/passwd", "<script>alert(1)</script>", "'\"><b>"),
    *("\x1b[2J", "\u202egnp.exe", "\x00", "%s%s%n", "{0}{x}", "{{7*7}}", "名" * 300, "a" * 100_000, "team", "en", "🦊\ud83d"),
    *("- x: [", "\r\n\r\n"),
)
"""Values for fields: empty, out of range, paths, markup, control characters, long, of another type, not UTF-8."""
_STARTS_JOBS = re.compile(r"/(?:again|resume|verify)$|/(?:train|make|serve|deploy)(?:/|$)")
_LONGEST_IN_ADDRESS = 500
_FOLLOWED = 6
"""Addresses of one shape that are followed."""


@dataclass
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: list[str] = field(default_factory=list)
    multipart: bool = False


class PageParser(HTMLParser):
    """Finds the links, forms and assets of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.assets: list[str] = []
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in ("link", "script", "img", "iframe") and (source := given.get("href") or given.get("src")):
            self.assets.append(source)
        elif tag == "form":
            kind = given.get("enctype", "") == "multipart/form-data"
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower(), multipart=kind))
        elif tag in ("input", "select", "textarea", "button") and given.get("name") and self.forms:
            self.forms[-1].fields.append(given["name"])


@dataclass
class Crawl:
    """What a crawl saw.

    Attributes:
        pages: address → text of every HTML page.
        statuses: what was asked → its status.
    """

    pages: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def broken(self) -> dict[str, int]:
        """Replies that say that the program has a fault, and links that lead nowhere."""
        links = {what: status for what, status in self.statuses.items() if what.startswith("GET ") and status >= 400}
        return {what: status for what, status in self.statuses.items() if status >= 500} | links


def crawl(client: TestClient, start: str = "/") -> Crawl:
    """Follow all links from `start`; of addresses that differ only in a number or an id, the first few."""
    found = Crawl()
    waiting, seen, shapes = [start], set(), dict[str, int]()
    while waiting:
        address = waiting.pop(0)
        shape = re.sub(r"\d+|[0-9a-f]{12}", "#", address)
        if address in seen or shapes.get(shape, 0) >= _FOLLOWED or address.endswith("/events"):
            continue
        seen.add(address)
        shapes[shape] = shapes.get(shape, 0) + 1
        reply = client.get(address, headers={"sec-fetch-site": "same-origin"})
        found.statuses[f"GET {address}"] = reply.status_code
        if reply.headers.get("content-type", "").startswith("text/html"):
            found.pages[address] = reply.text
            waiting += list(_own_links(reply.text, str(reply.url)))
    return found


def send_forms(client: TestClient, pages: dict[str, str], seed: int = 0, times: int = 3) -> Crawl:
    """Send every form of these pages with nasty values; forms that only start a job are left out."""
    found, choice, sent = Crawl(), random.Random(seed), set[tuple[str, str]]()
    for address, text in pages.items():
        parser = PageParser()
        parser.feed(text)
        for form in parser.forms:
            action = re.sub(r"[0-9a-f]{12}", "#", form.action or address)
            if (form.method, action) in sent or _STARTS_JOBS.search((form.action or address).partition("?")[0]):
                continue
            sent.add((form.method, action))
            for _ in range(times):
                values = {name: _sendable(choice.choice(NASTY)) for name in form.fields}
                reply = _send(client, form, urljoin(address, form.action or address), values)
                found.statuses[f"{form.method} {action} {values!r:.300}"] = reply
    return found


def weight(client: TestClient, address: str, text: str) -> int:
    """Bytes of a page with its scripts, styles and pictures."""
    parser = PageParser()
    parser.feed(text)
    assets = {urldefrag(urljoin(address, asset))[0] for asset in parser.assets if "/files/" not in asset}
    return len(text.encode()) + sum(len(client.get(asset).content) for asset in assets)


def _own_links(text: str, address: str) -> Iterator[str]:
    parser = PageParser()
    parser.feed(text)
    for link in parser.links:
        whole = urldefrag(urljoin(address, link))[0]
        if whole.startswith(urljoin(address, "/")):
            yield whole.removeprefix(urljoin(address, "/").rstrip("/"))


def _send(client: TestClient, form: Form, address: str, values: dict[str, str]) -> int:
    if form.method == "get":
        return client.get(address, params={name: value[:_LONGEST_IN_ADDRESS] for name, value in values.items()}).status_code
    if form.multipart:
        files = {"file": ("rows.csv", values.pop("file", "").encode(), "text/csv")}
        return client.post(address, data=values, files=files).status_code
    return client.post(address, data=values).status_code


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
