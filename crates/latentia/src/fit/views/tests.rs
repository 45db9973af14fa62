use super::*;
use crate::data::ReadOptions;

/// Rows of two views that are linear functions of the same three numbers, with a little noise.
fn data(noise: f32) -> Dataset {
    let rows = 400;
    let mut values = Vec::new();
    for i in 0..rows {
        let t = i as f32;
        let h = [(t * 0.7).sin() * 2.0, (t * 1.3).cos(), (t * 2.9).sin() * 0.7];
        for j in 0..9 {
            let u = j as f32;
            let signal = h[0] * (u * 0.9).cos() + h[1] * (u * 1.7).sin() + h[2] * (u * 2.3).cos();
            values.push(signal + noise * (t * 3.1 + u * 5.3).sin());
        }
    }
    let options = ReadOptions {
        views: vec!["a=c1..c4".into(), "b=c5..c9".into()],
        validation: 0.2,
        test_fraction: 0.25,
        ..ReadOptions::default()
    };
    Dataset::from_matrix(Matrix::new(rows, 9, values), &options, 0).unwrap()
}

#[test]
fn ridge_regression_and_canonical_correlations_find_what_is_linear() {
    let data = data(0.01);
    let linear = Linear::fit(&data, 0).unwrap();
    let x = &data.test.x;
    for (from, to) in [(0, 1), (1, 0)] {
        let error = linear.error(from, to, x).unwrap();
        let range = data.preprocess.view_ranges()[to].1.clone();
        let alone = mean_error(&columns(&data.train.x, &range), &columns(x, &range));
        assert!(error < 0.01 * alone, "{error} against {alone}");
        let recall = linear.recall(from, to, 3, x).unwrap();
        assert!(recall.at_1 > 0.8 && recall.median_rank == 1.0, "{recall:?}");
    }
}

#[test]
fn the_error_of_ridge_regression_is_that_of_the_normal_equations() {
    // Without rows to choose by, λ is a hundredth of the mean square: (AᵀA + λ) w = Aᵀ b for one column of each view.
    let values: Vec<f32> = (0..60)
        .flat_map(|i| [(i as f32 * 0.9).sin(), (i as f32 * 0.9).sin() + (i as f32 * 2.3).cos()])
        .collect();
    let options = ReadOptions {
        views: vec!["a=c1".into(), "b=c2".into()],
        scale: crate::data::Scale::None,
        validation: 0.0,
        ..ReadOptions::default()
    };
    let data = Dataset::from_matrix(Matrix::new(60, 2, values), &options, 0).unwrap();
    let x = &data.train.x;
    let means = [0, 1].map(|j| x.iter_rows().map(|row| f64::from(row[j])).sum::<f64>() / 60.0);
    let centred: Vec<[f64; 2]> =
        x.iter_rows().map(|row| [0, 1].map(|j| f64::from(row[j]) - means[j])).collect();
    let sum = |f: &dyn Fn(&[f64; 2]) -> f64| centred.iter().map(f).sum::<f64>();
    let square = sum(&|r| r[0] * r[0]);
    let w = sum(&|r| r[0] * r[1]) / (square + linear::RIDGES[2] * square);
    let expected = sum(&|r| (r[1] - w * r[0]).powi(2)) / 60.0;
    let found = Linear::fit(&data, 0).unwrap().error(0, 1, x).unwrap();
    assert!((found - expected).abs() < 1e-5 * expected, "{found}, {expected}");
}

#[test]
fn one_view_kept_leaves_its_columns_alone() {
    let x = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(only(&x, Some(&(1..3))).as_slice(), [0.0, 2.0, 3.0, 0.0, 5.0, 6.0]);
    assert_eq!(only(&x, None), x);
}
