"""Inputs of `import`: data files in every format, with damages, odd options and odd names."""

import csv
import io
import zipfile
from random import Random
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz import mutations, projects
from tests.fuzz.scene import Content, Scene

ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".xlsx", ".ndjson")
_NAMES = (
    "rows",
    "x" * 300,
    "con",
    "a b",
    "押金",
    "-rows",
    "[/red]",
    "rows\x1b[2J",
    "rows\udcff",
    "a'b\"c",
    ".hidden",
    "r\nx",
    "%s",
    "train",
)
_COLUMNS = (
    "input=input,output=output",
    "input=a+b,output=c",
    "output=output",
    "input=,output=",
    "input=[/red],output=\x1b[1m",
    "=",
    "input",
    "input=input,output=output,language=language,source=input",
    "input=input,input=output",
    "输入=a，输出=b",
    "x" * 300,
    "input=instruction+input,output=output",
)
_SPLITS = ("train", "dev", "test", "val", "validation.zh", "train-00000-of-00002", "train-00001-of-00002", "readme", "eval.en")


def make(random: Random) -> Scene:
    """An input of this family."""
    files: dict[str, Content] = dict(projects.base_files(random))
    task = random.choice(projects.NAMES)
    kind = random.random()
    if kind < 0.7:
        ending = random.choice(ENDINGS)
        name = (random.choice(_NAMES) if random.random() < 0.1 else "rows") + ending
        if len(name) < 255:
            files[name] = content(random, ending, task)
        source = name
    elif kind < 0.85:
        for split in [*(["train"] if random.random() < 0.7 else []), *mutations.pick(random, _SPLITS, 3)]:
            ending = random.choice(ENDINGS[:5])
            files[f"folder/{split}{ending}"] = content(random, ending, task)
        files.setdefault("folder/notes.txt", b"x")
        source = "folder"
    else:
        files |= {f"folder/{name}": part for name, part in task_folder(random).items()}
        source = "folder"
    options = _options(random, task, source)
    if kind >= 0.85 and random.random() < 0.8:
        options = [random.choice(["--append", "--replace"])]
    command = ["import", "-p", "law", "--json", *options, "--", source]
    return Scene("import", files, [[part.replace("\x00", "") for part in command], ["tasks", "check", "-p", "law", "--json"]])


def _options(random: Random, task: str, source: str) -> list[str]:
    options = ["-t", task] if random.random() < 0.9 else ["-t", mutations.odd_name(random)] if random.random() < 0.5 else []
    options += [random.choice(["--append", "--replace"])] if random.random() < 0.7 else []
    options += ["--language", random.choice(["en", "zh"])] if random.random() < 0.1 else []
    options += ["--split", random.choice(["train", "dev", "test"])] if random.random() < 0.15 and source != "folder" else []
    if random.random() < 0.12:
        options += ["--columns", random.choice(_COLUMNS)]
    if random.random() < 0.1:
        options += [
            "--encoding",
            random.choice(
                [
                    *mutations.ENCODINGS,
                    "nonsense",
                    "hex",
                    "idna",
                    "punycode",
                    "rot13",
                    "zip",
                    "unicode_escape",
                    "raw_unicode_escape",
                    "undefined",
                    "mbcs",
                    "",
                ]
            ),
        ]
    return options


def content(random: Random, ending: str, task: str) -> bytes:
    """A data file: rows with odd values, then, mostly, damaged."""
    rows = _rows(random, task)
    if ending in {".jsonl", ".ndjson"}:
        text = "".join(
            mutations.dump(row) + random.choice(["\n", "\n", "\n", "\r\n", "\r", "\n\n", "\x0c\n", "\u2028\n"]) for row in rows
        )
    elif ending == ".json":
        text = mutations.dump(
            rows if random.random() < 0.8 else {"rows": rows} if random.random() < 0.5 else mutations.odd_value(random)
        )
    elif ending in {".csv", ".tsv"}:
        text = _delimited(random, rows, "\t" if ending == ".tsv" else random.choice(",;|\t"))
    else:
        return _parquet(random, rows) if ending == ".parquet" else _workbook(random, rows)
    data = mutations.encoded(text) if random.random() < 0.85 else mutations.reencoded(random, text)
    return mutations.mutate(random, data) if random.random() < 0.5 else data


def _rows(random: Random, task: str) -> list[dict[str, Any]]:
    rows = projects.rows_of(task, random.choice([1, 3, 6]))
    layout = random.random()
    if layout < 0.1:
        rows = [
            {
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": row["input"]},
                    {"role": "assistant", "content": row["output"]},
                ]
            }
            for row in rows
        ]
    elif layout < 0.2:
        rows = [
            {
                "conversations": [{"from": "human", "value": row["input"]}, {"from": "gpt", "value": row["output"]}],
                "system": "s",
            }
            for row in rows
        ]
    elif layout < 0.3:
        rows = [{"instruction": "do", "input": row["input"], "output": row["output"], "history": [["a", "b"]]} for row in rows]
    for _ in range(random.choice([0, 1, 1, 2])):
        place = random.randrange(len(rows))
        rows[place] = mutations.change_value(random, rows[place], mutations.odd_value(random))
    return rows


