//! The map of the codes, alone and beside that of PCA.

use super::super::{map::Map, measure::Measured};
use crate::{
    data::{Dataset, Matrix, Split},
    figures::MapFigures,
    report::{Axis, Chart, CodeMap, Figure, Scatter, Section, Table, Value},
};

/// A map as the report draws it.
pub(super) fn code_map(
    map: &Map,
    rows: &[usize],
    points: &Matrix,
    split: &Split,
    data: &Dataset,
    part: &str,
) -> CodeMap {
    let of_rows = format!("{} {part} rows", rows.len());
    let how = match map.share {
        None => format!("The codes of {of_rows} as they are."),
        Some(share) => format!(
            "The codes of {of_rows} along their two principal components, which hold {:.0} % of their variance.",
            100.0 * share
        ),
    };
    let classes = split.labels.as_ref().map(|labels| rows.iter().map(|&i| labels[i] as usize).collect());
    CodeMap {
        points: points.iter_rows().map(|p| (f64::from(p[0]), f64::from(p[1]))).collect(),
        classes: classes.unwrap_or_default(),
        class_names: data.classes().to_vec(),
        axis_names: map.axis_names.map(str::to_owned),
        how,
    }
}

/// The model's map and that of PCA beside each other, with how faithful each is.
pub(super) fn maps_beside(measured: &Measured, split: &Split, data: &Dataset, part: &str) -> Option<Section> {
    let [own, .., pca] = &measured.maps[..] else { return None };
    let figures = &measured.figures.maps;
    let first = figures.first()?;
    let chart = |map: &Map| {
        let (rows, points) = map.measured();
        let map = code_map(map, &rows, &points, split, data, part);
        let [x, y] = &map.axis_names;
        Chart::Scatter(Scatter {
            x: Axis::linear(x),
            y: Axis::linear(y),
            points: map.points,
            classes: map.classes,
            class_names: map.class_names,
            equal_scale: true,
            ..Scatter::default()
        })
    };
    let accuracy = format!("{}-NN accuracy", first.k);
    let mut columns = vec![String::new(), "trustworthiness".to_owned(), "continuity".to_owned()];
    columns.extend(first.neighbour_accuracy.map(|_| accuracy));
    let row = |f: &MapFigures| {
        let values = [f.trustworthiness, f.continuity].into_iter().chain(f.neighbour_accuracy);
        std::iter::once(f.name.as_str().into()).chain(values.map(Value::from)).collect()
    };
    let table = Table { columns, rows: figures.iter().map(row).collect(), highlights: Vec::new() };
    Some(Section {
        title: "Maps beside each other".to_owned(),
        text: format!(
            "{} {part} rows on the map of this model and on that of principal component analysis, which is given the input \
             itself.",
            first.rows
        ),
        figures: vec![
            Figure::new(own.name.as_str(), "This model.", chart(own)),
            Figure::new(pca.name.as_str(), "The plane of largest variance.", chart(pca)),
            Figure::new(
                "How faithful they are",
                "Trustworthiness is lost where a map puts rows side by side that are far apart in the input, continuity where \
                 it tears neighbours apart; both are 1 at best.",
                Chart::Table(table),
            )
            .wide(),
        ],
        listings: Vec::new(),
    })
}
