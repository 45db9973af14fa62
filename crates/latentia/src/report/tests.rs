//! What holds for every page and figure.

use super::*;
use proptest::prelude::*;

const HOSTILE: &str = "<script>alert(\"1\" & '2')</script>\u{1}";

fn lines(points: Vec<(f64, f64)>, log: bool) -> Chart {
    let axis = Axis { name: HOSTILE.to_owned(), log };
    let mark = points.first().map(|p| Mark { x: p.0, y: p.1, name: HOSTILE.to_owned() });
    let styles = [Style::Solid, Style::Dashed, Style::Marked];
    let lines = styles.map(|style| Line { name: HOSTILE.to_owned(), points: points.clone(), style });
    Chart::Lines(Lines { x: axis.clone(), y: axis, lines: lines.to_vec(), marks: mark.into_iter().collect() })
}

fn scatter(points: Vec<(f64, f64)>, log: bool) -> Chart {
    let axis = Axis { name: HOSTILE.to_owned(), log };
    Chart::Scatter(Scatter {
        x: axis.clone(),
        y: axis,
        classes: (0..points.len()).map(|i| i % 31).collect(),
        class_names: (0..30)
            .map(|i| if i == 0 { HOSTILE.to_owned() } else { format!("class {i}") })
            .collect(),
        points,
        equal_scale: true,
        ..Scatter::default()
    })
}

fn histogram(values: Vec<f64>, log: bool) -> Chart {
    let threshold = values.first().map(|&value| Threshold { value, basis: HOSTILE.to_owned() });
    let group = Group { name: HOSTILE.to_owned(), values };
    let groups = vec![group, Group { name: "none".to_owned(), values: Vec::new() }];
    Chart::Histogram(Histogram { x: Axis { name: HOSTILE.to_owned(), log }, groups, threshold })
}

fn bars(values: Vec<f64>, log: bool) -> Chart {
    let bars = values.into_iter().map(|value| Bar {
        name: HOSTILE.to_owned(),
        value,
        spread: value / 4.0,
        highlight: value > 1.0,
    });
    Chart::Bars(Bars {
        x: Axis { name: HOSTILE.to_owned(), log },
        name: HOSTILE.to_owned(),
        bars: bars.collect(),
    })
}

fn heat_map(values: Vec<f64>) -> Chart {
    let name = HOSTILE.to_owned();
    Chart::HeatMap(HeatMap {
        x: name.clone(),
        y: name.clone(),
        value: name.clone(),
        columns: vec![name.clone()],
        rows: vec![name],
        values: values.chunks(3).map(<[f64]>::to_vec).collect(),
    })
}

fn images(values: Vec<f64>, channels: usize) -> Chart {
    let image: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
    Chart::Images(Images {
        size: PixelSize { height: 2, width: 3, channels },
        row_names: vec![HOSTILE.to_owned()],
        rows_per_group: 1,
        images: vec![vec![image.clone(), image[..image.len() / 2].to_vec()], vec![image]],
    })
}

fn table(values: Vec<f64>) -> Chart {
    let rows = values.into_iter().map(|v| vec![HOSTILE.into(), v.into()]);
    Chart::Table(Table { columns: vec![HOSTILE.to_owned()], rows: rows.collect(), highlights: vec![(0, 1)] })
}

/// Every kind of chart over these values.
fn charts(values: &[f64]) -> Vec<Chart> {
    let points: Vec<(f64, f64)> = values.iter().zip(values.iter().rev()).map(|(&x, &y)| (x, y)).collect();
    let mut charts = Vec::new();
    for log in [false, true] {
        charts.push(lines(points.clone(), log));
        charts.push(scatter(points.clone(), log));
        charts.push(histogram(values.to_vec(), log));
        charts.push(bars(values.to_vec(), log));
    }
    charts.push(heat_map(values.to_vec()));
    charts.extend([1, 2, 3].map(|channels| images(values.to_vec(), channels)));
    charts.push(table(values.to_vec()));
    charts
}

fn page(charts: Vec<Chart>) -> Page {
    let figures = charts.into_iter().enumerate().map(|(i, chart)| {
        let figure = Figure::new(HOSTILE, HOSTILE, chart);
        if i % 3 == 0 { figure.wide() } else { figure }
    });
    let listing = Listing { title: HOSTILE.to_owned(), text: HOSTILE.to_owned() };
    let section = Section {
        title: HOSTILE.to_owned(),
        text: HOSTILE.to_owned(),
        figures: figures.collect(),
        listings: vec![listing],
    };
    Page {
        title: HOSTILE.to_owned(),
        kind: HOSTILE.to_owned(),
        summary: HOSTILE.to_owned(),
        cards: vec![Card::new(HOSTILE, HOSTILE).note(HOSTILE)],
        warnings: vec![HOSTILE.to_owned()],
        sections: vec![section.clone(), section.clone(), section],
    }
}

