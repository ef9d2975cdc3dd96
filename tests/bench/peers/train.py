"""One training step of a small decoder in PyTorch: scaled-dot-product attention and fused AdamW, as one would write it for speed."""
import torch
import torch.nn.functional as F
from torch import nn

from peer import serve, timed

WIDTH, LAYERS, HEADS, KV_HEADS, HEAD_WIDTH, HIDDEN, VOCABULARY = 256, 6, 4, 2, 64, 768, 4096


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = RmsNorm(WIDTH), RmsNorm(WIDTH)
        self.q = nn.Linear(WIDTH, HEADS * HEAD_WIDTH)
        self.k = nn.Linear(WIDTH, KV_HEADS * HEAD_WIDTH)
        self.v = nn.Linear(WIDTH, KV_HEADS * HEAD_WIDTH)
        self.o = nn.Linear(HEADS * HEAD_WIDTH, WIDTH, bias=False)
        self.gate = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.up = nn.Linear(WIDTH, HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x, cos, sin):
        batch, tokens, _ = x.shape
        y = self.norm1(x)
        q = rotated(self.q(y).view(batch, tokens, HEADS, HEAD_WIDTH).transpose(1, 2), cos, sin)
        k = rotated(self.k(y).view(batch, tokens, KV_HEADS, HEAD_WIDTH).transpose(1, 2), cos, sin)
        v = self.v(y).view(batch, tokens, KV_HEADS, HEAD_WIDTH).transpose(1, 2)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.o(attended.transpose(1, 2).reshape(batch, tokens, -1))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def rotated(x, cos, sin):
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = RmsNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, tokens):
        angles = torch.outer(torch.arange(tokens.shape[1]).float(), 1e6 ** (-torch.arange(0, HEAD_WIDTH, 2).float() / HEAD_WIDTH))
        angles = torch.cat((angles, angles), dim=-1)
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, angles.cos(), angles.sin())
        return self.head(self.norm(x))


state = {}


def prepare(batch, tokens, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(7)
    model = Decoder()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01, fused=True)
    ids = torch.randint(0, VOCABULARY, (batch, tokens + 1))
    state.update(model=model, optimizer=optimizer, ids=ids)
    return {"parameters": sum(p.numel() for p in model.parameters()), "version": torch.__version__}


def step():
    model, optimizer, ids = state["model"], state["optimizer"], state["ids"]

    def run():
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    ms, loss = timed(run)
    return {"ms": ms, "loss": loss}


def gemm(size, threads):
    torch.set_num_threads(threads)
    a, b = torch.randn(size, size), torch.randn(size, size)
    ms, _ = timed(lambda: a @ b)
    return {"ms": ms}


if __name__ == "__main__":
    serve({"prepare": prepare, "step": step, "gemm": gemm})
