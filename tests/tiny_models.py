"""Real models of a few thousand weights, with a real bilingual tokenizer, made on the spot."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHAT_TEMPLATE
)
_CORPUS = [
    "the tenant says that the landlord kept the deposit and will not answer letters",
    "classify the message: employment, housing, family, consumer; answer with one label",
    "合同纠纷 租金 押金 劳动仲裁 请判断下面这句话属于哪一类，只输出类别名称。",
    '{"client": "tenant", "amount": null, "deadline": "14 days"}',
]


def tiny_tokenizer(template: str | None = CHAT_TEMPLATE, vocabulary: int = 400) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer: every text of every language can be written in it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_CORPUS, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")
    fast.add_special_tokens({"additional_special_tokens": special[1:]})
    fast.chat_template = template
    return fast


def tiny_model(kind: str = "llama", *, window: int = 8, seed: int = 0) -> PreTrainedModel:
    """A random float32 model: `llama`, `qwen2`, `qwen3`, `gpt_neox` (as many keys as queries), `bloom` (whose attention is its
    own), or with sliding windows `mistral` (in all layers), `gemma2`, `gemma3` (in the first).
    """
    torch.manual_seed(seed)
    shape = {
        "vocab_size": 400,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    if kind == "llama":
        model: PreTrainedModel = LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True))
    elif kind == "mistral":
        model = MistralForCausalLM(MistralConfig(**shape, sliding_window=window))
    elif kind == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**shape))
        for layer in model.model.layers:  # biases of zero would hide one that is lost
            layer.self_attn.q_proj.bias.data.normal_()
    elif kind == "qwen3":
        model = Qwen3ForCausalLM(Qwen3Config(**shape, head_dim=8))
    elif kind == "gpt_neox":
        shape.pop("num_key_value_heads")
        model = GPTNeoXForCausalLM(GPTNeoXConfig(**shape))
    elif kind == "bloom":
        model = BloomForCausalLM(
            BloomConfig(vocab_size=400, hidden_size=32, n_layer=2, n_head=4, eos_token_id=0, pad_token_id=0)
        )
    elif kind == "gemma2":
        layers = ["sliding_attention", "full_attention"]
        caps = {"attn_logit_softcapping": 5.0, "final_logit_softcapping": 8.0}
        model = Gemma2ForCausalLM(Gemma2Config(**shape, **caps, head_dim=8, sliding_window=window, layer_types=layers))
    else:
        layers = ["sliding_attention", "full_attention"]
        model = Gemma3ForCausalLM(Gemma3TextConfig(**shape, head_dim=8, sliding_window=window, layer_types=layers))
    for parameter in model.parameters():
        # the usual initialisation is so small that greedy answers would hardly depend on the input
        parameter.data.mul_(4.0 if parameter.dim() > 1 else 1.0)
    model.set_attn_implementation("eager")
    return model.eval().requires_grad_(False)


def save_tiny_model(folder: Path, kind: str = "llama", template: str | None = CHAT_TEMPLATE) -> Path:
    """The same as a local model folder."""
    tiny_model(kind).save_pretrained(folder)
    tiny_tokenizer(template).save_pretrained(folder)
    return folder