fn sample() -> CodesReport {
    let wave = |i: usize| (i as f64 * 0.7).sin();
    let size = PixelSize { height: 4, width: 4, channels: 1 };
    let image = |i: usize| (0..16).map(|p| (wave(i + p) as f32).abs()).collect::<Vec<f32>>();
    CodesReport {
        title: "Digits in 8 numbers".to_owned(),
        kind: "Autoencoder".to_owned(),
        command: "latentia fit autoencoder digits.csv".to_owned(),
        recipe: "[model]\ncode = 8\n".to_owned(),
        facts: vec![Card::new("Code size", "8")],
        history: (1..=30)
            .map(|epoch| EpochRecord {
                epoch,
                train: 1.0 / epoch as f64,
                validation: Some(1.1 / epoch as f64),
                terms: [("reconstruction".to_owned(), 0.9 / epoch as f64)].into(),
                learning_rate: Some(1e-3),
                gradient_norm: Some(wave(epoch).abs()),
                seconds: Some(0.5),
            })
            .collect(),
        best_epoch: Some(28),
        map: Some(CodeMap {
            points: (0..500).map(|i| (wave(i), wave(3 * i))).collect(),
            classes: (0..500).map(|i| i % 12).collect(),
            class_names: (0..12).map(|i| format!("digit {i}")).collect(),
            axis_names: ["unit 1".to_owned(), "unit 2".to_owned()],
            how: "The two units of the code.".to_owned(),
        }),
        reconstructions: Some(Reconstructions::Images(ImagePairs {
            size,
            inputs: (0..12).map(image).collect(),
            reconstructions: (1..13).map(image).collect(),
            ..ImagePairs::default()
        })),
        errors: Some(RowErrors {
            name: "squared error".to_owned(),
            groups: vec![Group {
                name: "test".to_owned(),
                values: (0..400).map(|i| wave(i).powi(2)).collect(),
            }],
            threshold: Some(Threshold { value: 0.9, basis: "99th percentile".to_owned() }),
        }),
        baseline: Some(Baseline {
            error_name: "mean squared error".to_owned(),
            pca: vec![(1, 0.9), (2, 0.5), (4, 0.2)],
            model: Some((2, 0.3)),
            metrics: vec![
                Metric { name: "error".to_owned(), higher_is_better: false },
                Metric { name: "accuracy".to_owned(), higher_is_better: true },
            ],
            rows: vec![
                Comparison { name: "model".to_owned(), values: vec![Some(0.3), Some(f64::NAN)] },
                Comparison { name: "PCA".to_owned(), values: vec![Some(0.5), Some(0.8)] },
            ],
        }),
        filters: Some(Filters { size, weights: (0..90).map(image).collect() }),
        ..CodesReport::default()
    }
}

