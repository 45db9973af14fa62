"""Reference losses, gradients and optimiser steps of small convolutional autoencoders, from PyTorch.

Run: python tests/golden/convolutions.py   (needs torch; writes tests/golden/data/convolutions.json)
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {"elu": F.elu, "softplus": F.softplus, "gelu": F.gelu}
HIDDEN, CODE, BATCH = 4, 2, 5


class Encoder(nn.Module):
    """Convolutions, then dense layers, under the names that Latentia gives them."""

    def __init__(self, image, channels, kernel, stride, activation):
        super().__init__()
        ends = [image[0], *channels]
        padding = (kernel - 1) // 2
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, kernel, stride, padding) for a, b in zip(ends, ends[1:]))
        x = torch.zeros(1, *image)
        self.sides = [x.shape[2:]]
        for layer in self.convolutions:
            x = layer(x)
            self.sides.append(x.shape[2:])
        self.map = x.shape[1:]
        widths = [x.numel(), HIDDEN, CODE]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.activation = activation

    def forward(self, x):
        for layer in self.convolutions:
            x = self.activation(layer(x))
        x = self.activation(self.layers[0](x.flatten(1)))
        return self.layers[1](x)


class Decoder(nn.Module):
    """Dense layers, then transposed convolutions: the mirror image of an encoder."""

    def __init__(self, encoder, channels, image, kernel, stride):
        super().__init__()
        self.map, self.activation = encoder.map, encoder.activation
        widths = [CODE, HIDDEN, encoder.map.numel()]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        padding = (kernel - 1) // 2
        ends = [*reversed(channels), image[0]]
        sides = encoder.sides[:-1][::-1]
        unreached = [tuple((s + 2 * padding - kernel) % stride for s in side) for side in sides]
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(a, b, kernel, stride, padding, output_padding=u)
            for a, b, u in zip(ends, ends[1:], unreached)
        )

    def forward(self, h):
        for layer in self.layers:
            h = self.activation(layer(h))
        h = h.unflatten(1, self.map)
        for i, layer in enumerate(self.convolutions):
            h = layer(h)
            if i + 1 < len(self.convolutions):
                h = self.activation(h)
        return h


class Autoencoder(nn.Module):
    def __init__(self, image, channels, kernel, stride, activation, tied):
        super().__init__()
        self.encoder = Encoder(image, channels, kernel, stride, activation)
        self.decoder = Decoder(self.encoder, channels, image, kernel, stride)
        if tied:
            for ours, theirs in zip(self.decoder.convolutions, reversed(self.encoder.convolutions)):
                ours.weight = theirs.weight
            self.tie_dense()

    def tie_dense(self):
        for ours, theirs in zip(self.decoder.layers, reversed(self.encoder.layers)):
            del ours.weight
            ours.forward = lambda x, ours=ours, theirs=theirs: F.linear(x, theirs.weight.T, ours.bias)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def numbers(shape, seed):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).round(decimals=4)


def tensors(named):
    return {name: {"shape": list(t.shape), "values": t.detach().flatten().tolist()} for name, t in named}


def case(image, channels, kernel, stride, activation, tied, likelihood):
    model = Autoencoder(image, channels, kernel, stride, ACTIVATIONS[activation], tied)
    named = list(model.named_parameters())
    for seed, (_, parameter) in enumerate(named):
        parameter.data = 0.6 * (numbers(parameter.shape, seed) - 0.5)
    start = tensors(named)
    x = numbers((BATCH, *image), 100)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for i in range(3):
        optimizer.zero_grad()
        output = model(x)
        assert output.shape == x.shape
        each = 0.5 * (output - x) ** 2
        if likelihood == "bernoulli":
            each = F.binary_cross_entropy_with_logits(output, x, reduction="none")
        loss = each.flatten(1).sum(1).mean()
        loss.backward()
        losses.append(loss.item())
        if i == 0:
            gradients = tensors((n, p.grad) for n, p in named)
        optimizer.step()
    return {
        "image": list(image),
        "channels": list(channels),
        "kernel": kernel,
        "stride": stride,
        "activation": activation,
        "tied": tied,
        "likelihood": likelihood,
        "x": x.flatten().tolist(),
        "start": start,
        "losses": losses,
        "gradients": gradients,
        "end": tensors(named),
    }


def main():
    torch.set_default_dtype(torch.float64)
    cases = [
        case((1, 5, 4), [3], 3, 2, "elu", False, "gaussian"),
        case((3, 7, 6), [2, 3], 3, 2, "softplus", False, "bernoulli"),
        case((1, 11, 9), [2, 2], 4, 2, "gelu", False, "gaussian"),
        case((3, 6, 5), [2], 2, 1, "elu", False, "bernoulli"),
        case((3, 7, 6), [2, 3], 3, 2, "elu", True, "gaussian"),
    ]
    out = pathlib.Path(__file__).parent / "data" / "convolutions.json"
    out.write_text(json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}, indent=None) + "\n")


main()
