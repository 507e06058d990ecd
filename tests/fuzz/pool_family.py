"""Task Pools that can be read and are odd: names, labels, titles, JSON Schemas, patterns, rules; with rows for them."""

import copy
from random import Random
from typing import Any

from tests.fuzz import mutations, projects
from tests.fuzz.scene import Content, Scene

SCHEMAS: tuple[Any, ...] = (
    {},
    {"type": "object"},
    {"$ref": "#"},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    {"$ref": "#/$defs/none"},
    {"$ref": "http://127.0.0.1:9/x.json"},
    {"$ref": "file:///etc/passwd"},
    {"$ref": "other.json#/x"},
    {"$ref": 5},
    {"$ref": "#/%"},
    {"$dynamicRef": "#x"},
    {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"},
    {"$schema": "nonsense", "type": "object"},
    {"$id": "http://x", "$ref": "y"},
    {"type": "any"},
    {"type": []},
    {"type": ["object", "object"]},
    {"enum": []},
    {"enum": list(range(5000))},
    {"enum": [{"a": 1}, {"a": 1.0}]},
    {"const": None},
    {"not": {}},
    {"type": "object", "not": {"type": "object"}},
    {"type": "object", "minProperties": 5, "maxProperties": 1},
    {"type": "object", "required": ["a", "a"]},
    {"type": "object", "required": "a"},
    {"type": "object", "required": [f"k{n}" for n in range(3000)]},
    {"type": "object", "properties": {"a": False}, "required": ["a"]},
    {"type": "object", "properties": True},
    {"type": "object", "properties": {"a": True}},
    {"type": "object", "properties": {"[/red]": {"type": "string"}, "\x1b[2J": {}, "": {}}},
    {"type": "object", "patternProperties": {"(a+)+$": {"type": "string"}}},
    {"type": "object", "patternProperties": {"[": {}}},
    {"type": "object", "propertyNames": {"pattern": "^(a|aa)+$"}},
    {"type": "object", "additionalProperties": {"$ref": "#"}},
    {"type": "object", "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": False}},
    {"type": "object", "unevaluatedProperties": False},
    {"type": "array", "items": False},
    {"type": "array", "prefixItems": [{}], "items": {"$ref": "#"}},
    {"type": "array", "minItems": 10**9},
    {"type": "array", "minItems": -1},
    {"type": "array", "uniqueItems": True, "contains": {"const": 1}, "maxContains": 0},
    {"type": "string", "pattern": "a{1,100000}"},
    {"type": "string", "pattern": "(a+)+$"},
    {"type": "string", "pattern": "(?<=a+)b"},
    {"type": "string", "pattern": "\\p{L}+"},
    {"type": "string", "pattern": 5},
    {"type": "string", "minLength": 10**30},
    {"type": "string", "format": "regex"},
    {"type": "string", "format": "\x1b[2J"},
    {"type": "string", "contentEncoding": "base64"},
    {"type": "number", "multipleOf": 0},
    {"type": "number", "multipleOf": 1e-300},
    {"type": "number", "minimum": 5, "maximum": 1},
    {"type": "number", "minimum": "x"},
    {"type": "integer", "maximum": 10**400},
    {"allOf": []},
    {"anyOf": [{}] * 500},
    {"oneOf": [{"$ref": "#"}, {"$ref": "#"}]},
    {"if": {"$ref": "#"}, "then": False},
    {"title": 5, "description": []},
    {"properties": {"a": {"properties": {"a": {"properties": {"a": {"$ref": "#"}}}}}}},
    mutations.nested(70, as_list=False),
    {
        "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(30)}
        | {"d30": {}},
        "$ref": "#/$defs/d0",
    },
    {"type": "object", "properties": {"p": {"type": "string", "enum": ["x" * 100000]}}},
)
PATTERNS = (
    "a{1,100000}",
    "(a{1,300}){1,300}",
    "((a{99}){99}){99}",
    "(a+)+$",
    "(a|a)*b",
    "(a|aa)+$",
    "(.*)(.*)(.*)(.*)(.*)x",
    "(?:x+x+)+y",
    "[",
    "(",
    "(?P<n>a)(?P<n>b)",
    "\\1",
    "(?<=a*)b",
    "(?i)(?x)",
    "(?P>n)",
    "\\p{Han}+",
    "[[:alpha:]]",
    "(?R)",
    "\\",
    "*",
    "a**",
    "a{99999999999999}",
    "a{,}",
    "a{5,2}",
    "(" * 200 + ")" * 200,
    "(" * 2000 + ")" * 2000,
    "[" + "a-z" * 1000 + "]",
    "|" * 3000,
    "",
    "^$",
    "\ud800",
    "\x00",
    "[/red]",
    "\\x1b",
    "(?s:.)*",
    "(?>a+)b",
    "(?#",
    ".{0,5000}.{0,5000}",
    "x*" * 400,
    "(x*)*" * 30 + "$",
    "\\N{DIGIT ONE}",
    "(?a:\\w)",
    "a{1,\u0663}",
)
_RULES = ("min_items", "max_items", "max_length", "language", "pattern", "copies_from_input", "distinct", "min_length")
_COMMANDS = (
    ["tasks", "check"],
    ["tasks", "show"],
    ["tasks", "graph", "--out", "pictures"],
    ["dataset", "show", "{task}"],
    ["dataset", "show", "{task}", "test:1"],
    ["dataset", "diff", "{task}"],
    ["dataset", "export", "{task}", "--format", "alpaca"],
    ["dataset", "export", "{task}", "--format", "sharegpt", "--metadata"],
    ["dataset", "export", "{task}", "--format", "hf", "--out", "exported"],
    ["dataset", "export", "{task}", "--format", "llama-factory"],
    ["dataset", "export", "{task}", "--format", "messages"],
    ["dataset", "export", "{task}", "--format", "parquet"],
    ["check", "{task}", "-c", "train.model=./none"],
)


