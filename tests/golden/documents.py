"""Weights of words by scikit-learn: tests/golden/data/documents.json, read by crates/latentia/tests/data_documents.rs."""

import json
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

DOCUMENTS = [
    "Oil prices rose on Monday; oil and gas prices fell on Tuesday.",
    "The price of wheat fell in 1987, and wheat exports fell too.",
    "Gas exports, oil exports and grain exports.",
    "Grain: wheat, corn, corn, corn and corn.",
    "Profits of the company rose to 12.5 mln dlrs from 9.1 mln.",
]

# Runs of at least two letters, as the tokeniser has it for plain English.
PATTERN = r"(?u)\b[^\W\d_]{2,}\b"


def rows(matrix, words):
    return [{w: float(v) for w, v in zip(words, row)} for row in np.asarray(matrix)]


def main():
    count = CountVectorizer(token_pattern=PATTERN)
    n = count.fit_transform(DOCUMENTS).toarray().astype(float)
    words = count.get_feature_names_out()
    log = TfidfVectorizer(token_pattern=PATTERN, sublinear_tf=True, use_idf=False, norm=None)
    tf_idf = TfidfVectorizer(token_pattern=PATTERN)
    golden = {
        "documents": DOCUMENTS,
        "count": rows(n, words),
        "tf": rows(n / n.sum(axis=1, keepdims=True), words),
        "log-tf": rows(log.fit_transform(DOCUMENTS).toarray(), words),
        "tf-idf": rows(tf_idf.fit_transform(DOCUMENTS).toarray(), words),
    }
    Path(__file__).with_name("data").joinpath("documents.json").write_text(json.dumps(golden) + "\n")


main()
