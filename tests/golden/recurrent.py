"""Writes recurrent.txt: recurrent layers of PyTorch, forward and backward, in f64.

    pip install torch==2.15.0 && python tests/golden/recurrent.py

Each block is a case: the cell, the shape T B I H, whether the direction is reversed, the lengths of the rows, the arguments and
what PyTorch gives for them. Rows with lengths are packed sequences.
"""

import pathlib

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(7)
T, B, I, H = 4, 3, 2, 5
out = ["# Written by tests/golden/recurrent.py, PyTorch " + torch.__version__.split("+")[0]]


def line(name, values):
    values = values.detach().flatten().tolist() if torch.is_tensor(values) else values
    out.append(name + " " + " ".join(f"{v:.9g}" if isinstance(v, float) else str(v) for v in values))


def rand(*shape):
    # Numbers that f32 holds exactly, so that both sides start from the same.
    return torch.randn(*shape).to(torch.float64).requires_grad_()


for cell in ["tanh", "relu", "lstm", "gru"]:
    for reverse, lengths in [(0, [T] * B), (0, [2, 4, 1]), (1, [3, 1, 4])]:
        kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(cell, torch.nn.RNN)
        options = {"nonlinearity": cell} if kind is torch.nn.RNN else {}
        layer = kind(I, H, bidirectional=True, **options).double()
        suffix = "_reverse" if reverse else ""
        names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
        weights = [getattr(layer, name + "_l0" + suffix) for name in names]
        with torch.no_grad():
            for weight in weights:
                weight.copy_(weight.float().double())
        x, h0, c0 = rand(T, B, I), rand(B, H), rand(B, H)
        dy, dh, dc = rand(T, B, H), rand(B, H), rand(B, H)
        # A reversed layer alone is one half of a bidirectional one.
        start = lambda state: torch.stack([state, state])
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        if cell == "lstm":
            y, (h, c) = layer(packed, (start(h0), start(c0)))
        else:
            y, h = layer(packed, start(h0))
        y = pad_packed_sequence(y, total_length=T)[0][:, :, H * reverse : H * (reverse + 1)]
        loss = (y * dy).sum() + (h[reverse] * dh).sum()
        if cell == "lstm":
            loss = loss + (c[reverse] * dc).sum()
        loss.backward()
        out.append("")
        line("cell", [cell])
        line("shape", [T, B, I, H])
        line("reverse", [reverse])
        line("lengths", lengths)
        for name, value in [("x", x), ("h0", h0), ("dy", dy), ("dh", dh), *zip(names, weights)]:
            line(name, value)
        wanted = [("y", y), ("h", h[reverse]), ("dx", x.grad), ("dh0", h0.grad)]
        wanted += [(name, weight.grad) for name, weight in zip(names, weights)]
        if cell == "lstm":
            line("c0", c0)
            line("dc", dc)
            wanted += [("c", c[reverse]), ("dc0", c0.grad)]
        for name, value in wanted:
            line("want_" + name, value)

path = pathlib.Path(__file__).parent / "data" / "recurrent.txt"
path.write_text("\n".join(out) + "\n")
