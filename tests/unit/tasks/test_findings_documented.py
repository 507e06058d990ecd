"""The page on the Task Pool lists every finding there is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(r"(?:_error|_advice|Finding|Remark)\(\s*\"(\w+)\"")


def test_every_code_is_explained_and_none_is_invented() -> None:
    source = ROOT / "src" / "anytasktune"
    sources = [path.read_text(encoding="utf-8") for room in ("tasks", "outputs") for path in (source / room).glob("*.py")]
    codes = {code for source in sources for code in CODE.findall(source)}
    page = (ROOT / "docs" / "task-pool.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.M)
    assert {name for row in rows for name in re.findall(r"\w+", row)} == codes
