"""Writes recurrent_module.safetensors and .json: whole recurrent modules of PyTorch, forward and backward, in f64.

    pip install torch==2.15.0 safetensors && python tests/golden/recurrent_module.py

The JSON lists the cases; the tensors of a case are named `<case>/weights/<name in the state dict>`, `<case>/gradients/<name>`,
`<case>/x`, `<case>/y` and so on. Rows with lengths are packed sequences.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(11)
T, B, I, H = 5, 3, 3, 4
KINDS = {
    "rnn": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn-relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (torch.nn.LSTM, {}),
    "gru": (torch.nn.GRU, {}),
}
BUILDS = [
    dict(layers=1, bidirectional=False, batch_first=False, bias=True, lengths=None),
    dict(layers=2, bidirectional=True, batch_first=False, bias=True, lengths=[2, 5, 3]),
    dict(layers=3, bidirectional=False, batch_first=True, bias=True, lengths=[5, 1, 4]),
    dict(layers=2, bidirectional=True, batch_first=True, bias=False, lengths=None),
]


def rand(*shape):
    # Numbers that f32 holds exactly, so that both sides start from the same.
    return torch.randn(*shape).double().requires_grad_()


cases, tensors = [], {}
for cell, (kind, options) in KINDS.items():
    for number, build in enumerate(BUILDS):
        layers, lengths, batch_first = build["layers"], build["lengths"], build["batch_first"]
        directions = 2 if build["bidirectional"] else 1
        module = kind(
            I,
            H,
            layers,
            bias=build["bias"],
            batch_first=batch_first,
            bidirectional=build["bidirectional"],
            **options,
        )
        state = {name: value.clone() for name, value in module.state_dict().items()}
        module = module.double()
        x = rand(*((B, T, I) if batch_first else (T, B, I)))
        h0, c0 = rand(layers * directions, B, H), rand(layers * directions, B, H)
        input = x
        if lengths:
            input = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
        y, last = module(input, (h0, c0) if cell == "lstm" else h0)
        if lengths:
            y = pad_packed_sequence(y, batch_first=batch_first, total_length=T)[0]
        h, c = last if cell == "lstm" else (last, None)
        dy, dh, dc = rand(*y.shape), rand(*h.shape), rand(*h.shape)
        loss = (y * dy).sum() + (h * dh).sum() + ((c * dc).sum() if cell == "lstm" else 0)
        loss.backward()
        name = f"{cell}-{number}"
        values = {"x": x, "h0": h0, "dy": dy, "dh": dh, "y": y, "h": h, "dx": x.grad, "dh0": h0.grad}
        if cell == "lstm":
            values |= {"c0": c0, "dc": dc, "c": c, "dc0": c0.grad}
        values |= {f"weights/{key}": value for key, value in state.items()}
        values |= {f"gradients/{key}": value.grad for key, value in module.named_parameters()}
        for key, value in values.items():
            tensors[f"{name}/{key}"] = value.detach().float().contiguous()
        cases.append({"name": name, "cell": cell, "inputs": I, "hidden": H, **build})

folder = pathlib.Path(__file__).parent / "data"
save_file(tensors, folder / "recurrent_module.safetensors")
(folder / "recurrent_module.json").write_text(json.dumps(cases, indent=1) + "\n")
