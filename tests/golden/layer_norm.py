"""Outputs and gradients of layer normalisation, from PyTorch.

Run: python tests/golden/layer_norm.py   (needs torch; writes tests/golden/data/layer_norm.json)
"""

import json
from pathlib import Path

import torch

torch.manual_seed(0)


def case(shape, epsilon, level=0.0, spread=1.0):
    norm = torch.nn.LayerNorm(shape[-1], eps=epsilon)
    torch.nn.init.uniform_(norm.weight, -1.5, 1.5)
    torch.nn.init.uniform_(norm.bias, -1, 1)
    x = (level + spread * torch.randn(shape)).requires_grad_()
    dy = torch.randn(shape)
    y = norm(x)
    y.backward(dy)
    tensors = {
        "x": x, "weight": norm.weight, "bias": norm.bias, "dy": dy, "y": y,
        "dx": x.grad, "dweight": norm.weight.grad, "dbias": norm.bias.grad,
    }
    flat = {name: [float(f"{v:.9g}") for v in t.detach().flatten().tolist()] for name, t in tensors.items()}
    return {"shape": list(shape), "epsilon": epsilon, **flat}


cases = [
    case((2, 3, 5), 1e-5),
    case((1, 4, 1), 1e-5),
    case((3, 2, 33), 1e-5),
    # An epsilon that matters, and rows far from zero.
    case((2, 2, 8), 1e-1, spread=0.3),
    case((1, 3, 17), 1e-5, level=50.0, spread=4.0),
]
out = Path(__file__).parent / "data" / "layer_norm.json"
out.write_text(json.dumps(cases) + "\n")
