//! The kinds and settings that the promises are checked on, and the files they are fitted to.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// A kind with settings small enough to be fitted dozens of times.
pub(super) struct Case {
    pub(super) kind: &'static str,
    pub(super) settings: &'static [&'static str],
}

pub(super) const CASES: &[Case] = &[
    Case { kind: "pca", settings: &["model.code=2"] },
    Case { kind: "pca", settings: &["model.code=2", "model.whiten=true", "model.solver=randomized"] },
    Case { kind: "isomap", settings: &["model.neighbours=6"] },
    Case { kind: "isomap", settings: &["model.neighbours=6", "model.landmarks=20", "model.code=3"] },
    Case { kind: "laplacian-eigenmaps", settings: &["model.neighbours=12", "model.heat=4"] },
    Case { kind: "lle", settings: &["model.neighbours=12", "model.landmarks=60"] },
    Case { kind: "k-means", settings: &["model.clusters=3"] },
    Case { kind: "pca", settings: &["model.code=2", "anomaly.score=mahalanobis"] },
    Case { kind: "autoencoder", settings: &["model.code=2", "model.hidden=[6]", "train.epochs=3"] },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6]",
            "train.epochs=3",
            "anomaly.score=mahalanobis",
            "anomaly.ensemble=2",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.code=9", "model.hidden=[]", "model.tied=true", "train.epochs=3"],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[5,4]",
            "model.activation=gelu",
            "model.likelihood=bernoulli",
            "data.scale=min-max",
            "train.epochs=3",
            "train.optimizer=sgd",
            "train.nesterov=true",
            "train.schedule=cosine",
            "train.clip-norm=1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.code=2", "model.hidden=[6]", "train.epochs=3", "train.optimizer=lbfgs"],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.code=2", "model.hidden=[6]", "train.epochs=3", "train.optimizer=rmsprop"],
    },
    Case {
        kind: "classifier",
        settings: &[
            "model.hidden=[7,5]",
            "model.dropout=0.3",
            "model.label-smoothing=0.1",
            "model.labelled=50",
            "train.epochs=3",
        ],
    },
    Case {
        kind: "classifier",
        settings: &["model.hidden=[]", "model.balanced=true", "train.epochs=3", "train.optimizer=lbfgs"],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6,5]",
            "model.activation=sigmoid",
            "model.likelihood=gaussian",
            "model.pretrain=rbm",
            "model.pretrain-epochs=2",
            "train.epochs=2",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6]",
            "model.tied=true",
            "model.pretrain=autoencoder",
            "model.pretrain-epochs=2",
            "train.epochs=2",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.corruption=swap",
            "model.emphasis=0.8",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.corruption=gaussian",
            "model.l1=0.1",
            "model.contraction=0.1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=8",
            "model.hidden=[6]",
            "model.code-activation=sigmoid",
            "model.sparsity=0.5",
            "model.sparsity-average=running",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=8",
            "model.hidden=[]",
            "model.top-k=3",
            "model.corruption=masking",
            "model.hessian=0.1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.code-distribution=gaussian",
            "model.anneal-epochs=1",
            "model.importance-samples=5",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.code-distribution=gaussian",
            "model.samples=3",
            "model.likelihood=bernoulli",
            "model.binarize=dynamic",
            "data.scale=min-max",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=6",
            "model.hidden=[6]",
            "model.code-distribution=binary",
            "model.code-noise=1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=6",
            "model.hidden=[6]",
            "model.code-distribution=categorical",
            "model.categories=3",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=8",
            "model.hidden=[6]",
            "model.code-distribution=quantized",
            "train.optimizer=sgd",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.channels=[3,2]", "model.code=2", "model.hidden=[6]", "train.epochs=2"],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.channels=[3]",
            "model.kernel=4",
            "model.code=2",
            "model.hidden=[]",
            "model.activation=softplus",
            "model.code-distribution=gaussian",
            "model.corruption=masking",
            "model.contraction=0.1",
            "model.likelihood=bernoulli",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "data.views=[left=a..c,right=d+e+colour]",
            "model.view-hidden=[5,4]",
            "model.hidden=[6]",
            "model.code=3",
            "model.corruption=views",
            "model.corruption-level=0.6",
            "model.view-likelihoods=[left=gaussian]",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "data.views=[left=a..c,right=d+e]",
            "data.view-options=[left.scale=min-max]",
            "model.view-hidden=[4]",
            "model.hidden=[]",
            "model.code=3",
            "model.tied=true",
            "model.view-likelihoods=[left=bernoulli]",
        ],
    },
    Case { kind: "pca", settings: &["model.code=2", "data.views=[left=a..c,right=d+e]"] },
    Case {
        kind: "regressor",
        settings: &["data.target=[d,e]", "model.hidden=[7,5]", "model.dropout=0.2", "train.epochs=3"],
    },
    Case {
        kind: "regressor",
        settings: &["data.target=e", "model.hidden=[]", "train.epochs=3", "train.optimizer=lbfgs"],
    },
    Case { kind: "rbm", settings: &["model.code=4", "train.epochs=3", "model.sample-steps=5"] },
    Case {
        kind: "rbm",
        settings: &[
            "model.code=4",
            "model.persistent=true",
            "model.chains=20",
            "model.gibbs-steps=2",
            "model.activity-target=0.1",
            "data.scale=min-max",
            "model.visible-units=bernoulli",
            "train.epochs=3",
            "train.optimizer=sgd",
        ],
    },
    Case {
        kind: "rbm",
        settings: &[
            "model.code=2",
            "model.hidden-units=gaussian",
            "model.visible-units=bernoulli",
            "data.scale=min-max",
            "train.epochs=3",
        ],
    },
];

impl Case {
    /// Whether its rows are images.
    pub(super) fn sees(&self) -> bool {
        self.settings.iter().any(|s| s.starts_with("model.channels"))
    }

    /// Writes rows into `folder`: images where the settings need them.
    pub(super) fn rows(&self, folder: &Path) -> PathBuf {
        let path = folder.join(if self.sees() { "data.npy" } else { "data.csv" });
        if self.sees() {
            images(&path, 90)
        } else {
            table(&path)
        }
        path
    }
}

/// Images of 6 x 5 as an NPY file.
pub(super) fn images(path: &Path, count: usize) {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 6, 5), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    let pixel = |i: usize| 127.0 + 120.0 * (i as f64 * 0.9).sin() * ((i / 30) as f64 * 0.4).cos();
    bytes.extend((0..count * 30).map(|i| pixel(i) as u8));
    fs::write(path, bytes).unwrap();
}

/// 90 rows of five numbers, a category and a class, as a CSV file.
pub(super) fn table(path: &Path) {
    let mut text = String::from("a,b,c,d,e,colour,class\n");
    for i in 0..90 {
        let (t, u) = (i as f64 * 0.21, (i % 7) as f64);
        let colour = ["red", "green", "blue"][i % 3];
        let class = if i % 2 == 0 { "even" } else { "odd" };
        let _ = writeln!(
            text,
            "{:.4},{:.4},{:.4},{:.4},{:.4},{colour},{class}",
            t.sin() + u,
            t.cos() * 2.0,
            u - t.sin(),
            0.5 * u,
            t.sin() * t.cos()
        );
    }
    fs::write(path, text).unwrap();
}
