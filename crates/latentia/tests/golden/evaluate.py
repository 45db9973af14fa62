"""Writes evaluate.json: metrics of scikit-learn, scipy and numpy on small seeded cases. Run: python evaluate.py."""
import json
import pathlib

import numpy as np
import sklearn
from scipy.linalg import subspace_angles
from scipy.optimize import linear_sum_assignment
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(0)


def flat(a):
    return [float(v) for v in np.asarray(a, dtype=np.float64).ravel()]


def rows(n, d, classes, spread):
    labels = rng.integers(0, classes, n)
    centres = np.random.default_rng(9).normal(size=(classes, d))
    return (centres[labels] + spread * rng.normal(size=(n, d))).astype(np.float32), labels


train, train_labels = rows(120, 5, 4, 1.0)
test, test_labels = rows(80, 5, 4, 1.0)

scores = np.round(rng.normal(size=50), 1)
positive = (scores + rng.normal(size=50)) > 0.5
fpr, tpr, roc_thresholds = metrics.roc_curve(positive, scores, drop_intermediate=False)
precision, recall, pr_thresholds = metrics.precision_recall_curve(positive, scores)

labels = rng.integers(0, 5, 100)
clusters = np.where(rng.random(100) < 0.6, (labels + 2) % 5, rng.integers(0, 7, 100))
counts = metrics.cluster.contingency_matrix(labels, clusters)
matched = counts[linear_sum_assignment(-counts)].sum() / 100

x = rng.normal(size=(30, 6)).astype(np.float32)
noisy = (x + 0.3 * rng.normal(size=x.shape)).astype(np.float32)
code = x[:, :2].copy()
a, b = rng.normal(size=(3, 8)).astype(np.float32), rng.normal(size=(2, 8)).astype(np.float32)
near = (a + 1e-4 * rng.normal(size=a.shape)).astype(np.float32)

probe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, tol=1e-10, max_iter=10000)).fit(train, train_labels)

json_path = pathlib.Path(__file__).with_suffix(".json")
json_path.write_text(json.dumps(dict(
    sklearn=sklearn.__version__,
    train=flat(train), train_labels=train_labels.tolist(), test=flat(test), test_labels=test_labels.tolist(),
    knn={str(k): KNeighborsClassifier(k).fit(train, train_labels).score(test, test_labels) for k in [1, 2, 5, 20]},
    probe=probe.score(test, test_labels),
    scores=flat(scores), positive=positive.tolist(), roc_auc=metrics.roc_auc_score(positive, scores),
    average_precision=metrics.average_precision_score(positive, scores),
    roc_x=flat(fpr), roc_y=flat(tpr), pr_x=flat(recall[::-1]), pr_y=flat(precision[::-1]),
    labels=labels.tolist(), clusters=clusters.tolist(), clustering_accuracy=matched,
    nmi=metrics.normalized_mutual_info_score(labels, clusters), ari=metrics.adjusted_rand_score(labels, clusters),
    accuracy=metrics.accuracy_score(labels, clusters),
    confusion=metrics.confusion_matrix(labels, clusters, labels=range(7)).tolist(),
    x=flat(x), noisy=flat(noisy), mse=metrics.mean_squared_error(x.astype(float), noisy.astype(float)),
    r2=metrics.r2_score(x.astype(float), noisy.astype(float), multioutput="variance_weighted"),
    quantiles=[[q, float(np.quantile(scores, q))] for q in [0.0, 0.13, 0.5, 0.99, 1.0]],
    code=flat(code), trustworthiness=trustworthiness(x.astype(float), code.astype(float), n_neighbors=5),
    continuity=trustworthiness(code.astype(float), x.astype(float), n_neighbors=5),
    a=flat(a), b=flat(b), near=flat(near),
    angles=flat(np.sort(subspace_angles(a.T.astype(float), b.T.astype(float)))),
    near_angles=flat(np.sort(subspace_angles(a.T.astype(float), near.T.astype(float)))),
)) + "\n")
