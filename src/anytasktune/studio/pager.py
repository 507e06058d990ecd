"""One page of a long table, with the addresses of the pages beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request

PAGE_ROWS = 50


@dataclass(frozen=True)
class TablePage:
    """The rows of one page.

    Attributes:
        first: number of the first row, from 1.
        total: rows on all pages.
        earlier, later: query strings of the pages beside it; empty where there is none.
    """

    rows: Sequence[Any]
    first: int
    total: int
    earlier: str
    later: str

    @property
    def last(self) -> int:
        """Number of the last row."""
        return self.first + len(self.rows) - 1


def page_of(request: Request, rows: Sequence[Any], key: str = "page") -> TablePage:
    """The page that the query parameter `key` of a request asks for; the last one if there are fewer."""
    asked = request.query_params.get(key, "")
    pages = max(1, -(-len(rows) // PAGE_ROWS))
    number = min(pages, max(1, int(asked))) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else 1
    first = (number - 1) * PAGE_ROWS
    earlier, later = ("?" + request.url.include_query_params(**{key: at}).query for at in (number - 1, number + 1))
    shown = rows[first : first + PAGE_ROWS]
    return TablePage(shown, first + 1, len(rows), earlier if number > 1 else "", later if number < pages else "")
