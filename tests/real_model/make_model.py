"""Writes a model file of a few hundred kilobytes that llama.cpp executes like any other.

The model is of the architecture `llama`, with one layer that adds nothing. What remains is a table from each token to the
next one: after the line break that ends the prompt, it says one sentence and ends its answer. That is no language model, but
everything around it is real: the file, the tokenizer, the chat template, sampling, and the server.
"""

import sys

import gguf
import numpy as np

SENTENCE = ["Hello", " from", " a", " very", " small", " model", "."]
START, END = "<|im_start|>", "<|im_end|>"
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_tokens():
    """The names of the 256 bytes in byte-level BPE: printable ones stand for themselves."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    names, other = {}, 0
    for byte in range(256):
        if byte in printable:
            names[byte] = chr(byte)
        else:
            names[byte] = chr(256 + other)
            other += 1
    return [names[byte] for byte in range(256)]


def main(path):
    bytes_ = byte_tokens()
    words = [word.replace(" ", bytes_[ord(" ")]) for word in SENTENCE if len(word) > 1]
    tokens = bytes_ + words + [START, END]
    types = [gguf.TokenType.NORMAL] * (len(tokens) - 2) + [gguf.TokenType.CONTROL] * 2
    number = {token: index for index, token in enumerate(tokens)}

    chain = [bytes_[ord("\n")]] + [word.replace(" ", bytes_[ord(" ")]) for word in SENTENCE] + [END]
    width = 64
    embeddings = np.zeros((len(tokens), width), np.float32)
    output = np.zeros((len(tokens), width), np.float32)
    embeddings[:, width - 1] = 1.0  # Tokens outside of the chain lead to its end.
    output[number[END], width - 1] = 1.0
    for place, (token, following) in enumerate(zip(chain, chain[1:])):
        embeddings[number[token]] = np.eye(width, dtype=np.float32)[place]
        output[number[following], place] = 100.0

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(width)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_rope_dimension_count(width // 4)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    # At least one merge has to be there; this one joins no bytes of the sentence.
    writer.add_token_merges([f"{bytes_[1]} {bytes_[2]}"])
    writer.add_bos_token_id(number[START])
    writer.add_eos_token_id(number[END])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for name in ["attn_norm", "ffn_norm"]:
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(width, np.float32))
    for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]:
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((width, width), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
