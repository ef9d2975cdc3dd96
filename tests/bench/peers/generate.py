"""G sampled completions of one image prompt with transformers, from the same folder, token ids and pixel values as ours."""
import numpy
import torch
from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLForConditionalGeneration

from peer import serve, timed

state = {}


def prepare(model, input_ids, grids, pixels, threads):
    """`pixels` is a file of float32 little-endian, [patches, 3 * T * S * S]."""
    torch.set_num_threads(threads)
    kind = AutoConfig.from_pretrained(model).model_type
    maker = Qwen2_5_VLForConditionalGeneration if kind.startswith("qwen2_5") else Qwen2VLForConditionalGeneration
    network = maker.from_pretrained(model, dtype=torch.float32).eval()
    patches = sum(t * h * w for t, h, w in grids)
    values = numpy.fromfile(pixels, dtype="<f4").reshape(patches, -1)
    ids = torch.tensor([input_ids])
    state.update(network=network, inputs=dict(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=(ids == network.config.image_token_id).int(),
        pixel_values=torch.from_numpy(values),
        image_grid_thw=torch.tensor(grids),
    ))
    return {"parameters": sum(p.numel() for p in network.parameters())}


def generate(group, new_tokens, sample):
    network, inputs = state["network"], state["inputs"]
    choice = dict(do_sample=True, temperature=1.0, top_p=1.0, top_k=0) if sample else dict(do_sample=False)
    with torch.inference_mode():
        ms, ids = timed(lambda: network.generate(
            **inputs, **choice, num_return_sequences=group, min_new_tokens=new_tokens, max_new_tokens=new_tokens,
            pad_token_id=network.generation_config.pad_token_id or 0,
        ) if sample else network.generate(
            **{name: repeated(name, value, group) for name, value in inputs.items()}, **choice, min_new_tokens=new_tokens, max_new_tokens=new_tokens,
            pad_token_id=network.generation_config.pad_token_id or 0,
        ))
    tokens = ids[:, inputs["input_ids"].shape[1]:].tolist()
    return {"ms": ms, "rows": len(tokens), "tokens": len(tokens[0]), "first": tokens[0]}


def repeated(name, value, group):
    return value.repeat(group, *([1] * (value.dim() - 1)))


if __name__ == "__main__":
    torch.manual_seed(7)
    serve({"prepare": prepare, "generate": generate})
