"""Writes predict.json: scikit-learn's logistic regression without a penalty on a small seeded table, and losses of it.

Run: python predict.py (needs scikit-learn). Without a penalty the weights are unique up to a shift of the logits, the
probabilities entirely.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss

rng = np.random.default_rng(3)
labels = np.repeat([0, 1, 2], [50, 30, 20])
centres = np.array([[0.0, 0.0, 1.0, 0.0], [1.0, 0.5, 0.0, 0.0], [-0.5, 1.0, 0.0, 0.5]])
x = np.round(centres[labels] + rng.normal(size=(100, 4)), 3).astype(np.float32).astype(np.float64)


def rounded(a):
    return [float(f"{v:.9g}") for v in np.asarray(a, dtype=np.float64).ravel()]


cases = []
for name, weight in [("plain", None), ("balanced", "balanced")]:
    model = LogisticRegression(C=np.inf, class_weight=weight, tol=1e-12, max_iter=100000).fit(x, labels)
    p = model.predict_proba(x)
    cases.append(dict(name=name, probabilities=rounded(p), log_loss=log_loss(labels, p),
                      balanced_accuracy=balanced_accuracy_score(labels, p.argmax(1))))
out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps(dict(sklearn=sklearn.__version__, rows=100, cols=4, x=rounded(x), labels=labels.tolist(),
                               cases=cases)) + "\n")
