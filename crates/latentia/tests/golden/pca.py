"""Writes pca.json: scikit-learn's PCA and TruncatedSVD on small seeded tables. Run: python pca.py (needs scikit-learn)."""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.decomposition import PCA, TruncatedSVD

rng = np.random.default_rng(0)


def table(n, d):
    mixed = rng.normal(size=(n, d)) * np.linspace(3.0, 0.2, d) @ rng.normal(size=(d, d)) / np.sqrt(d)
    return (mixed + 10.0 * rng.normal(size=d)).astype(np.float32)


def rounded(a):
    return [float(v) for v in np.asarray(a, dtype=np.float64).ravel()]


cases = []
for name, n, d, k in [("tall", 40, 6, 3), ("wide", 7, 12, 4), ("full", 20, 5, 5)]:
    x = table(n, d)
    for whiten in [False, True]:
        pca = PCA(k, whiten=whiten, svd_solver="full").fit(x.astype(np.float64))
        code = pca.transform(x.astype(np.float64))
        cases.append(dict(
            name=f"{name}{' whitened' if whiten else ''}", rows=n, cols=d, code=k, whiten=whiten, centre=True, x=rounded(x),
            mean=rounded(pca.mean_), components=rounded(pca.components_), singular_values=rounded(pca.singular_values_),
            explained_variance=rounded(pca.explained_variance_),
            explained_variance_ratio=rounded(pca.explained_variance_ratio_), codes=rounded(code),
            reconstruction=rounded(pca.inverse_transform(code))))
    if k < min(n, d):
        svd = TruncatedSVD(k, algorithm="arpack", tol=1e-14).fit(x.astype(np.float64))
        code = svd.transform(x.astype(np.float64))
        cases.append(dict(
            name=f"{name} not centred", rows=n, cols=d, code=k, whiten=False, centre=False, x=rounded(x),
            mean=[0.0] * d, components=rounded(svd.components_), singular_values=rounded(svd.singular_values_),
            explained_variance=rounded(svd.explained_variance_),
            explained_variance_ratio=rounded(svd.explained_variance_ratio_), codes=rounded(code),
            reconstruction=rounded(svd.inverse_transform(code))))
out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps(dict(sklearn=sklearn.__version__, cases=cases), indent=None) + "\n")