def _delimited(random: Random, rows: list[dict[str, Any]], delimiter: str) -> str:
    out = io.StringIO()
    names = list(rows[0]) if isinstance(rows[0], dict) else ["input"]
    if random.random() < 0.2:
        names = [*names, mutations.odd_text(random)]
    quoting = random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=random.choice(["\n", "\r\n", "\r"]))
    head = f"sep={delimiter}\n" if random.random() < 0.1 else ""
    writer.writerow(names)
    for row in rows:
        cells = [str(row.get(name, "")) if isinstance(row, dict) else str(row) for name in names]
        writer.writerow([*cells, *(["more"] if random.random() < 0.05 else [])])
    return head + out.getvalue()


def _parquet(random: Random, rows: list[dict[str, Any]]) -> bytes:
    columns: dict[str, Any] = {"input": pa.array(["a", "b", None]), "output": pa.array(["work", "family", "housing"])}
    odd = [
        pa.array([1, None, 3]),
        pa.array([1.5, float("nan"), float("inf")]),
        pa.array([b"\xff", b"", None]),
        pa.array([[1], [], None]),
        pa.array([{"a": 1}, None, {"a": 2}]),
        pa.array([None, None, None]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([0, 1, 2], pa.timestamp("ns")),
        pa.array([0, 2**52, -(2**52)], pa.timestamp("s")),
        pa.array([0, 1, 2**31 - 1], pa.date32()),
        pa.array([0, 1, 2], pa.duration("us")),
        pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        pa.array([True, False, None]),
        pa.array([1, 2, 3], pa.decimal128(38, 0)),
        pa.array(["x" * 100000, "", "\x1b[2J"], pa.large_string()),
        pa.array([[{"role": "user", "content": "a"}, {"role": "assistant", "content": "work"}]] * 3),
    ]
    for _ in range(random.randint(0, 3)):
        name = random.choice(["input", "output", "language", "source", "messages", "[/red]", "\x1b[2J", "", "x" * 300])
        columns[name] = random.choice(odd)
    out = io.BytesIO()
    table = pa.table(columns)
    if random.random() < 0.1:
        table = table.rename_columns(["input"] * table.num_columns)
    pq.write_table(table, out, compression=random.choice(["snappy", "gzip", "none"]))
    return mutations.mutate(random, out.getvalue()) if random.random() < 0.3 else out.getvalue()


def _workbook(random: Random, rows: list[dict[str, Any]]) -> bytes:
    sound = "".join(_row(n + 2, _text(f"m {n}"), _text("work")) for n in range(2))
    odd = "".join(_row(random.choice(["9", "", "x", "99999999999"]), *random.choices(_CELLS, k=2)) for _ in range(3))
    head = _row(1, _text("input"), _text("output"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_EMPTY_WORKBOOK)) as empty, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in empty.namelist():
            part = empty.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part.replace(b"<sheetData />", b"<sheetData/>")
                part = part.replace(b"<sheetData/>", f"<sheetData>{head}{sound}{odd}</sheetData>".encode())
            archive.writestr(name, mutations.mutate(random, part) if random.random() < 0.06 else part)
    return mutations.mutate(random, out.getvalue()) if random.random() < 0.2 else out.getvalue()


def _row(number: int | str, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def _text(text: str) -> str:
    return f'<c t="inlineStr"><is><t>{text}</t></is></c>'


def _empty_workbook() -> bytes:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()


_EMPTY_WORKBOOK = _empty_workbook()
_CELLS = (
    _text("a matter"),
    '<c t="s"><v>0</v></c>',
    '<c t="s"><v>99999999999999999999</v></c>',
    '<c t="s"><v>x</v></c>',
    "<c><v>1e999</v></c>",
    f"<c><v>{'9' * 5000}</v></c>",
    '<c s="1"><v>-5</v></c>',
    '<c s="99"><v>1</v></c>',
    '<c s="1"><v>1e300</v></c>',
    '<c t="b"><v>7</v></c>',
    '<c t="e"><v>#N/A</v></c>',
    '<c t="d"><v>2024-13-45</v></c>',
    '<c r="XFD1048576"><v>1</v></c>',
    '<c r="ZZZZZZ1"><v>1</v></c>',
    '<c r=""><v>1</v></c>',
    "<c><f>A1</f></c>",
    "<c/>",
    _text("_x001B_[2J"),
    _text("work"),
)


def task_folder(random: Random) -> dict[str, bytes]:
    """A task folder with an odd `task.json`."""
    task = random.choice(projects.NAMES)
    described: dict[str, Any] = {
        "name": random.choice([task, "other", "con", "x" * 65]),
        "language": "en",
        "instruction": "Say what it is.",
        "task_type": random.choice(["classification", "extraction", "generation", "scoring", "summarisation", "qa", "tagging"]),
        "labels": ["housing", "family", "work"],
        "score_range": [1, 5],
    }
    for _ in range(random.randint(0, 3)):
        described = mutations.change_value(random, described, mutations.odd_value(random))
    data = mutations.encoded(mutations.dump(described))
    parts = {"task.json": mutations.mutate(random, data) if random.random() < 0.2 else data}
    for split in ["train", *mutations.pick(random, ("dev", "test"), 2)]:
        parts[f"{split}.jsonl"] = (
            projects.lines(projects.rows_of(task)) if random.random() < 0.5 else content(random, ".jsonl", task)
        )
    return parts
