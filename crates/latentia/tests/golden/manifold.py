"""Writes manifold.json: scikit-learn's Isomap, SpectralEmbedding and LocallyLinearEmbedding on digits and a rolled sheet.

Run: python manifold.py (needs scikit-learn). Signs are arbitrary on both sides. Scales: SpectralEmbedding divides unit
eigenvectors by the roots of the degrees; here that is multiplied by the root of the sum of the degrees. Locally linear
embedding returns unit eigenvectors; here they are multiplied by the root of the number of rows.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.manifold import Isomap, LocallyLinearEmbedding, SpectralEmbedding
from sklearn.neighbors import kneighbors_graph

rng = np.random.default_rng(0)


def swiss_roll(n):
    t = 1.5 * np.pi * (1 + 2 * rng.random(n))
    return np.round(np.column_stack([t * np.cos(t), 21 * rng.random(n), t * np.sin(t)]), 3)


def rounded(a):
    return [float(f"{v:.9g}") for v in np.asarray(a, dtype=np.float64).ravel()]


def laplacian(x, k, code, heat):
    lengths = kneighbors_graph(x, k, mode="distance").toarray()
    lengths = np.maximum(lengths, lengths.T)
    w = np.where(lengths > 0, np.exp(-(lengths**2) / heat) if heat else 1.0, 0.0)
    h = SpectralEmbedding(code, affinity="precomputed", eigen_solver="arpack", random_state=0).fit_transform(w)
    return h * np.sqrt(w.sum())


digits = load_digits().data[:170]
parts = np.concatenate([swiss_roll(40), swiss_roll(30) + 60, swiss_roll(25) - [0, 90, 0]])
cases = []
for name, x, fitted, k, code, heat in [
        ("digits", digits, 150, 10, 3, 400.0), ("roll", swiss_roll(220), 200, 9, 2, 9.0), ("parts", parts, 90, 5, 2, None)]:
    x = x.astype(np.float32).astype(np.float64)
    train, new = x[:fitted], x[fitted:]
    isomap = Isomap(n_neighbors=k, n_components=code, eigen_solver="dense").fit(train)
    case = dict(name=name, rows=len(x), cols=x.shape[1], fitted=fitted, neighbours=k, code=code, x=rounded(x),
                isomap=rounded(isomap.embedding_), isomap_new=rounded(isomap.transform(new)),
                first_distances=rounded(isomap.dist_matrix_[0]))
    if heat:
        lle = LocallyLinearEmbedding(n_neighbors=k, n_components=code, reg=1e-3, eigen_solver="dense").fit(train)
        scale = np.sqrt(fitted)
        case.update(
            lle=rounded(lle.embedding_ * scale), lle_new=rounded(lle.transform(new) * scale), heat=heat,
            laplacian=rounded(laplacian(train, k, code, None)), laplacian_heat=rounded(laplacian(train, k, code, heat)))
    cases.append(case)
out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps(dict(sklearn=sklearn.__version__, cases=cases), indent=None) + "\n")
