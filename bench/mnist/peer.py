"""The peer of `latentia fit recipes/mnist-autoencoder.toml`: the same network, rows, steps and schedule in PyTorch.

Usage: python peer.py EPOCHS OUT.pt      LATENTIA_DATA names the folder that holds mnist/
"""

import gzip
import os
import resource
import sys
import time

BEGAN = time.perf_counter()
import numpy as np
import torch


def images(name):
    with gzip.open(f"{os.environ['LATENTIA_DATA']}/mnist/{name}-images-idx3-ubyte.gz") as file:
        bytes_ = np.frombuffer(file.read(), np.uint8, offset=16)
    return torch.from_numpy(bytes_.reshape(-1, 784).astype(np.float32) / 255)


def stack(widths):
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layer, last = torch.nn.Linear(a, b), i + 2 == len(widths)
        # He normal before ELU, Glorot uniform where nothing follows.
        torch.nn.init.xavier_uniform_(layer.weight) if last else torch.nn.init.kaiming_normal_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        layers += [layer] if last else [layer, torch.nn.ELU()]
    return layers


def main(epochs, out):
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    torch.manual_seed(0)
    x = images("train")
    order = torch.randperm(len(x))
    held_out, train = x[order[:1200]], x[order[1200:]]
    del x
    widths = [784, 1000, 500, 250, 30]
    model = torch.nn.Sequential(*stack(widths), *stack(widths[::-1]))
    optimizer = torch.optim.AdamW(model.parameters(), 0.002, weight_decay=0.1, fused=True)
    steps = epochs * -(-len(train) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.002, total_steps=steps, pct_start=0.3, cycle_momentum=False)

    def loss_of(x):
        return torch.nn.functional.binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)

    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(train)).split(128):
            loss = loss_of(train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        with torch.inference_mode():
            validation = sum(loss_of(part).item() * len(part) for part in held_out.split(1024)) / len(held_out)
    torch.save(model.state_dict(), out)
    seconds = time.perf_counter() - BEGAN
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with torch.inference_mode():
        test = images("t10k")
        error = (torch.sigmoid(model(test)) - test).square().sum(1).mean().item()
    print(f"pytorch {torch.__version__}: trained in {seconds:.1f} s, peak {peak:.0f} MB, loss {total / len(train):.2f}, validation {validation:.2f}, test squared error {error:.3f}")


main(int(sys.argv[1]), sys.argv[2])
