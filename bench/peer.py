"""The peers' side of bench/run: PyTorch and scikit-learn, with the same words as bench/worker.

A line `NAME REPETITIONS` on standard input is a piece of work; the answer is one line of JSON with the milliseconds of each
repetition. `peak` asks for the most memory this process has held, in KiB.
"""

import json
import os
import sys
import time

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
STREAMED = 100


def rows_and_size(sizes):
    import numpy as np

    shape, size = sizes.split(":")
    rows, cols = map(int, shape.split("x"))
    x = np.fromfile(f"{os.environ['BENCH_DATA']}/{shape}.f32", dtype=np.float32).reshape(rows, cols)
    return x, int(size)


def torch():
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    return torch


def module(torch, kind):
    return {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[kind]


def step(kind, sizes):
    """Forward, the mean square of all outputs, backward, SGD."""
    pt = torch()
    both = sizes.endswith("/bidirectional")
    batch, steps, inputs, hidden = map(int, sizes.removesuffix("/bidirectional").split("/"))
    layer = module(pt, kind)(inputs, hidden, bidirectional=both)
    optimizer = pt.optim.SGD(layer.parameters(), 1e-3)
    x = pt.rand(steps, batch, inputs) * 2 - 1

    def once():
        optimizer.zero_grad()
        y, _ = layer(x)
        (y**2).mean().backward()
        optimizer.step()

    return once


def lengths_of(batch, steps):
    return [10 + (i * 29 % batch) * (steps - 10) // max(batch - 1, 1) for i in range(batch)]


def step_with_lengths(sizes, packed):
    """The same over rows of 10 to `steps` steps: as a PackedSequence, or padded with the padding left out of the loss."""
    pt = torch()
    batch, steps, inputs, hidden = map(int, sizes.split("/"))
    lengths = pt.tensor(lengths_of(batch, steps))
    layer = pt.nn.LSTM(inputs, hidden)
    optimizer = pt.optim.SGD(layer.parameters(), 1e-3)
    x = pt.rand(steps, batch, inputs) * 2 - 1
    mask = (pt.arange(steps)[:, None] < lengths[None, :]).float()[..., None]
    outputs = float(lengths.sum() * hidden)

    def once():
        optimizer.zero_grad()
        if packed:
            given = pt.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
            y, _ = layer(given)
            y, _ = pt.nn.utils.rnn.pad_packed_sequence(y, total_length=steps)
            loss = (y**2).sum() / outputs
        else:
            y, _ = layer(x)
            loss = ((y * mask) ** 2).sum() / outputs
        loss.backward()
        optimizer.step()

    return once


def stream(kind, sizes):
    """One step after the other on the state the last one left; returns milliseconds a step."""
    pt = torch()
    batch, inputs, hidden = map(int, sizes.split("/"))
    layer = module(pt, kind)(inputs, hidden).eval()
    x = pt.rand(1, batch, inputs)
    h = pt.zeros(1, batch, hidden)
    state = [(h, h.clone()) if kind == "lstm" else h]

    def once():
        with pt.inference_mode():
            s = state[0]
            for _ in range(STREAMED):
                _, s = layer(x, s)
            state[0] = s

    return once


def autoencoder(sizes):
    pt = torch()
    batch, widths = sizes.split(":")
    batch, widths = int(batch), [int(w) for w in widths.split("-")]
    half = len(widths) // 2
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers.append(pt.nn.Linear(a, b))
        if i + 1 != half and i + 2 != len(widths):
            layers.append(pt.nn.ReLU())
    return training(pt, pt.nn.Sequential(*layers), pt.rand(batch * 8, widths[0]) * 2 - 1, batch)


def convolutional(sizes):
    """Convolutions of 5 x 5 with a stride of 2 over grey images, dense layers, and the mirror image of both."""
    pt = torch()
    batch, side, maps, widths = sizes.split(":")
    batch, side = int(batch), int(side)
    maps, widths = [1, *map(int, maps.split("-"))], list(map(int, widths.split("-")))
    sides = [side]
    for _ in maps[1:]:
        sides.append((sides[-1] + 1) // 2)
    dense = [maps[-1] * sides[-1] ** 2, *widths]
    layers = []
    for a, b in zip(maps, maps[1:]):
        layers += [pt.nn.Conv2d(a, b, 5, 2, 2), pt.nn.ReLU()]
    layers.append(pt.nn.Flatten())
    for a, b in zip(dense, dense[1:]):
        layers += [pt.nn.Linear(a, b), pt.nn.ReLU()]
    layers.pop()
    for a, b in reversed(list(zip(dense, dense[1:]))):
        layers += [pt.nn.Linear(b, a), pt.nn.ReLU()]
    layers.append(pt.nn.Unflatten(1, (maps[-1], sides[-1], sides[-1])))
    for a, b, larger in reversed(list(zip(maps, maps[1:], sides))):
        layers += [pt.nn.ConvTranspose2d(b, a, 5, 2, 2, output_padding=1 - larger % 2), pt.nn.ReLU()]
    layers.pop()
    model = pt.nn.Sequential(*layers).to(memory_format=pt.channels_last)
    data = (pt.rand(batch * 8, 1, side, side) * 2 - 1).to(memory_format=pt.channels_last)
    return training(pt, model, data, batch)


def training(pt, model, data, batch):
    """Rows gathered by an order, half the squared error, fused Adam, the loss read: what a training loop does."""
    optimizer = pt.optim.Adam(model.parameters(), 1e-3, fused=True)
    order = {"at": 0, "rows": pt.randperm(batch * 8)}

    def once():
        rows = order["rows"][order["at"] : order["at"] + batch]
        order["at"] = (order["at"] + batch) % (batch * 8)
        x = data[rows]
        optimizer.zero_grad()
        loss = 0.5 * (model(x) - x).square().flatten(1).sum(1).mean()
        loss.backward()
        optimizer.step()
        loss.item()

    return once


def product(size):
    pt = torch()
    n = int(size)
    a, b, c = pt.rand(n, n), pt.rand(n, n), pt.empty(n, n)

    def once():
        with pt.inference_mode():
            pt.mm(a, b, out=c)

    return once


def pca(sizes, in_memory):
    from sklearn.decomposition import PCA

    x, code = rows_and_size(sizes) if in_memory else (None, int(sizes.split(":")[1]))

    def once():
        fitted = PCA(code).fit(x if in_memory else rows_and_size(sizes)[0])
        return f"explained variance {fitted.explained_variance_.sum():.6e}"

    return once


def k_means(sizes, start):
    from sklearn.cluster import KMeans

    x, clusters = rows_and_size(sizes)
    seed = [0]

    def once():
        fitted = KMeans(
            clusters, n_init=1, init=x[:clusters] if start else "k-means++", random_state=seed[0]
        ).fit(x)
        seed[0] += 1
        return f"{fitted.n_iter_} iterations, inertia {fitted.inertia_:.6e}"

    return once


def nearest(sizes):
    from sklearn.neighbors import NearestNeighbors

    x, k = rows_and_size(sizes)
    queries = x[: len(x) // 6].copy()

    def once():
        found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x).kneighbors(queries)[1]
        return f"sum of the rows found {found.sum()}"

    return once


def prepare(name):
    kind, rest = name.split(":", 1)
    if kind in ("lstm", "gru", "rnn"):
        return step(kind, rest), 1
    if kind in ("lstm-lengths", "lstm-padded"):
        return step_with_lengths(rest, kind == "lstm-lengths"), 1
    if kind.endswith("-stream"):
        return stream(kind.removesuffix("-stream"), rest), STREAMED
    if kind == "autoencoder":
        return autoencoder(rest), 1
    if kind == "convolutional":
        return convolutional(rest), 1
    if kind == "sgemm":
        return product(rest), 1
    if kind in ("pca", "pca-file"):
        return pca(rest, kind == "pca"), 1
    if kind in ("k-means", "k-means-from"):
        return k_means(rest, kind == "k-means-from"), 1
    if kind == "nearest":
        return nearest(rest), 1
    raise ValueError(f"{kind}: no such work")


def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1])


def versions():
    import numpy
    import sklearn
    import torch

    return {"torch": torch.__version__, "scikit-learn": sklearn.__version__, "numpy": numpy.__version__}


def main():
    kept, once, each = None, None, 1
    for line in sys.stdin:
        line = line.strip()
        if line == "peak":
            answer = {"peak_kib": peak()}
        elif line == "versions":
            answer = versions()
        else:
            name, repetitions = line.rsplit(" ", 1)
            if name != kept:
                # What the last piece of work held goes before the next one is set up.
                kept, once = name, None
                once, each = prepare(name)
            ms, notes = [], []
            for _ in range(int(repetitions)):
                began = time.perf_counter()
                note = once()
                ms.append((time.perf_counter() - began) * 1e3 / each)
                notes.append(note)
            answer = {"ms": ms, "note": "; ".join(n for n in notes if n)}
        print(json.dumps(answer), flush=True)


main()
