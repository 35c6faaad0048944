#!/usr/bin/env python3
"""Writes a llama of random weights as GGUF: half a megabyte, loads in a third of a second.

What it says is noise, often not even whole UTF-8: good for shapes, counts and framing.
usage: tiny_model.py OUT.gguf
"""

import random
import struct
import sys
from array import array
from pathlib import Path

width, layers, heads, key_heads, inner, context = 64, 2, 2, 1, 128, 2048
key_width = width // heads * key_heads
vocabulary_size = 320
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
template = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# GGUF's names for types.
u32, f32, boolean, string, i32_array, string_array = 4, 6, 7, 8, (9, 5), (9, 8)
control_token, normal_token, unused_token = 3, 1, 5


def byte_symbols() -> list[str]:
    """The 256 printable characters by which byte-level BPE writes bytes, as GPT-2 chose them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return sorted([chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))])


def tokens() -> list[str]:
    known = special + byte_symbols() + ["Ġt"]
    return known + [f"<|unused{n}|>" for n in range(vocabulary_size - len(known))]


def token_type(token: str) -> int:
    if token in special:
        return control_token
    return unused_token if token.startswith("<|unused") else normal_token


def metadata() -> list[tuple[str, object, object]]:
    return [
        ("general.architecture", string, "llama"),
        ("general.name", string, "tiny-llama-random"),
        ("general.file_type", u32, 0),
        ("llama.context_length", u32, context),
        ("llama.embedding_length", u32, width),
        ("llama.block_count", u32, layers),
        ("llama.feed_forward_length", u32, inner),
        ("llama.attention.head_count", u32, heads),
        ("llama.attention.head_count_kv", u32, key_heads),
        ("llama.attention.layer_norm_rms_epsilon", f32, 1e-5),
        ("llama.rope.dimension_count", u32, width // heads),
        ("llama.rope.freq_base", f32, 10000.0),
        ("llama.vocab_size", u32, vocabulary_size),
        ("tokenizer.ggml.model", string, "gpt2"),
        ("tokenizer.ggml.pre", string, "gpt-2"),
        ("tokenizer.ggml.tokens", string_array, tokens()),
        ("tokenizer.ggml.token_type", i32_array, [token_type(token) for token in tokens()]),
        ("tokenizer.ggml.merges", string_array, ["Ġ t"]),
        ("tokenizer.ggml.bos_token_id", u32, 0),
        ("tokenizer.ggml.eos_token_id", u32, 2),
        ("tokenizer.ggml.padding_token_id", u32, 0),
        ("tokenizer.ggml.add_bos_token", boolean, False),
        ("tokenizer.chat_template", string, template),
    ]


def tensors() -> list[tuple[str, tuple[int, ...], array]]:
    """Name, shape (rows, columns) and values of each; the same at every run."""
    noise = random.Random(7)

    def weights(rows: int, columns: int) -> tuple[tuple[int, ...], array]:
        return (rows, columns), array("f", (noise.gauss(0, 0.08) for _ in range(rows * columns)))

    ones = ((width,), array("f", [1.0] * width))
    found = [("token_embd.weight", *weights(vocabulary_size, width)), ("output_norm.weight", *ones)]
    shape, head = weights(vocabulary_size, width)
    unused = len(special) + 256 + 1
    head[unused * width :] = array("f", [0.0] * ((vocabulary_size - unused) * width))
    found.append(("output.weight", shape, head))
    for layer in range(layers):
        found += [
            (f"blk.{layer}.{name}.weight", *values)
            for name, values in (
                ("attn_norm", ones),
                ("attn_q", weights(width, width)),
                ("attn_k", weights(key_width, width)),
                ("attn_v", weights(key_width, width)),
                ("attn_output", weights(width, width)),
                ("ffn_norm", ones),
                ("ffn_gate", weights(inner, width)),
                ("ffn_up", weights(inner, width)),
                ("ffn_down", weights(width, inner)),
            )
        ]
    return found


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def encoded(kind, value) -> bytes:
    if isinstance(kind, tuple):
        array_type, item = kind
        items = b"".join(scalar(item, one) for one in value)
        return struct.pack("<IIQ", array_type, item, len(value)) + items
    return struct.pack("<I", kind) + scalar(kind, value)


def scalar(kind: int, value) -> bytes:
    if kind == string:
        return text(value)
    return struct.pack({u32: "<I", 5: "<i", f32: "<f", boolean: "<?"}[kind], value)


def padding(size: int, alignment: int = 32) -> bytes:
    return b"\0" * (-size % alignment)


def gguf() -> bytes:
    facts, weights = metadata(), tensors()
    head = b"GGUF" + struct.pack("<IQQ", 3, len(weights), len(facts))
    head += b"".join(text(key) + encoded(kind, value) for key, kind, value in facts)
    body = b""
    for name, shape, values in weights:
        sizes = struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += (
            text(name) + struct.pack("<I", len(shape)) + sizes + struct.pack("<IQ", 0, len(body))
        )
        if sys.byteorder == "big":
            values.byteswap()
        body += values.tobytes()
        body += padding(len(body))
    return head + padding(len(head)) + body


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(gguf())
