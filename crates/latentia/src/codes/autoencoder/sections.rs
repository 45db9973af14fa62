//! What the report of each variant shows besides what all reports do.

use faer::Mat;
use latentia_linalg::thin_svd;

use super::{code::CodeDistribution, corruption::CorruptionKind, fitted::Autoencoder, jacobian::Jacobian};
use crate::{
    Result,
    codes::to_tensor,
    data::{Dataset, ImageShape, Matrix, Split},
    model::{Decode, Encode, Reconstruct},
    nn::ActivationKind,
    report::{
        Axis, Bar, Bars, Chart, Figure, Group, Histogram, Images, Line, Lines, PixelSize, Scatter, Section,
        Style, Table,
    },
    train::params::host_values,
};

/// Rows whose codes are counted.
const COUNTED: usize = 2000;
/// Units shown with the inputs that excite them most, and how many inputs.
const UNITS: (usize, usize) = (12, 10);
/// Rows whose Jacobian is decomposed, and directions shown of each.
const TANGENTS: (usize, usize) = (24, 6);
/// The largest Jacobian that is decomposed.
const LARGEST_JACOBIAN: usize = 1 << 18;
/// Images in a row of a traversal, and numbers of a code that are traversed.
const STEPS: (usize, usize) = (10, 12);
/// Rows and columns of a map of the plane of codes.
const GRID: usize = 16;
/// Arrows along each side of a vector field.
const ARROWS: usize = 24;

/// The sections that the settings of `model` call for.
pub(super) fn sections(model: &Autoencoder, rows: &Split, data: &Dataset) -> Result<Vec<Section>> {
    let config = &model.config;
    let mut sections = Vec::new();
    if rows.is_empty() {
        return Ok(sections);
    }
    let x = rows.x.head(COUNTED);
    if config.corruption != CorruptionKind::None && model.input == 2 {
        sections.push(vector_field(model, &x, data)?);
    }
    let is_sparse = config.l1 > 0.0 || config.sparsity > 0.0 || config.top_k > 0;
    if is_sparse || config.code_distribution == CodeDistribution::Binary {
        sections.push(activity(model, &x, data)?);
    }
    if config.contracts() && config.code * model.input <= LARGEST_JACOBIAN {
        sections.push(tangents(model, &x, data)?);
    }
    if let (CodeDistribution::Gaussian, Some(shape)) = (config.code_distribution, data.image_shape()) {
        sections.push(generation(model, &x, data, shape)?);
    }
    Ok(sections)
}

fn pixel_size(shape: ImageShape) -> PixelSize {
    PixelSize { height: shape.height, width: shape.width, channels: shape.channels }
}

fn section(title: &str, text: String, figures: Vec<Figure>) -> Section {
    Section { title: title.to_owned(), text, figures, listings: Vec::new() }
}

fn grid(shape: ImageShape, row_names: Vec<String>, images: Vec<Vec<Vec<f32>>>) -> Chart {
    Chart::Images(Images { size: pixel_size(shape), row_names, rows_per_group: 1, images })
}

