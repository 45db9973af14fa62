"""The peer of the example `ptb`: the small word model of Zaremba, Sutskever and Vinyals (2014) in PyTorch.

Two LSTM layers of 200, batch 20, 20 steps of truncated backpropagation with the state carried over, plain SGD at rate 1, the
norm of the gradient clipped to 5, weights uniform in ±0.1, a vocabulary of 10,000.

Usage: python peer.py [--epochs N] [--steps N]      LATENTIA_DATA names the folder that holds ptb/
"""

import argparse
import gzip
import math
import os
import time

import torch

BATCH, STEPS, HIDDEN, LAYERS, RATE, CLIP = 20, 20, 200, 2, 1.0, 5.0


def words(part):
    with gzip.open(f"{os.environ['LATENTIA_DATA']}/ptb/ptb.{part}.txt.gz", "rt") as file:
        return file.read().replace("\n", " <eos> ").split()


class Model(torch.nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, HIDDEN)
        self.lstm = torch.nn.LSTM(HIDDEN, HIDDEN, LAYERS)
        self.output = torch.nn.Linear(HIDDEN, vocabulary)
        for p in self.parameters():
            torch.nn.init.uniform_(p, -0.1, 0.1)
        torch.nn.init.zeros_(self.output.bias)

    def forward(self, x, state):
        y, state = self.lstm(self.embedding(x), state)
        return self.output(y).flatten(0, 1), state


def columns(ids):
    """`[N, BATCH]`: the text cut into BATCH pieces side by side."""
    rows = len(ids) // BATCH
    return ids[: rows * BATCH].view(BATCH, rows).t().contiguous()


def run(model, data, optimizer=None, steps=None):
    """The mean of the losses, and the words they are of."""
    state = tuple(torch.zeros(LAYERS, BATCH, HIDDEN) for _ in range(2))
    windows = (len(data) - 1) // STEPS
    total = 0.0
    for at in range(0, min(windows, steps or windows) * STEPS, STEPS):
        x, y = data[at : at + STEPS], data[at + 1 : at + 1 + STEPS].flatten()
        scores, state = model(x, tuple(s.detach() for s in state))
        loss = torch.nn.functional.cross_entropy(scores, y)
        if optimizer:
            optimizer.zero_grad()
            # Summed over the steps, mean over the sequences: what a rate of 1 and a norm of 5 refer to.
            (loss * STEPS).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
        total += loss.item()
    done = min(windows, steps or windows)
    return total / done, done * STEPS * BATCH


def main(options):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    torch.manual_seed(0)
    texts = {part: words(part) for part in ("train", "valid", "test")}
    ids = {word: i for i, word in enumerate(dict.fromkeys(w for text in texts.values() for w in text))}
    data = {part: columns(torch.tensor([ids[w] for w in text])) for part, text in texts.items()}
    model = Model(len(ids))
    optimizer = torch.optim.SGD(model.parameters(), RATE)
    for epoch in range(options.epochs):
        began = time.perf_counter()
        loss, tokens = run(model, data["train"], optimizer, options.steps)
        seconds = time.perf_counter() - began
        with torch.inference_mode():
            validation, _ = run(model, data["valid"])
        print(f"epoch {epoch + 1}: {tokens} words  perplexity {math.exp(loss):.2f}  {seconds:.1f} s  {tokens / seconds:.0f} words/s; on the validation text {math.exp(validation):.2f}", flush=True)
    with torch.inference_mode():
        print(f"perplexity on the test text: {math.exp(run(model, data['test'])[0]):.2f}")
    print(f"pytorch {torch.__version__}")


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--steps", type=int)
main(parser.parse_args())
