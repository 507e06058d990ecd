"""Support of a model for packed rows: whether streams give its own results."""

import weakref

import torch
from transformers import PreTrainedModel

from anytasktune.models.packed import PACKED, Layout, Section, attending, blocks_of

_KNOWN = {"llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3_text", "granite", "phi3", "olmo2"}
_TOLERANCE = 0.03
_compared: "weakref.WeakKeyDictionary[PreTrainedModel, bool]" = weakref.WeakKeyDictionary()


def packs_rows(model: PreTrainedModel) -> bool:
    """Whether streams give this model's own results: all its layers attend by softmax, to all earlier tokens or to a window.

    Known architectures are answered from a list. For others a small stream is computed both ways.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not kinds <= {"full_attention", "sliding_attention"} or getattr(config, "is_encoder_decoder", False):
        return False
    if config.model_type in _KNOWN:
        return True
    if model not in _compared:
        _compared[model] = _gives_same_states(model)
    return _compared[model]


def whole_rows(model: str) -> str:
    """The note on a model that does not pack rows."""
    return f"{model} has layers that cannot share a prompt's beginning: every row is computed whole, which is slower"


@torch.no_grad()
def _gives_same_states(model: PreTrainedModel) -> bool:
    """Compare two rows after a prefix with the same rows computed whole."""
    device = next(model.parameters()).device
    ids = torch.arange(1, 15, device=device) % model.config.get_text_config().vocab_size
    whole = [torch.cat([ids[:4], ids[4:8]]), torch.cat([ids[:4], ids[8:14]])]
    section = Section(4, 0, blocks_of([4, 8], [4, 6]))
    positions = torch.tensor([[*range(4), *range(4, 8), *range(4, 10)]], device=device)
    try:
        expected = torch.cat([model.base_model(row.unsqueeze(0), use_cache=False).last_hidden_state[0, 4:] for row in whole])
        with attending(model, PACKED):
            layout = Layout((section,)).to(device)
            output = model.base_model(ids.unsqueeze(0), position_ids=positions, use_cache=False, packed_layout=layout)
    except (TypeError, ValueError, RuntimeError, KeyError, AttributeError):
        return False
    found = output.last_hidden_state[0, 4:]
    return bool((found - expected).norm() < _TOLERANCE * expected.norm())
