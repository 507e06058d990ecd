"""Model folders that are wrong in one way or several: files, configuration, tokenizer, chat template, weights; GGUF files."""

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import mutations, projects
from tests.fuzz.scene import Content, Scene
from tests.tiny_models import save_tiny_model
from tests.tiny_project import QUICK

TEMPLATES = (
    "",
    " ",
    "nothing",
    "{{ messages }}",
    "{% for m in messages %}{{ m['role'] }}{% endfor %}",
    "{% for m in messages %}{{ m.content }}{% endfor %}",
    "{{ raise_exception('no') }}",
    "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}{{ messages[0].content }}",
    "{% for i in range(100000000) %}x{% endfor %}",
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "{{ 'x' * 100000000 }}",
    "{{ strftime_now('%Y') }}{{ messages[0].content }}",
    "{{ date_string }}{{ messages[0].content }}",
    "{{ tools[0].name }}{{ messages[0].content }}",
    "{% for m in messages %}{{ m.content }}{% if m.role == 'system' %}{{ m.content }}{% endif %}{% endfor %}",
    "{% for m in messages %}{{ m.content|upper }}<|im_end|>{% endfor %}",
    "{% for m in messages %}{{ m.content[:3] }}<|im_end|>{% endfor %}",
    "{% for m in messages %}{{ m.content|trim }}<|im_end|>{% endfor %}{{ 1/0 }}",
    "{% for m in messages %}{{ m['content']['text'] }}{% endfor %}",
    "{% for m in messages %}{{ m.content[0].text }}{% endfor %}",
    "{{ messages[5].content }}",
    "{% if",
    "{{",
    "{{ x.y.z }}",
    "{% include 'x' %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.append(messages[0]) }}{% for m in messages %}{{ m.content }}{% endfor %}",
    "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    "{{ messages[0].content }}\x00\x1b[2J",
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}",
    "{% generation %}{{ messages[0].content }}{% endgeneration %}",
    {"default": "{{ messages[0].content }}"},
    [{"name": "default", "template": "{{ messages[0].content }}"}],
    5,
    None,
    ["x"],
)
_CONFIG: tuple[dict[str, Any], ...] = (
    {"model_type": "nosuch"},
    {"model_type": "bert"},
    {"model_type": "gpt2"},
    {"model_type": "t5"},
    {"model_type": None},
    {"model_type": 5},
    {"architectures": ["LlamaForSequenceClassification"]},
    {"architectures": []},
    {"auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}},
    {"model_type": "custom", "auto_map": {"AutoConfig": "evil.Config"}},
    {"auto_map": {"AutoTokenizer": ["evil.Tok", None]}},
    {"vocab_size": 10},
    {"vocab_size": 0},
    {"vocab_size": -1},
    {"vocab_size": 10**12},
    {"vocab_size": "400"},
    {"hidden_size": 0},
    {"hidden_size": 33},
    {"hidden_size": None},
    {"hidden_size": 10**9},
    {"num_hidden_layers": 0},
    {"num_hidden_layers": 3},
    {"num_hidden_layers": -1},
    {"num_hidden_layers": 10**9},
    {"num_attention_heads": 0},
    {"num_attention_heads": 3},
    {"num_key_value_heads": 0},
    {"num_key_value_heads": 3},
    {"head_dim": 0},
    {"max_position_embeddings": 0},
    {"max_position_embeddings": 4},
    {"max_position_embeddings": "x"},
    {"max_position_embeddings": -5},
    {"eos_token_id": 10**9},
    {"eos_token_id": [0, 1]},
    {"pad_token_id": 500},
    {"dtype": "nonsense"},
    {"torch_dtype": "int8"},
    {"quantization_config": {"quant_method": "gptq", "bits": 4}},
    {"quantization_config": {"quant_method": "nosuch"}},
    {"quantization_config": {}},
    {"quantization_config": "x"},
    {"rope_scaling": {"type": "nosuch", "factor": 2}},
    {"rope_scaling": {"rope_type": "yarn"}},
    {"rope_parameters": 5},
    {"hidden_act": "nosuch"},
    {"tie_word_embeddings": False},
    {"_attn_implementation": "flash_attention_2"},
    {"attn_implementation": "nosuch"},
    {"sliding_window": -1},
    {"text_config": {"hidden_size": 5}},
    {"is_encoder_decoder": True},
    {"transformers_version": "99.0"},
    {"initializer_range": float("nan")},
)
_TOKENIZER: tuple[dict[str, Any], ...] = (
    {"eos_token": None},
    {"pad_token": None},
    {"eos_token": None, "pad_token": None},
    {"eos_token": "<nosuch>"},
    {"eos_token": {"content": "<|end|>", "lstrip": True}},
    {"eos_token": 5},
    {"tokenizer_class": "NoSuchTokenizer"},
    {"tokenizer_class": "LlamaTokenizer"},
    {"tokenizer_class": "BertTokenizer"},
    {"tokenizer_class": None},
    {"auto_map": {"AutoTokenizer": ["evil.Tok", None]}},
    {"model_max_length": 3},
    {"model_max_length": -1},
    {"model_max_length": "x"},
    {"added_tokens_decoder": {"9999999": {"content": "<x>", "special": True}}},
    {"added_tokens_decoder": {"x": {}}},
    {"additional_special_tokens": ["a", "e", " "]},
    {"padding_side": "middle"},
    {"add_bos_token": True, "bos_token": "<|im_start|>"},
    {"clean_up_tokenization_spaces": True},
    {"backend": "nosuch"},
)
_REMOVED = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
)