/// `g(f(x)) − x` over the plane: where a denoising model moves a point to (Alain & Bengio 2014).
fn vector_field(model: &Autoencoder, x: &Matrix, data: &Dataset) -> Result<Section> {
    let range = |j: usize| {
        let values = x.iter_rows().map(|row| row[j]);
        let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let margin = 0.15 * (high - low).max(1e-3);
        (low - margin, high + margin)
    };
    let (across, up) = (range(0), range(1));
    // Square cells, so that an arrow has the direction of its move.
    let cell = (across.1 - across.0).max(up.1 - up.0) / ARROWS as f32;
    let centres = |(low, high): (f32, f32)| {
        let count = ((high - low) / cell).round().max(1.0);
        (0..count as usize).map(move |k| (low + high) / 2.0 + (k as f32 - (count - 1.0) / 2.0) * cell)
    };
    let places: Vec<f32> = centres(up).flat_map(|y| centres(across).flat_map(move |x| [x, y])).collect();
    let places = Matrix::new(places.len() / 2, 2, places);
    let targets = model.reconstruct(&places)?;
    let point = |row: &[f32]| (f64::from(row[0]), f64::from(row[1]));
    let moves = |(p, t): (&[f32], &[f32])| (point(p), f64::from(t[0] - p[0]), f64::from(t[1] - p[1]));
    let moves: Vec<_> = places.iter_rows().zip(targets.iter_rows()).map(moves).collect();
    // By the square root: next to the far moves from outside, those between rows would be dots.
    let longest = moves.iter().map(|m| m.1.hypot(m.2)).fold(f64::MIN_POSITIVE, f64::max);
    let arrow = |&(from, dx, dy): &((f64, f64), f64, f64)| {
        let scale = 0.9 * f64::from(cell) / (dx.hypot(dy) * longest).sqrt().max(f64::MIN_POSITIVE);
        [from, (from.0 + scale * dx, from.1 + scale * dy)]
    };
    let names = data.preprocess.feature_names();
    let chart = Scatter {
        x: Axis::linear(format!("{} (scaled)", names[0])),
        y: Axis::linear(format!("{} (scaled)", names[1])),
        points: x.iter_rows().take(400).map(point).collect(),
        equal_scale: true,
        arrows: moves.iter().map(arrow).collect(),
        ..Scatter::default()
    };
    let table = Table {
        columns: vec![
            names[0].clone(),
            names[1].clone(),
            format!("{} after", names[0]),
            format!("{} after", names[1]),
        ],
        rows: places
            .iter_rows()
            .zip(targets.iter_rows())
            .map(|(p, t)| p.iter().chain(t).map(|&v| f64::from(v).into()).collect())
            .collect(),
        highlights: Vec::new(),
    };
    let figure = Figure::new(
        "Vector field",
        "Each arrow points from a place of the plane to what the model makes of it; an arrow twice as long stands for a move \
         four times as far. Arrows point to where rows, the dots, are likely and are short there.",
        Chart::Scatter(chart),
    );
    let text = "A denoising model learns the slope of the logarithm of the density of the rows.".to_owned();
    Ok(section("Denoising", text, vec![figure.wide().with_data(table)]))
}

/// How active the units of a code are.
fn activity(model: &Autoencoder, x: &Matrix, data: &Dataset) -> Result<Section> {
    let codes = model.encode(x)?;
    let config = &model.config;
    let units = codes.cols();
    // A sigmoid is never 0: half way up, its unit counts as active.
    let bounded = config.code_activation == ActivationKind::Sigmoid;
    let active = |v: f32| if bounded { v > 0.5 } else { v.abs() > 1e-3 };
    let share = |j: usize| codes.iter_rows().filter(|c| active(c[j])).count() as f64 / codes.rows() as f64;
    let shares: Vec<f64> = (0..units).map(share).collect();
    let mean = shares.iter().sum::<f64>() / units as f64;
    let dead = shares.iter().filter(|&&s| s == 0.0).count();
    let text = format!(
        "Of {units} units, {:.1} are active for a row on average; {dead} are active for none of {} rows.",
        mean * units as f64,
        codes.rows()
    );
    let values = codes.as_slice().iter().step_by(codes.as_slice().len().div_ceil(20_000).max(1));
    let histogram = Histogram {
        x: Axis::linear("activation"),
        groups: vec![Group { name: "all units".to_owned(), values: values.map(|&v| f64::from(v)).collect() }],
        threshold: None,
    };
    let mut figures = vec![Figure::new(
        "Activations",
        "How often each value occurs in a code: a sparse code has most of them at rest.",
        Chart::Histogram(histogram),
    )];
    let mut order: Vec<usize> = (0..units).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]).then(a.cmp(&b)));
    let bar = |&j: &usize| Bar { name: format!("unit {}", j + 1), value: shares[j], ..Bar::default() };
    figures.push(Figure::new(
        "Activity of the units",
        "The share of rows that each unit is active for, the busiest units first: units at 0 are of no use.",
        Chart::Bars(Bars {
            x: Axis::linear("share of the rows"),
            name: "unit".to_owned(),
            bars: order.iter().take(UNITS.0 * 2).map(bar).collect(),
        }),
    ));
    if let Some(shape) = data.image_shape() {
        let mut images = Vec::new();
        for &unit in order.iter().filter(|&&j| shares[j] > 0.0).take(UNITS.0) {
            let mut rows: Vec<usize> = (0..codes.rows()).collect();
            rows.sort_by(|&a, &b| codes.row(b)[unit].total_cmp(&codes.row(a)[unit]).then(a.cmp(&b)));
            rows.truncate(UNITS.1);
            images.push(data.preprocess.pictures(&x.select_rows(&rows))?);
        }
        let names = order.iter().map(|j| format!("unit {}", j + 1)).take(images.len()).collect();
        let caption = "The inputs that each unit answers most strongly: what they have in common is what it stands for.";
        figures.push(Figure::new("Most exciting inputs", caption, grid(shape, names, images)).wide());
    }
    Ok(section("Activity of the code", text, figures))
}