def make(random: Random) -> Scene:
    """An input of this family."""
    pool = copy.deepcopy(projects.POOL)
    place = random.randrange(len(projects.NAMES))
    task, name = pool["tasks"][place], projects.NAMES[place]
    kind = random.random()
    answers = list(projects.ANSWERS[name])
    if kind < 0.3:
        task, name = pool["tasks"][2], "json_task"
        answers = list(projects.ANSWERS[name])
        schema = (
            random.choice(SCHEMAS)
            if random.random() < 0.7
            else mutations.change_value(random, projects.SCHEMA, random.choice(SCHEMAS))
        )
        task["output"]["json_schema"] = schema
        answers += [mutations.dump(mutations.odd_value(random)) for _ in range(3)]
    elif kind < 0.55:
        task["rules"] = {"pattern": random.choice(PATTERNS)}
        answers += ["a" * 40 + "b", "x" * 3000, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"]
    elif kind < 0.75:
        labels = [mutations.odd_text(random).strip() or "x" for _ in range(random.randint(2, 4))]
        pool["tasks"][random.randrange(2)]["output"]["labels"] = random.choice(
            [labels, [*labels, "work"], {"en": labels, "zh": labels}, [{"en": label, "zh": label} for label in labels]]
        )
        answers += labels
    elif kind < 0.9:
        field = random.choice(["title", "instruction", "limits", "done_by", "hands_over"])
        task[field] = {random.choice(["en"] * 9 + ["zh", "fr"]): mutations.odd_text(random) for _ in range(2)}
        pool["title"] = {"en": mutations.odd_text(random)}
        pool["actions"][0]["title"] = {"en": mutations.odd_text(random)}
    else:
        task["name"] = mutations.odd_text(random)
        task["rules"] = {random.choice(_RULES): mutations.odd_value(random)}
        task["output"] = mutations.change_value(random, task["output"], mutations.odd_value(random))
    rows = projects.rows_of(name, 20)
    for number, row in enumerate(rows):
        row["output"] = answers[number % len(answers)]
    if random.random() < 0.3:
        rows[0]["input"] = mutations.odd_text(random)
    files: dict[str, Content] = {
        "law/domain.yaml": mutations.encoded(mutations.dump(pool)),
        f"law/data/{name}.jsonl": mutations.encoded("".join(mutations.dump(row) + "\n" for row in rows)),
        "more.jsonl": projects.lines(projects.rows_of(name, 30)[20:]),
    }
    chosen = [[part.replace("{task}", name) for part in command] for command in mutations.pick(random, _COMMANDS, 2)]
    chosen = [[*command, "-p", "law", *(["--json"] if random.random() < 0.5 else [])] for command in chosen]
    return Scene("pool", files, [*chosen, ["import", "more.jsonl", "-t", name, "--append", "-p", "law", "--json"]])
