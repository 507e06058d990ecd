"""A small project with actions whose steps are answered by the nearest training row, so that every answer is known."""

import json
from pathlib import Path

from tests.tiny_project import write_lines

POOL = """\
schema_version: 1
name: shop
actions:
  - name: inbox
    steps: [kind, card, reply]
WIRING
tasks:
  - name: kind
    instruction: {en: "Answer complaint or praise.", zh: 只回答投诉或表扬。}
    output: {kind: label, labels: {en: [complaint, praise], zh: [投诉, 表扬]}}
  - name: card
    instruction: {en: Fill article and wishes., zh: 填写 article 和 wishes。}
    output:
      kind: json
      json_schema:
        type: object
        properties:
          article: {type: [string, "null"]}
          wishes: {type: array, items: {type: string}}
        required: [article, wishes]
        additionalProperties: false
  - name: reply
    input_from: card
    instruction: {en: Write one sentence., zh: 写一句话。}
    output: {kind: text}
    rules: {max_length: 60}
  - name: plan
    instruction: {en: Say what to do., zh: 说明怎么办。}
    output: {kind: text}
    rules: {max_length: 60}
"""
BROKEN_CHAIR = "The chair is broken, I want a new one and a refund."
CARD = '{"article": "chair", "wishes": ["a new one", "a refund"]}'
ROWS = {
    "kind": [
        (BROKEN_CHAIR, "complaint"),
        ("Lovely table, thank you!", "praise"),
        ("椅子坏了，我要退款。", "投诉"),
        ("桌子很好。", "表扬"),
    ],
    "card": [
        (BROKEN_CHAIR, CARD),
        ("Lovely table, thank you!", '{"article": "table", "wishes": []}'),
        ("椅子坏了，我要退款。", '{"article": "椅子", "wishes": ["退款"]}'),
    ],
    "reply": [
        (CARD, "We are sorry about the chair."),
        ('{"article": "table", "wishes": []}', "We are glad that you like the table."),
        ('{"article": "椅子", "wishes": ["退款"]}', "很抱歉，椅子坏了。"),
        (
            "a very long reply, far longer than sixty characters",
            "This reply has more characters than the rule of the task allows.",
        ),
    ],
    "plan": [
        ("a new one", "Order one."),
        ("a refund", "Pay it back."),
        ("退款", "退还货款。"),
        ('{"article": "chair", "wishes": ["a new one", "a refund"], "kind": "complaint"}', "Call the customer."),
    ],
}


def write_actions(folder: Path, wiring: str = "", steps: str = "kind, card, reply") -> Path:
    """The project; `wiring` is one YAML mapping of the action `inbox`, in one line."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = f"    wiring: {wiring}" if wiring else ""
    text = POOL.replace("WIRING", lines).replace("[kind, card, reply]", f"[{steps}]")
    (folder / "domain.yaml").write_text(text, encoding="utf-8", newline="\n")
    for task, rows in ROWS.items():
        given = [
            {"input": text, "output": output, "language": "en" if (text + output).isascii() else "zh"} for text, output in rows
        ]
        path = folder / "data" / task / "train.jsonl"
        write_lines(path, [json.dumps(row, ensure_ascii=False) for row in given])
    return folder
