"""Writes data/k_means.json: scikit-learn's KMeans from given centroids on small seeded tables, one of which leaves a
cluster without rows. Run: python tests/golden/k_means.py (needs scikit-learn)."""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.cluster import KMeans

rng = np.random.default_rng(0)


def rounded(a):
    return [float(v) for v in np.asarray(a, dtype=np.float64).ravel()]


def mixture(n, d, k, spread, offset=0.0):
    centres = rng.normal(size=(k, d)) * spread
    return (centres[rng.integers(k, size=n)] + rng.normal(size=(n, d)) + offset).astype(np.float32)


cases = []
for name, x, k, most, tolerance in [
    ("apart", mixture(60, 2, 3, 8.0), 3, 300, 1e-4),
    ("overlapping", mixture(200, 5, 4, 1.5), 6, 300, 1e-4),
    ("to the end", mixture(150, 3, 3, 1.0), 7, 300, 0.0),
    ("stopped", mixture(150, 3, 3, 1.0), 7, 2, 0.0),
    ("far from the origin", mixture(120, 4, 3, 3.0, offset=100.0), 3, 300, 1e-4),
    ("one cluster", mixture(30, 3, 2, 2.0), 1, 300, 1e-4),
]:
    start = x[rng.permutation(len(x))[:k]]
    cases.append((name, x, start, most, tolerance))
x = mixture(80, 2, 3, 6.0)
start = np.concatenate([x[:2], [[500.0, 500.0], [-400.0, 900.0]]]).astype(np.float32)
cases.append(("two empty clusters", x, start, 300, 1e-4))

out = []
for name, x, start, most, tolerance in cases:
    fitted = KMeans(len(start), init=start, n_init=1, max_iter=most, tol=tolerance, algorithm="lloyd").fit(x)
    out.append(dict(
        name=name, rows=x.shape[0], cols=x.shape[1], clusters=len(start), max_iterations=most, tolerance=tolerance,
        x=rounded(x), start=rounded(start), centroids=rounded(fitted.cluster_centers_), labels=fitted.labels_.tolist(),
        inertia=float(fitted.inertia_), iterations=int(fitted.n_iter_), distances=rounded(fitted.transform(x[:5]))))
path = pathlib.Path(__file__).parent / "data" / "k_means.json"
path.write_text(json.dumps(dict(sklearn=sklearn.__version__, cases=out)) + "\n")
