"""Reference losses, gradients and optimiser steps of small autoencoders, from PyTorch.

Run: python tests/golden/autoencoder.py   (needs torch; writes tests/golden/data/autoencoder.json)
"""

import json
import pathlib

import torch
from torch import nn

ACTIVATIONS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.01),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
}
OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99, momentum=0.9, weight_decay=0.1),
}
WIDTHS = [5, 4, 2]


class Stack(nn.Module):
    """Dense layers under the names that Latentia gives them."""

    def __init__(self, widths, activation):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.activation = activation()

    def forward(self, x, weights=None):
        for i, layer in enumerate(self.layers):
            w = layer.weight if weights is None else weights[i].T
            x = nn.functional.linear(x, w, layer.bias)
            if i + 1 < len(self.layers):
                x = self.activation(x)
        return x


class Autoencoder(nn.Module):
    def __init__(self, activation, tied):
        super().__init__()
        self.encoder = Stack(WIDTHS, activation)
        self.decoder = Stack(WIDTHS[::-1], activation)
        self.tied = tied

    def forward(self, x):
        weights = [layer.weight for layer in reversed(self.encoder.layers)] if self.tied else None
        return self.decoder(self.encoder(x), weights)


def numbers(shape, seed):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).round(decimals=4)


def negative_log(likelihood, output, x):
    if likelihood == "gaussian":
        return 0.5 * ((output - x) ** 2).sum(1)
    if likelihood == "bernoulli":
        return nn.functional.binary_cross_entropy_with_logits(output, x, reduction="none").sum(1)
    return -(torch.log_softmax(output, 1) * x).sum(1)


def tensors(named):
    return {name: {"shape": list(t.shape), "values": t.detach().flatten().tolist()} for name, t in named}


def case(activation, likelihood, tied, optimizer):
    model = Autoencoder(ACTIVATIONS[activation], tied)
    for seed, parameter in enumerate(model.parameters()):
        parameter.data = numbers(parameter.shape, seed) - 0.5
    named = [(n, p) for n, p in model.named_parameters() if not (tied and n.startswith("decoder") and n.endswith("weight"))]
    start = tensors(named)
    x = numbers((7, WIDTHS[0]), 100)
    step = OPTIMIZERS[optimizer]([p for _, p in named])
    losses = []
    for i in range(3):
        step.zero_grad()
        loss = negative_log(likelihood, model(x), x).mean()
        loss.backward()
        losses.append(loss.item())
        if i == 0:
            gradients = tensors((n, p.grad) for n, p in named)
        step.step()
    return {
        "activation": activation,
        "likelihood": likelihood,
        "tied": tied,
        "optimizer": optimizer,
        "x": x.flatten().tolist(),
        "start": start,
        "losses": losses,
        "gradients": gradients,
        "end": tensors(named),
    }


def main():
    torch.set_default_dtype(torch.float64)
    cases = [case(a, "gaussian", False, "adam") for a in ACTIVATIONS]
    cases += [case("tanh", likelihood, tied, "adam") for likelihood in ["bernoulli", "categorical"] for tied in [False, True]]
    cases += [case("elu", "gaussian", False, o) for o in OPTIMIZERS]
    out = pathlib.Path(__file__).parent / "data" / "autoencoder.json"
    out.write_text(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}, indent=None) + "\n")


main()