/// Checks that tags nest, that attributes are quoted and unique, and that no text holds a bare `<` or `&`.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    let xml = xml.strip_prefix("<!DOCTYPE html>\n").unwrap_or(xml);
    let mut pieces = xml.split('<');
    assert_eq!(pieces.next(), Some(""), "text before the first tag");
    for piece in pieces {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("no end of tag: <{piece}"));
        let entities = text.split('&').skip(1);
        for entity in entities {
            let known =
                ["lt;", "gt;", "amp;", "quot;", "apos;", "#39;"].iter().any(|e| entity.starts_with(e));
            assert!(known, "bare ampersand: {entity}");
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing </{name}>");
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut seen = Vec::new();
        while !rest.trim().is_empty() {
            let (key, value) =
                rest.trim_start().split_once("=\"").unwrap_or_else(|| panic!("attribute: {tag}"));
            let (_, after) = value.split_once('"').unwrap_or_else(|| panic!("quote: {tag}"));
            assert!(!seen.contains(&key), "{key} twice: {tag}");
            seen.push(key);
            rest = after;
        }
        if !closed {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

/// The page without the bytes of its images, whose base64 may hold pairs of slashes.
fn without_images(html: &str) -> String {
    let mut pieces = html.split("data:image/png;base64,");
    let first = pieces.next().unwrap_or_default();
    let others = pieces.map(|piece| &piece[piece.find('"').expect("the end of an attribute")..]);
    std::iter::once(first).chain(others).collect()
}

fn assert_sound(page: &Page) {
    let html = page.render();
    assert_well_formed(&html);
    let words = without_images(&html);
    for address in ["http:", "https:", "//", "url(", "@import", "<script", "src=", "<link rel=\"stylesheet"] {
        assert!(!words.contains(address), "{address} in the page");
    }
    assert!(!html.contains("\"#5A"), "a stand-in colour in the page");
    for figure in page.sections.iter().flat_map(|s| &s.figures) {
        let svg = figure.svg();
        assert_eq!(svg.is_none(), matches!(figure.chart, Chart::Table(_)));
        if let Some(svg) = svg {
            assert_well_formed(&svg);
            assert!(!svg.contains("\"#5A") && !svg.contains("class="), "the file depends on a style sheet");
        }
    }
}

#[test]
fn pages_are_sound_whatever_the_values() {
    let cases: [&[f64]; 9] = [
        &[],
        &[f64::NAN],
        &[0.0],
        &[f64::INFINITY, f64::NEG_INFINITY, 1.0],
        &[f64::MAX, f64::MIN, 0.0],
        &[1e-320, 2e-320, 1e-300],
        &[0.5, 0.25, 0.75, 0.0, 1.0, 0.1],
        &[-3.0, -2.0, -2.5],
        // The base64 of an image of these has two pairs of slashes.
        &[1e247, -1e125, 0.0, 0.0, 0.0, 1e274],
    ];
    for values in cases {
        assert_sound(&page(charts(values)));
    }
    assert_sound(&Page::default());
    assert_sound(&sample().page());
    assert_sound(&CodesReport::default().page());
}

proptest! {
    #[test]
    fn no_values_make_a_page_unsound(values in proptest::collection::vec(any::<f64>(), 0..12)) {
        assert_sound(&page(charts(&values)));
    }
}

#[test]
fn a_figure_without_values_says_so() {
    for values in [&[][..], &[f64::NAN, f64::INFINITY]] {
        for chart in charts(values).into_iter().filter(|c| !matches!(c, Chart::Table(_) | Chart::Images(_))) {
            let mut page = Page::default();
            page.sections
                .push(Section { figures: vec![Figure::new("", "", chart.clone())], ..Section::default() });
            let said = page.render().contains("There is nothing to draw");
            // The cells of a heat map are there, only empty.
            assert!(said || matches!(chart, Chart::HeatMap(_)) && !values.is_empty(), "{chart:?}");
        }
    }
}

#[test]
fn equal_reports_give_equal_bytes_and_survive_json() {
    let report = CodesReport { baseline: None, ..sample() };
    let json = serde_json::to_string(&report).expect("plain data");
    let back: CodesReport = serde_json::from_str(&json).expect("its own JSON");
    assert_eq!(back, report);
    assert_eq!(back.render(), report.render());
}

#[test]
fn the_sample_shows_every_part() {
    let html = sample().render();
    let parts = [
        "Map of the codes",
        "Inputs and reconstructions",
        "Error of each row",
        "Error by code size",
        "Side by side",
        "Objective",
        "Terms of the objective",
        "Gradient norm",
        "Learning rate",
        "Filters",
        "Command",
        "Recipe",
    ];
    for part in parts {
        assert!(html.contains(&format!(">{part}<")), "{part}");
    }
    assert!(html.contains("best, epoch 28") && html.contains("this model"), "named points");
    assert!(html.contains("<b>0.3</b>") && html.contains("<b>0.8</b>"), "the best of each column");
    assert!(html.contains("The first 200 of 500 rows; 300 rows left out."), "a long table is cut");
}

#[test]
fn a_histogram_counts_every_finite_value_once() {
    let values: Vec<f64> = (0..1000).map(|i| f64::from(i).powi(3)).chain([f64::NAN, 1e18]).collect();
    let Chart::Histogram(chart) = histogram(values, false) else { unreachable!("made above") };
    let bins = super::draw::Bins::new(&chart).expect("values");
    assert_eq!(bins.counts[0].iter().sum::<usize>(), 1001);
    assert_eq!((bins.left_out, bins.beyond), (1, 1));
    assert!(bins.edges.windows(2).all(|e| e[0] < e[1]));
}