/// The singular values of the Jacobian of the code, and the directions it does follow.
fn tangents(model: &Autoencoder, x: &Matrix, data: &Dataset) -> Result<Section> {
    let x = x.head(TANGENTS.0);
    let (code, inputs) = (model.config.code, model.input);
    let input = to_tensor(x.as_slice().to_vec(), inputs, &model.device);
    let (output, derivatives) = model.module.encoder.forward_with_derivatives(input);
    let derivatives = model.module.code_derivatives(output, derivatives);
    let jacobian = Jacobian::new(&model.module.encoder, &derivatives, code, None);
    let entries = host_values(jacobian.entries());
    let pictures = data.preprocess.pictures(&x)?;
    let (mut sums, mut images) = (vec![0f64; code.min(inputs)], Vec::new());
    for (i, j) in entries.chunks_exact(code * inputs).enumerate() {
        let (_, s, v) = thin_svd(Mat::from_fn(code, inputs, |r, c| f64::from(j[r * inputs + c])).as_ref())?;
        sums.iter_mut().zip(&s).for_each(|(sum, s)| *sum += s / x.rows() as f64);
        if let (Some(picture), Some(shape)) = (pictures.get(i), data.image_shape())
            && images.len() < TANGENTS.1
        {
            let mut row = vec![picture.clone()];
            row.extend((0..TANGENTS.1.min(s.len())).map(|k| {
                let column: Vec<f32> = v.col(k).iter().map(|&v| v as f32).collect();
                around_grey(&column, shape)
            }));
            images.push(row);
        }
    }
    let points: Vec<(f64, f64)> = sums.iter().enumerate().map(|(k, &s)| ((k + 1) as f64, s)).collect();
    let chart = Lines {
        x: Axis::linear("number"),
        y: Axis::fitting("singular value", points.iter().map(|p| p.1)),
        lines: vec![Line { name: String::new(), points, style: Style::Marked }],
        marks: Vec::new(),
    };
    let mut figures = vec![Figure::new(
        "Singular values of the Jacobian",
        "How far the code moves for a unit step of the input along each of its directions, the mean over some rows. A few \
         large values mean that the code follows a few directions and ignores all others.",
        Chart::Lines(chart),
    )];
    if let (Some(shape), false) = (data.image_shape(), images.is_empty()) {
        let caption = "A row, then the directions that its code follows most: adding a little of one to the row gives a row \
                       that the model takes for another one of the same kind.";
        figures.push(Figure::new("Tangent directions", caption, grid(shape, Vec::new(), images)));
    }
    let text =
        "A contractive code answers the directions in which rows differ from their neighbours, and no other."
            .to_owned();
    Ok(section("What the code answers", text, figures))
}

/// A direction as an image: grey where it is 0.
fn around_grey(direction: &[f32], shape: ImageShape) -> Vec<f32> {
    let largest = direction.iter().fold(f32::MIN_POSITIVE, |a, v| a.max(v.abs()));
    let pixels = shape.height * shape.width;
    let at = |p: usize| (0..shape.channels).map(move |c| c * pixels + p);
    (0..pixels).flat_map(at).map(|i| 0.5 + 0.5 * direction[i] / largest).collect()
}

