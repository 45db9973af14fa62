"""Writes regress.json: scikit-learn's linear and ridge regression of two targets on a small seeded table, and errors of them.

Run: python regress.py (needs scikit-learn). Ridge regression is of columns and targets scaled to mean 0 and deviation 1, as
Latentia scales them; what it tells is given in units of the table.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.preprocessing import StandardScaler

WEIGHT_DECAY = 0.3
rng = np.random.default_rng(7)
n = 80
x = rng.normal(size=(n, 4)) * [1.0, 3.0, 0.2, 10.0] + [0.0, 5.0, 1.0, -20.0]
x[:, 3] += 2.0 * x[:, 1]
y = np.stack([4.0 * x[:, 0] - x[:, 1] + 12.0, 100.0 * x[:, 2] + np.sin(x[:, 0])], 1) + rng.normal(size=(n, 2))
x, y = (np.round(a, 3).astype(np.float32).astype(np.float64) for a in (x, y))


def rounded(a):
    return [float(f"{v:.9g}") for v in np.asarray(a, dtype=np.float64).ravel()]


linear = LinearRegression().fit(x, y).predict(x)
sx, sy = StandardScaler().fit(x), StandardScaler().fit(y)
ridge = Ridge(alpha=WEIGHT_DECAY * n).fit(sx.transform(x), sy.transform(y)).predict(sx.transform(x))
errors = [
    dict(rmse=root_mean_squared_error(y[:, j], linear[:, j]), mae=mean_absolute_error(y[:, j], linear[:, j]),
         r_squared=r2_score(y[:, j], linear[:, j]))
    for j in range(2)
]
out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps(dict(sklearn=sklearn.__version__, rows=n, cols=4, x=rounded(x), y=rounded(y),
                               linear=rounded(linear), weight_decay=WEIGHT_DECAY,
                               ridge=rounded(sy.inverse_transform(ridge)), errors=errors)) + "\n")
