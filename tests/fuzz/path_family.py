"""Paths that are none: too long, closed, in a loop, below a file, of a device; for every option that takes one."""

from random import Random

from tests.fuzz import mutations, projects
from tests.fuzz.scene import Content, Scene

_COMMANDS = (
    ["import", "{path}", "-t", "team", "-p", "law"],
    ["import", "rows.jsonl", "-t", "{path}", "-p", "law"],
    ["import", "rows.jsonl", "-t", "team", "-p", "{path}"],
    ["tasks", "check", "-p", "{path}"],
    ["tasks", "graph", "-p", "law", "--out", "{path}"],
    ["tasks", "propose", "-p", "law", "--examples", "{path}"],
    ["tasks", "propose", "-p", "{path}", "--examples", "rows.jsonl"],
    ["tasks", "propose", "-p", "law", "--examples", "rows.jsonl", "--out", "{path}"],
    ["tasks", "propose", "-p", "law", "--about", "{path}", "--teacher", "none"],
    ["tasks", "propose", "-p", "law", "--documents", "{path}", "--teacher", "none"],
    ["tasks", "propose", "-p", "{path}", "--interview"],
    ["dataset", "show", "{path}", "-p", "law"],
    ["dataset", "show", "team", "{path}", "-p", "law"],
    ["dataset", "diff", "team", "{path}", "-p", "law"],
    ["dataset", "diff", "team", "{path}", "{path}", "-p", "law"],
    ["dataset", "export", "team", "--out", "{path}", "-p", "law"],
    ["dataset", "export", "team", "--format", "hf", "--out", "{path}", "-p", "law"],
    ["dataset", "export", "{path}", "-p", "law"],
    ["ingest", "{path}", "-p", "law"],
    ["synth", "-p", "law", "--documents", "{path}", "--replay", "rows.jsonl", "--teacher", "none"],
    ["build", "-p", "law", "--replay", "{path}", "--teacher", "none"],
    ["augment", "-p", "law", "--record", "{path}", "--teacher", "none"],
    ["gate", "-p", "law", "--replay", "{path}"],
    ["review", "{path}", "-p", "law"],
    ["review", "team", "-p", "law", "--reviewer", "{path}"],
    ["review", "team", "-p", "{path}", "--agreement"],
    ["train", "-p", "law", "-c", "train.model={path}"],
    ["check", "-p", "law", "-c", "train.model={path}"],
    ["eval", "-p", "law", "-c", "train.model={path}/"],
    ["check", "{path}", "-p", "law"],
    ["models", "fetch", "{path}"],
    ["init", "{path}"],
    ["init", "new", "--pack", "{path}"],
    ["report", "-p", "{path}"],
    ["schema", "{path}"],
    ["demo", "{path}", "--help"],
    ["{path}"],
)
_PATHS = (
    "x" * 300,
    "a/" * 3000 + "b",
    "x" * 5000,
    "loop",
    "loop/rows.jsonl",
    "rows.jsonl/below",
    "rows.jsonl",
    "dangling",
    "law",
    "law/data",
    "folder",
    "folder.jsonl",
    "empty",
    "empty.jsonl",
    "/dev/null",
    "/proc/self/mem",
    "/proc/1/environ",
    "con",
    "CON.jsonl",
    "nul",
    "com1",
    "~",
    "~nobody_at_all/x",
    "~root",
    "",
    " ",
    ".",
    "..",
    "/",
    "-",
    "-x",
    "--",
    "rows\udcff.jsonl",
    "\udc80",
    "a\x1b[2Jb",
    "[/red]",
    "押" * 100,
    "a\nb",
    "file:///etc/passwd",
    "http://127.0.0.1:9/x",
    "*",
    "%s",
    "\\\\server\\share",
    "C:\\x",
    "law/artifacts",
    "law/domain.yaml/x.jsonl",
    "/etc/shadow/x.jsonl",
)


def make(random: Random) -> Scene:
    """An input of this family."""
    path = random.choice(_PATHS) if random.random() < 0.85 else mutations.odd_name(random)
    path += random.choice(["", "", "", ".jsonl", "/x.csv", ".gguf"])
    files: dict[str, Content] = {
        "law/domain.yaml": projects.domain_file(),
        "law/data/team.jsonl": projects.lines(projects.rows_of("team")),
        "rows.jsonl": projects.lines(projects.rows_of("team", 15)[12:]),
        "loop": "loop",
        "dangling": "nowhere",
        "folder/a.txt": b"Readers may borrow ten books at a time for thirty days. Whoever is late pays ten cents a day.",
        "folder.jsonl": None,
        "empty": None,
        "empty.jsonl": b"",
    }
    if random.random() < 0.15:
        place = random.choice(
            ["law/artifacts", "law/settings.yaml", "law/data", "law/interview.jsonl", "law/reviews", "law/documents"]
        )
        files = {name: content for name, content in files.items() if not name.startswith(place)}
        files[place] = random.choice(
            [b"mine", "loop", "nowhere", "../rows.jsonl", "/proc/self/mem"]
            if place != "law/settings.yaml"
            else ["settings.yaml", "nowhere", None, b"\xff"]
        )
    command = [part.replace("{path}", path).replace("\x00", "") for part in random.choice(_COMMANDS)]
    return Scene(
        "path",
        files,
        [command if random.random() < 0.5 else [*command, "--json"]],
        typed=random.choice(["", "\n\n", "q\n", "x\x00\n"]),
    )