/// Images that the model makes of codes it was not given.
fn generation(model: &Autoencoder, x: &Matrix, data: &Dataset, shape: ImageShape) -> Result<Section> {
    let code = model.config.code;
    let pictures = |codes: &Matrix| data.preprocess.pictures(&model.decode(codes)?);
    let by_rows = |images: Vec<Vec<f32>>, across: usize| images.chunks(across).map(<[_]>::to_vec).collect();
    let mut figures = Vec::new();
    if code == 2 {
        let place = |k: usize| normal_quantile((k as f64 + 0.5) / GRID as f64) as f32;
        let plane = (0..GRID * GRID).flat_map(|k| [place(k % GRID), place(GRID - 1 - k / GRID)]);
        let images = pictures(&Matrix::new(GRID * GRID, 2, plane.collect()))?;
        figures.push(Figure::new(
            "The plane of codes",
            "What each place of the plane stands for, at equal steps of the probability of the prior.",
            grid(shape, Vec::new(), by_rows(images, GRID)),
        ));
    }
    let codes = model.encode(x)?;
    let ends: Vec<usize> = (0..codes.rows().min(8)).collect();
    let between = ends.chunks_exact(2).flat_map(|pair| {
        (0..STEPS.0).flat_map(|k| {
            let share = k as f32 / (STEPS.0 - 1) as f32;
            let mix = |(a, b): (&f32, &f32)| a + (b - a) * share;
            codes.row(pair[0]).iter().zip(codes.row(pair[1])).map(mix).collect::<Vec<_>>()
        })
    });
    let between: Vec<f32> = between.collect();
    let between = Matrix::new(between.len() / code, code, between);
    figures.push(Figure::new(
        "Between two rows",
        "The first and the last image of each line are made of the codes of two rows, the others of codes on the way from one \
         to the other.",
        grid(shape, Vec::new(), by_rows(pictures(&between)?, STEPS.0)),
    ));
    figures.push(traversals(model, &codes, shape, &pictures)?);
    let text = "The prior of a code is the standard normal distribution.".to_owned();
    Ok(section("What codes stand for", text, figures))
}

/// One number of a code at a time from −2.5 to 2.5, those that vary most first.
fn traversals(
    model: &Autoencoder,
    codes: &Matrix,
    shape: ImageShape,
    pictures: &dyn Fn(&Matrix) -> Result<Vec<Vec<f32>>>,
) -> Result<Figure> {
    let code = model.config.code;
    let spread = |j: usize| {
        let mean = codes.iter_rows().map(|c| c[j]).sum::<f32>() / codes.rows() as f32;
        codes.iter_rows().map(|c| (c[j] - mean).powi(2)).sum::<f32>() / codes.rows() as f32
    };
    let spreads: Vec<f32> = (0..code).map(spread).collect();
    let mut order: Vec<usize> = (0..code).collect();
    order.sort_by(|&a, &b| spreads[b].total_cmp(&spreads[a]).then(a.cmp(&b)));
    order.truncate(STEPS.1);
    let mut values = Matrix::zeros(order.len() * STEPS.0, code);
    for (i, &j) in order.iter().enumerate() {
        for k in 0..STEPS.0 {
            let row = values.row_mut(i * STEPS.0 + k);
            row.copy_from_slice(codes.row(0));
            row[j] = -2.5 + 5.0 * k as f32 / (STEPS.0 - 1) as f32;
        }
    }
    let images = pictures(&values)?.chunks(STEPS.0).map(<[_]>::to_vec).collect();
    let names = order.iter().map(|j| format!("number {}", j + 1)).collect();
    let caption = "The code of one row with one of its numbers moved from -2.5 to 2.5, the numbers that vary most between rows \
                   first: a number whose images are all alike is not used.";
    Ok(Figure::new("Traversals", caption, grid(shape, names, images)).wide())
}

/// `Φ⁻¹(p)` by bisection, to a few digits: it only places images.
fn normal_quantile(p: f64) -> f64 {
    // `Φ` by Simpson's rule from 0, exact to 1e-6 here.
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let below = |z: f64| {
        let h = z / 64.0;
        let inner = |i: usize| density(i as f64 * h) * if i % 2 == 1 { 4.0 } else { 2.0 };
        0.5 + h / 3.0 * (density(0.0) + (1..64).map(inner).sum::<f64>() + density(z))
    };
    let (mut low, mut high) = (-6.0, 6.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if below(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.158_655, -1.0), (0.99, 2.326_348)] {
            assert!((normal_quantile(p) - z).abs() < 1e-4, "{p}: {}", normal_quantile(p));
        }
    }
}
