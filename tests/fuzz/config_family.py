"""Inputs to the readers of `settings.yaml`, `domain.yaml` and `-c`."""

from random import Random
from typing import Any

from anytasktune.settings import Settings
from anytasktune.settings.overrides import SECTIONS
from tests.fuzz import mutations, projects
from tests.fuzz.scene import Content, Scene

_FRAGMENTS = (
    "&a [*a, *a]",
    "&a {b: *a}",
    "*a",
    "<<: *a",
    "!!python/object/apply:os.system ['id']",
    "!!binary aGk=",
    "!!timestamp 2024-01-01",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!float abc",
    "!!int x",
    "!!null x",
    "!<tag:x> 1",
    "!local x",
    "? a",
    "? [a, b]\n: c",
    "? {a: 1}\n: c",
    "|\n  text",
    ">-\n  text",
    "%YAML 1.1",
    "---",
    "...",
    "--- a\n--- b",
    "\t a",
    "a: b: c",
    "[a, b",
    "{a: 1, a: 2}",
    "'lone",
    '"\\x"',
    '"\\ud800"',
    '"\\U00110000"',
    "0o777",
    "0b11",
    "0x1F",
    "1:30:00",
    "1e400",
    "-.inf",
    ".nan",
    "2024-99-99",
    "2024-01-01T25:61:61Z",
    "1" * 5000,
    "[" * 200,
    "{a: " * 200,
    "- " * 200 + "x",
    "yes",
    "no",
    "off",
    "y",
    "＂x＂",
    "name：x",
    "，",
)
_VERBS = (
    ["tasks", "check"],
    ["tasks", "show"],
    ["tasks", "show", "--language", "zh"],
    ["dataset", "show", "team"],
    ["train", "--dry-run"],
    ["ingest", "documents"],
)


def make(random: Random) -> Scene:
    """An input of this family."""
    files: dict[str, Content] = dict(projects.base_files(random))
    files["law/data/team.jsonl"] = projects.lines(projects.rows_of("team"))
    files["documents/a.txt"] = b"Readers may borrow ten books at a time for thirty days. Whoever is late pays ten cents a day."
    command = [*random.choice(_VERBS), "-p", "law"]
    kind = random.random()
    if kind < 0.35:
        files["law/settings.yaml"] = _settings(random)
    elif kind < 0.65:
        files["law/domain.yaml"] = _domain(random)
    if kind >= 0.65 or random.random() < 0.1:
        for _ in range(random.randint(1, 3)):
            command += ["-c", assignment(random)]
        if command[0] in {"tasks", "dataset"}:
            command = [random.choice(["ingest", "train", "check", "eval"]), "-p", "law", *command[command.index("law") + 1 :]]
    if command[0] in {"train", "check", "eval"}:
        command += ["-c", "train.model=./none"]
    if random.random() < 0.5:
        command.append("--json")
    return Scene("config", files, [command])


def assignment(random: Random) -> str:
    """`section.key=value`, with odd parts."""
    section = random.choice(list(SECTIONS))
    key = f"{section}.{random.choice(list(SECTIONS[section].model_fields))}"
    if random.random() < 0.15:
        key = random.choice(
            [mutations.odd_name(random), f"{section}.{mutations.odd_name(random)}", section, "." + key, key + ".x", "lr"]
        )
    value = random.choice(_FRAGMENTS) if random.random() < 0.3 else mutations.odd_name(random)
    if random.random() < 0.3:
        value = str(mutations.odd_number(random)) if random.random() < 0.8 else "9" * 5000
    return f"{key}={value}".replace("\x00", "")


def _settings(random: Random) -> bytes:
    values = {name: fields for name, fields in Settings().model_dump(mode="json").items() if isinstance(fields, dict)}
    chosen = {name: values[name] for name in mutations.pick(random, list(values), 3)} or values
    if random.random() < 0.3:
        chosen = mutations.change_value(random, chosen, mutations.odd_value(random))
        return mutations.encoded(mutations.dump(chosen))
    lines = []
    for section, fields in chosen.items():
        lines.append(f"{section}:")
        for key, value in mutations.pick(random, list(fields.items()), 4):
            odd = random.random()
            written = mutations.dump(value)
            if odd < 0.2:
                written = random.choice(_FRAGMENTS)
            elif odd < 0.4:
                written = mutations.odd_text(random)
            elif odd < 0.5:
                written = mutations.dump(mutations.odd_value(random))
            lines.append(f"  {key}: {written}")
    text = "\n".join(lines) + "\n"
    data = mutations.encoded(text) if random.random() < 0.9 else mutations.reencoded(random, text)
    return mutations.mutate(random, data) if random.random() < 0.3 else data


def _domain(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.4:
        pool: Any = projects.POOL
        for _ in range(random.randint(1, 3)):
            pool = mutations.change_value(random, pool, mutations.odd_value(random))
        return mutations.encoded(mutations.dump(pool))
    text = projects.domain_file().decode()
    if kind < 0.7:
        lines = text.splitlines()
        place = random.randrange(len(lines))
        key, colon, _ = lines[place].partition(": ")
        lines[place] = (
            f"{key}{colon}{random.choice(_FRAGMENTS)}" if random.random() < 0.6 else f"{key}{colon}{mutations.odd_text(random)}"
        )
        text = "\n".join(lines)
        if random.random() < 0.8:
            return mutations.encoded(text)
    data = mutations.encoded(text) if random.random() < 0.8 else mutations.reencoded(random, text)
    return mutations.mutate(random, data)
