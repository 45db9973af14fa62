use rand::RngExt;
use serde::Deserialize;

use super::{
    GraphEmbedding, GraphEmbeddingConfig, Method,
    graph::{Graph, nearest_others},
    weights::rebuilding_weights,
};
use crate::{
    data::Matrix,
    evaluate::trustworthiness,
    model::{Encode, Model},
    random::{Purpose, stream},
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

/// What scikit-learn found for some rows, the last ones new to the fitted model.
#[derive(Deserialize)]
struct Case {
    name: String,
    rows: usize,
    cols: usize,
    fitted: usize,
    neighbours: usize,
    code: usize,
    x: Vec<f32>,
    isomap: Vec<f64>,
    isomap_new: Vec<f64>,
    first_distances: Vec<f64>,
    lle: Option<Vec<f64>>,
    lle_new: Option<Vec<f64>>,
    heat: Option<f64>,
    laplacian: Option<Vec<f64>>,
    laplacian_heat: Option<Vec<f64>>,
}

impl Case {
    fn x(&self) -> Matrix {
        Matrix::new(self.rows, self.cols, self.x.clone())
    }

    fn fit(&self, method: Method, heat: f64) -> GraphEmbedding {
        let config = GraphEmbeddingConfig {
            method,
            code: self.code,
            neighbours: self.neighbours,
            heat,
            ..GraphEmbeddingConfig::default()
        };
        config.fit(&self.x().head(self.fitted), 0).unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }

    fn new_rows(&self) -> Matrix {
        self.x().select_rows(&(self.fitted..self.rows).collect::<Vec<_>>())
    }
}

fn cases() -> Vec<Case> {
    serde_json::from_str::<Golden>(include_str!("../../../tests/golden/manifold.json")).unwrap().cases
}

/// The largest difference of two codes as a share of the largest entry; the signs of columns are settled by the first,
/// with which others of the same model must agree.
fn apart(found: &Matrix, expected: &[f64], signs: &mut Vec<f64>) -> f64 {
    let d = found.cols();
    let largest = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if signs.is_empty() {
        let inner = |a: usize| -> f64 {
            found.iter_rows().zip(expected.chunks_exact(d)).map(|(f, e)| f64::from(f[a]) * e[a]).sum()
        };
        *signs = (0..d).map(|a| inner(a).signum()).collect();
    }
    assert_eq!(found.as_slice().len(), expected.len());
    let signs = &signs[..];
    let pairs = found.iter_rows().zip(expected.chunks_exact(d));
    let differences = pairs.flat_map(|(f, e)| (0..d).map(move |a| (f64::from(f[a]) * signs[a] - e[a]).abs()));
    differences.fold(0.0, f64::max) / largest
}

#[test]
fn codes_of_fitted_and_new_rows_are_those_of_scikit_learn() {
    let mut wrong = Vec::new();
    let mut check = |what: String, apart: f64| {
        if apart.is_nan() || apart > 2e-5 {
            wrong.push((what, apart));
        }
    };
    for case in cases() {
        let new = case.new_rows();
        let model = case.fit(Method::Isomap, 0.0);
        let mut signs = Vec::new();
        check(format!("{} isomap", case.name), apart(model.codes(), &case.isomap, &mut signs));
        let codes = model.encode(&new).unwrap();
        check(format!("{} isomap, new rows", case.name), apart(&codes, &case.isomap_new, &mut signs));
        if let (Some(lle), Some(lle_new)) = (&case.lle, &case.lle_new) {
            let model = case.fit(Method::Lle, 0.0);
            let mut signs = Vec::new();
            check(format!("{} lle", case.name), apart(model.codes(), lle, &mut signs));
            let codes = model.encode(&new).unwrap();
            check(format!("{} lle, new rows", case.name), apart(&codes, lle_new, &mut signs));
        }
        for (heat, expected) in [(Some(0.0), &case.laplacian), (case.heat, &case.laplacian_heat)] {
            if let (Some(heat), Some(expected)) = (heat, expected) {
                let model = case.fit(Method::LaplacianEigenmaps, heat);
                check(
                    format!("{} laplacian {heat}", case.name),
                    apart(model.codes(), expected, &mut Vec::new()),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn distances_along_the_graph_are_the_shortest_of_all_paths() {
    for case in cases() {
        let x = case.x().head(case.fitted);
        let n = x.rows();
        let mut graph = Graph::new(&nearest_others(&x, case.neighbours).unwrap());
        let parts = graph.join_parts(&x).unwrap();
        assert_eq!(parts > 1, case.name == "parts", "{}: {parts}", case.name);
        assert_eq!(graph.parts().len(), 1);
        // All pairs at once (Floyd 1962; Warshall 1962).
        let mut all = vec![f64::INFINITY; n * n];
        for i in 0..n {
            all[i * n + i] = 0.0;
            graph.edges(i).iter().for_each(|&(j, square)| all[i * n + j] = square.sqrt());
        }
        for via in 0..n {
            for i in 0..n {
                for j in 0..n {
                    all[i * n + j] = all[i * n + j].min(all[i * n + via] + all[via * n + j]);
                }
            }
        }
        for i in 0..n {
            let found = graph.distances_from(i);
            let apart = found.iter().zip(&all[i * n..]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-9, "{}, from {i}: {apart}", case.name);
        }
        let found = graph.distances_from(0);
        let apart = found.iter().zip(&case.first_distances).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-5, "{}: {apart}", case.name);
    }
}

/// A rolled sheet: rows in space, and where they lie on the sheet.
fn roll(n: usize) -> (Matrix, Vec<[f64; 2]>) {
    let mut rng = stream(3, Purpose::Report, 0, 0);
    let sheet: Vec<[f64; 2]> = (0..n)
        .map(|_| [std::f64::consts::PI * rng.random_range(1.5..4.5), rng.random_range(0.0..21.0)])
        .collect();
    let row = |p: &[f64; 2]| [(p[0] * p[0].cos()) as f32, p[1] as f32, (p[0] * p[0].sin()) as f32];
    (Matrix::new(n, 3, sheet.iter().flat_map(row).collect()), sheet)
}

fn config(method: Method, landmarks: usize) -> GraphEmbeddingConfig {
    GraphEmbeddingConfig { method, landmarks, ..GraphEmbeddingConfig::default() }
}

#[test]
fn few_landmarks_unroll_the_sheet_as_all_rows_do() {
    let (x, sheet) = roll(900);
    let sheet: Vec<f32> = sheet
        .iter()
        .flat_map(|p| {
            // Length along the spiral r = t.
            let length = 0.5 * (p[0] * p[0].hypot(1.0) + p[0].asinh());
            [length as f32, p[1] as f32]
        })
        .collect();
    let sheet = Matrix::new(900, 2, sheet);
    let mut found = Vec::new();
    for (method, landmarks) in [
        (Method::Isomap, 0),
        (Method::Isomap, 60),
        (Method::LaplacianEigenmaps, 0),
        (Method::Lle, 0),
        (Method::Lle, 600),
    ] {
        let model = config(method, landmarks).fit(&x, 1).unwrap();
        let codes = model.encode(&x).unwrap();
        found.push(trustworthiness(&sheet, &codes, 12).unwrap());
    }
    assert!(found[0] > 0.99 && found[1] > 0.99, "{found:?}");
    assert!(found[2..].iter().all(|&t| t > 0.9), "{found:?}");
}

#[test]
fn a_fitted_row_has_the_code_it_was_given_and_all_rows_as_landmarks_are_isomap() {
    let (x, _) = roll(150);
    for method in [Method::Isomap, Method::LaplacianEigenmaps, Method::Lle] {
        let model = config(method, 0).fit(&x, 0).unwrap();
        let apart = |a: &Matrix, b: &Matrix| {
            a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
        };
        assert!(apart(model.codes(), &model.encode(&x).unwrap()) < 1e-4, "{method:?}");
        // The seed begins the search and changes no more than rounding.
        let other = config(method, 150).fit(&x, 9).unwrap();
        assert!(apart(model.codes(), other.codes()) < 1e-3, "{method:?}");
        let restored = GraphEmbedding::from_tensors(config(method, 0), 3, &model.tensors()).unwrap();
        assert_eq!(restored, model);
    }
}

#[test]
fn weights_rebuild_a_row_inside_its_neighbours_and_have_sum_one() {
    let neighbours: [&[f32]; 3] = [&[0.0, 0.0], &[4.0, 0.0], &[0.0, 4.0]];
    let w = rebuilding_weights(&[1.0, 1.0], &neighbours, 0.0);
    for (w, expected) in w.iter().zip([0.5, 0.25, 0.25]) {
        assert!((w - expected).abs() < 1e-12, "{w}");
    }
    // Copies of the row and of each other.
    for regularization in [0.0, 1e-3] {
        let w = rebuilding_weights(&[1.0, 1.0], &[&[1.0f32, 1.0][..]; 4], regularization);
        assert_eq!(w, [0.25; 4]);
    }
}

#[test]
fn rows_that_occur_many_times_do_no_harm() {
    let (x, _) = roll(60);
    let twice: Vec<usize> = (0..60).chain(0..60).chain([0; 15]).collect();
    let x = x.select_rows(&twice);
    for method in [Method::Isomap, Method::LaplacianEigenmaps, Method::Lle] {
        match config(method, 0).fit(&x, 0) {
            Ok(model) => assert!(model.codes().as_slice().iter().all(|v| v.is_finite()), "{method:?}"),
            Err(e) => {
                assert!(e.to_string().starts_with("model.neighbours") && method != Method::Isomap, "{e}")
            }
        }
    }
}

#[test]
fn settings_that_do_not_fit_the_rows_name_their_key() {
    let (x, _) = roll(40);
    let line = Matrix::new(30, 2, (0..30).flat_map(|i| [i as f32, 2.0 * i as f32]).collect());
    let apart =
        Matrix::new(40, 1, (0..40).map(|i| if i < 20 { i as f32 } else { 1000.0 + i as f32 }).collect());
    let base = |method| config(method, 0);
    let cases: [(GraphEmbeddingConfig, &Matrix, &str); 6] = [
        (GraphEmbeddingConfig { neighbours: 40, ..base(Method::Isomap) }, &x, "model.neighbours: found 40"),
        (
            GraphEmbeddingConfig { neighbours: 15, landmarks: 12, ..base(Method::Lle) },
            &x,
            "model.neighbours: found 15",
        ),
        (GraphEmbeddingConfig { code: 39, ..base(Method::Lle) }, &x, "model.code: found 39"),
        (GraphEmbeddingConfig { neighbours: 5, ..base(Method::Isomap) }, &line, "model.code: found 2"),
        (GraphEmbeddingConfig { neighbours: 5, ..base(Method::Lle) }, &apart, "model.neighbours: found 5"),
        (GraphEmbeddingConfig { heat: 1e-9, ..base(Method::LaplacianEigenmaps) }, &x, "model.heat: found"),
    ];
    for (config, x, expected) in cases {
        let error = config.fit(x, 0).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
}
