//! What the report shows of clusters.

use super::{comparison, pixel_size};
use crate::{
    Result,
    codes::pca::PcaConfig,
    data::{Dataset, Matrix, Split},
    figures::{Agreement, ClusterFigures},
    fit::map::MAP_ROWS,
    kinds::Fitted,
    model::Assign,
    random::{Purpose, stream, subset},
    report::{Axis, Bar, Bars, Card, Chart, Figure, Images, Scatter, Section, Table},
};

/// Most centroids shown as images, and how many stand side by side.
const IMAGES: (usize, usize) = (100, 10);
/// Most clusters whose rows are counted by class.
const COUNTED: usize = 100;

/// What a reader in a hurry should take away.
pub(super) fn summary(figures: &ClusterFigures) -> String {
    let rows: usize = figures.sizes.iter().sum();
    let filled = figures.sizes.iter().filter(|&&size| size > 0).count();
    let mut text = format!(
        "The {rows} rows of the {} part fall into {filled} clusters. The squared distance of a row to the centroid of \
         its cluster is {:.4} in the mean.",
        figures.part,
        figures.inertia / rows.max(1) as f64
    );
    if let Some(Agreement { accuracy, nmi, ari }) = &figures.agreement {
        text.push_str(&format!(
            " With each cluster standing for one class, {:.1} % of the rows are in the cluster of their class \
             (normalised mutual information {nmi:.3}, adjusted Rand index {ari:.3}).",
            100.0 * accuracy
        ));
    }
    text
}

/// The key figures.
pub(super) fn cards(figures: &ClusterFigures) -> Vec<Card> {
    let mut cards =
        vec![Card::new("Inertia", format!("{:.1}", figures.inertia)).note(format!("{} rows", figures.part))];
    if let Some(agreement) = &figures.agreement {
        cards.push(
            Card::new("Clustering accuracy", format!("{:.1} %", 100.0 * agreement.accuracy))
                .note("clusters and classes paired one to one"),
        );
    }
    cards
}

/// Where the clusters lie, how large they are and what their centroids look like.
pub(in crate::fit) fn section(
    model: &dyn Assign,
    fitted: &Fitted,
    data: &Dataset,
    seed: u64,
) -> Result<Section> {
    let (part, rows) = comparison(data);
    let clusters = model.assign(&rows.x)?.clusters;
    let mut figures = Vec::new();
    figures.extend(map(&clusters, rows, model.clusters(), seed)?);
    figures.push(sizes(&clusters, model.clusters()));
    figures.extend(classes(&clusters, rows, data, model.clusters()));
    figures.extend(centroids(fitted, data)?);
    let text = format!("{} clusters of {} {part} rows.", model.clusters(), rows.len());
    Ok(Section { title: "Clusters".to_owned(), text, figures, listings: Vec::new() })
}

/// Rows along their two principal components, coloured by cluster.
fn map(clusters: &[u32], rows: &Split, count: usize, seed: u64) -> Result<Option<Figure>> {
    if rows.x.cols() < 2 || rows.len() < 3 {
        return Ok(None);
    }
    let chosen = subset(rows.len(), MAP_ROWS, &mut stream(seed, Purpose::Report, 1, 0));
    let x = rows.x.select_rows(&chosen);
    let pca = PcaConfig { code: 2, ..PcaConfig::default() }.fit(&x, seed)?;
    let share: f32 = pca.explained_variance_ratio().iter().sum();
    let points = pca.encode(&x)?;
    let chart = Scatter {
        x: Axis::linear("first principal component"),
        y: Axis::linear("second principal component"),
        points: points.iter_rows().map(|p| (f64::from(p[0]), f64::from(p[1]))).collect(),
        classes: chosen.iter().map(|&i| clusters[i] as usize).collect(),
        class_names: (0..count).map(|c| format!("cluster {c}")).collect(),
        equal_scale: true,
        ..Scatter::default()
    };
    let caption = format!(
        "Each point is one of {} rows along the two principal components of the input, which hold {:.0} % of its \
         variance; its colour is its cluster.",
        chosen.len(),
        100.0 * share
    );
    Ok(Some(Figure::new("Map of the clusters", caption, Chart::Scatter(chart)).wide()))
}

fn sizes(clusters: &[u32], count: usize) -> Figure {
    let mut sizes = vec![0; count];
    clusters.iter().for_each(|&c| sizes[c as usize] += 1);
    let bar = |(c, size): (usize, usize)| Bar { name: format!("{c}"), value: size as f64, ..Bar::default() };
    let chart = Bars {
        x: Axis::linear("rows"),
        name: "cluster".to_owned(),
        bars: sizes.into_iter().enumerate().map(bar).collect(),
    };
    Figure::new("Sizes", "How many rows each cluster has.", Chart::Bars(chart))
}

/// Rows of each class in each cluster.
fn classes(clusters: &[u32], rows: &Split, data: &Dataset, count: usize) -> Option<Figure> {
    let labels = rows.labels.as_ref().filter(|_| count <= COUNTED)?;
    let names = data.classes();
    let mut counts = vec![vec![0usize; names.len()]; count];
    clusters.iter().zip(labels).for_each(|(&c, &label)| counts[c as usize][label as usize] += 1);
    let most = |row: &Vec<usize>| (0..row.len()).fold(0, |best, j| if row[j] > row[best] { j } else { best });
    let table = Table {
        columns: std::iter::once("cluster".to_owned()).chain(names.iter().cloned()).collect(),
        highlights: counts.iter().enumerate().map(|(c, row)| (c, most(row) + 1)).collect(),
        rows: counts
            .into_iter()
            .enumerate()
            .map(|(c, row)| std::iter::once(c.into()).chain(row.into_iter().map(Into::into)).collect())
            .collect(),
    };
    let caption = "Rows of each class in each cluster; the largest class of a cluster stands out.";
    Some(Figure::new("Classes", caption, Chart::Table(table)))
}

/// The centroids as images, where rows are images.
fn centroids(fitted: &Fitted, data: &Dataset) -> Result<Option<Figure>> {
    let (Some(shape), Some(centroids)) = (data.image_shape(), fitted.model.tensors().remove("centroids"))
    else {
        return Ok(None);
    };
    let x = Matrix::new(centroids.shape[0], centroids.shape[1], centroids.values).head(IMAGES.0);
    let shown = data.preprocess.pictures(&x)?;
    let chart = Images {
        size: pixel_size(shape),
        images: shown.chunks(IMAGES.1).map(<[_]>::to_vec).collect(),
        ..Images::default()
    };
    let caption = "The mean of the rows of each cluster, from cluster 0 on.";
    Ok(Some(Figure::new("Centroids", caption, Chart::Images(chart)).wide()))
}
