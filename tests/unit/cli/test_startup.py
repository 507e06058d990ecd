"""The command line loads the engine without what it never uses, and anybody can still use that."""

import os
import subprocess
import sys

_LEAN = """
import sys
from anytasktune.cli.startup import load_engine

load_engine()
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
print(*(name in sys.modules for name in ("sympy", "scipy", "torch.distributed.tensor", "sklearn")))

import torch
weight = torch.nn.Parameter(torch.ones(3))
weight.grad = torch.ones(3)
torch.optim.AdamW([weight], lr=0.5).step()
shape = dict(hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=20)
model = LlamaForCausalLM(LlamaConfig(**shape))
print(*model.generate(torch.tensor([[1, 2]]), max_new_tokens=2, do_sample=False, pad_token_id=0, eos_token_id=19).shape)
print("sympy" in sys.modules)
print(torch.compile(lambda x: x + 1, backend="eager")(weight.detach() * 0).tolist())
print(torch.distributed.is_available())
"""


def run(script: str) -> list[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_tuning_never_uses_is_not_loaded_and_works_when_asked_for() -> None:
    loaded, generated, later, compiled, distributed = run(_LEAN)
    assert loaded == "False False False False"
    assert generated == "1 4"
    assert later == "False", "an optimiser step and generation need no compiler"
    assert compiled == "[1.0, 1.0, 1.0]"
    assert distributed == "True"


def test_a_gguf_file_can_still_be_converted() -> None:
    script = """
from anytasktune.cli.startup import load_engine
load_engine()
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
from transformers.utils import is_accelerate_available
print(is_accelerate_available())
"""
    assert run(script) == ["True"]


def test_a_library_that_needs_what_was_left_out_is_loaded_whole() -> None:
    script = """
import sys
from anytasktune.cli.startup import load_engine

import transformers.utils

class Finder:
    tried = 0
    def find_spec(self, name, path=None, target=None):
        if name == "transformers.modeling_utils" and not Finder.tried:
            Finder.tried = 1
            raise RuntimeError("needs accelerate")

sys.meta_path.insert(0, Finder())
load_engine()
print("transformers.modeling_utils" in sys.modules, Finder.tried)
"""
    assert run(script) == ["True 1"]