def make(random: Random) -> Scene:
    """An input of this family."""
    files: dict[str, Content] = {f"model/{name}": data for name, data in sound_model().items()}
    name = "model"
    kind = random.random()
    if kind < 0.06:
        name = "model.gguf"
        files[name] = mutations.mutate(random, _gguf(random))
    elif kind < 0.25:
        _change_json(random, files, "config.json", random.choice(_CONFIG))
    elif kind < 0.42:
        _change_json(random, files, "tokenizer_config.json", random.choice(_TOKENIZER))
    elif kind < 0.62:
        template = random.choice(TEMPLATES)
        if isinstance(template, str) and random.random() < 0.5:
            files["model/chat_template.jinja"] = template.encode()
        else:
            files.pop("model/chat_template.jinja", None)
            _change_json(random, files, "tokenizer_config.json", {"chat_template": template})
    else:
        _damage_file(random, files)
    files |= {"model/evil.py": b"import pathlib; pathlib.Path('owned').write_text('x')\n"}
    files |= {"law/domain.yaml": projects.domain_file(), "law/data/team.jsonl": projects.lines(projects.rows_of("team", 15))}
    options = [part for setting in (f"train.model=./{name}", *QUICK) for part in ("-c", setting)]
    verb = random.choice([["check"], ["check"], ["train", "--dry-run"], ["train"]])
    if random.random() < 0.05:
        verb = ["tune"]
    return Scene("model", files, [[*verb, "-p", "law", *options, *(["--json"] if random.random() < 0.5 else [])]])


@cache
def sound_model() -> dict[str, bytes]:
    """The files of a model that can be used, by name."""
    with tempfile.TemporaryDirectory() as place:
        folder = save_tiny_model(Path(place) / "model")
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def _change_json(random: Random, files: dict[str, Content], name: str, change: dict[str, Any]) -> None:
    data = files[f"model/{name}"]
    assert isinstance(data, bytes)
    value: Any = json.loads(data) | change
    if random.random() < 0.2:
        value = mutations.change_value(random, value, mutations.odd_value(random))
    files[f"model/{name}"] = mutations.encoded(mutations.dump(value))


def _damage_file(random: Random, files: dict[str, Content]) -> None:
    name = random.choice([name for name in files if name.startswith("model/")])
    data = files[name]
    assert isinstance(data, bytes)
    ways: list[Callable[[], bytes | str | None]] = [
        lambda: b"",
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
        lambda: None,
        lambda: "loop",
        lambda: mutations.mutate(random, data),
        lambda: mutations.mutate(random, data),
        lambda: mutations.mutate(random, data),
        lambda: (
            _changed_header(random, data)
            if name.endswith("safetensors")
            else mutations.encoded(mutations.dump(mutations.odd_value(random)))
        ),
        lambda: (
            _changed_header(random, data)
            if name.endswith("safetensors")
            else mutations.encoded(mutations.dump(mutations.odd_value(random)))
        ),
    ]
    kind = random.random()
    if kind < 0.2:
        files.pop(f"model/{random.choice(_REMOVED)}", None)
    elif kind < 0.3:
        shards = {
            "weight_map": {
                "model.norm.weight": random.choice(
                    ["model.safetensors", "gone.safetensors", "../x", "a\x00b", "", "x" * 300, 5, None]
                )
            }
        }
        files["model/model.safetensors.index.json"] = mutations.dump(
            random.choice([shards, shards, shards, {}, [], {"weight_map": []}])
        ).encode()
    elif kind < 0.35:
        files["model/pytorch_model.bin"] = files.pop("model/model.safetensors")
    elif kind < 0.4:
        files["model/generation_config.json"] = mutations.dump(
            {"eos_token_id": mutations.odd_value(random), "temperature": mutations.odd_value(random)}
        ).encode()
    else:
        files[name] = random.choice(ways)()


def _changed_header(random: Random, data: bytes) -> bytes:
    """Safetensors with an odd header: other names, types, shapes, offsets."""
    size = int.from_bytes(data[:8], "little")
    header: Any = json.loads(data[8 : 8 + size])
    chosen = random.choice([name for name in header if name != "__metadata__"])
    odd = random.choice(
        [
            "I64",
            "F8_E4M3",
            "NOSUCH",
            "BOOL",
            [400],
            [0, 32],
            [32, 400],
            [-1, 2],
            [2**62, 2**62],
            [0, 0],
            [5, 1],
            [0, 2**63],
            "name",
            "gone",
            mutations.odd_value(random),
        ]
    )
    if odd == "name":
        header["other"] = header.pop(chosen)
    elif odd == "gone":
        header.pop(chosen)
    else:
        field = "dtype" if isinstance(odd, str) else random.choice(["shape", "data_offsets"])
        header[chosen] = header[chosen] | {field: odd}
    changed = mutations.encoded(mutations.dump(header))
    return len(changed).to_bytes(8, "little") + changed + data[8 + size :]


def _gguf(random: Random) -> bytes:
    """The beginning of a GGUF file: magic, version, counts, one key; then nothing."""
    counts = [random.choice([0, 1, 2**40]).to_bytes(8, "little") for _ in range(2)]
    key = b"general.architecture"
    architecture = random.choice([b"llama", b"nosuch", b"\xff"])
    value = (
        len(key).to_bytes(8, "little")
        + key
        + (8).to_bytes(4, "little")
        + len(architecture).to_bytes(8, "little")
        + architecture
    )
    return b"GGUF" + random.choice([2, 3, 99]).to_bytes(4, "little") + b"".join(counts) + value + bytes(64)
