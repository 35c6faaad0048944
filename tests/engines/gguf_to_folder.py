#!/usr/bin/env python3
"""A llama in a GGUF file as the folder of files that vLLM loads, without a hub to ask.

Needs the packages of vllm_requirements.txt. What llama.cpp has moved about is moved back: the rows
of the query and key weights, which it interleaves.
usage: gguf_to_folder.py MODEL.gguf CHAT_TEMPLATE OUT
"""

import json
import sys
from pathlib import Path

import numpy
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

CONTROL = 3  # GGUF's word for tokens that no text is
NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def name_of(tensor: str) -> str:
    *layer, name, kind = tensor.split(".")
    prefix = f"model.layers.{layer[1]}." if layer else ""
    return f"{prefix}{NAMES[name]}.{kind}"


def weights(reader: GGUFReader, heads: dict[str, int]) -> dict[str, numpy.ndarray]:
    found = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        for kind, count in heads.items():
            if f".{kind}.weight" in tensor.name:
                width = values.shape[0] // count
                rows = values.reshape(count, width // 2, 2, *values.shape[1:])
                values = rows.swapaxes(1, 2).reshape(values.shape)
        found[name_of(tensor.name)] = numpy.ascontiguousarray(values, dtype=numpy.float16)
    return found


def tokenizer(fact) -> Tokenizer:
    """Byte-level BPE whose digits stand alone, as SmolLM was trained."""
    assert (fact("tokenizer.ggml.model"), fact("tokenizer.ggml.pre")) == ("gpt2", "smollm")
    tokens = fact("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in fact("tokenizer.ggml.merges")]
    made = Tokenizer(BPE({token: n for n, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\p{N}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    made.decoder = decoders.ByteLevel()
    kinds = fact("tokenizer.ggml.token_type")
    made.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind in zip(tokens, kinds, strict=True)
            if kind == CONTROL
        ]
    )
    return made


def main(model: Path, template: Path, out: Path) -> None:
    reader = GGUFReader(model)

    def fact(name: str):
        return reader.fields[name].contents()

    heads = {
        "attn_q": fact("llama.attention.head_count"),
        "attn_k": fact("llama.attention.head_count_kv"),
    }
    found = weights(reader, heads)
    tokens = fact("tokenizer.ggml.tokens")
    begin, end = fact("tokenizer.ggml.bos_token_id"), fact("tokenizer.ggml.eos_token_id")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": fact("llama.embedding_length"),
        "intermediate_size": fact("llama.feed_forward_length"),
        "num_hidden_layers": fact("llama.block_count"),
        "num_attention_heads": heads["attn_q"],
        "num_key_value_heads": heads["attn_k"],
        "hidden_act": "silu",
        "rms_norm_eps": fact("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": fact("llama.rope.freq_base"),
        "max_position_embeddings": fact("llama.context_length"),
        "vocab_size": fact("llama.vocab_size"),
        "tie_word_embeddings": "lm_head.weight" not in found,
        "bos_token_id": begin,
        "eos_token_id": end,
        "torch_dtype": "float16",
    }
    words = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[begin],
        "eos_token": tokens[end],
        "pad_token": tokens[end],
        "unk_token": tokens[fact("tokenizer.ggml.unknown_token_id")],
        "clean_up_tokenization_spaces": False,
        "model_max_length": config["max_position_embeddings"],
        "chat_template": template.read_text(),
    }
    generation = {"bos_token_id": begin, "eos_token_id": end, "pad_token_id": end}
    out.mkdir(parents=True)
    save_file(found, out / "model.safetensors", metadata={"format": "pt"})
    tokenizer(fact).save(str(out / "tokenizer.json"))
    for name, value in {
        "config.json": config,
        "generation_config.json": generation,
        "tokenizer_config.json": words,
    }.items():
        (out / name).write_text(json.dumps(value, indent=1))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
