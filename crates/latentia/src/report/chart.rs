//! The data of a figure, before anything is drawn.
//!
//! Values that are not finite are left out of a drawing; the table beside the figure still shows them.

use serde::{Deserialize, Serialize};

/// What a figure shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chart {
    /// One or more curves over a common axis.
    Lines(Lines),
    /// Points in the plane, coloured by class.
    Scatter(Scatter),
    /// How often values fall into each interval.
    Histogram(Histogram),
    /// One bar per name.
    Bars(Bars),
    /// A matrix as shaded cells.
    HeatMap(HeatMap),
    /// Small images side by side.
    Images(Images),
    /// Figures in rows and columns.
    Table(Table),
}

/// An axis: what it measures, and whether it is logarithmic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Axis {
    /// What the axis measures, with its unit.
    pub name: String,
    /// Whether equal distances are equal factors. Values that are not positive are then left out.
    pub log: bool,
}

impl Axis {
    /// A linear axis.
    pub fn linear(name: impl Into<String>) -> Self {
        Self { name: name.into(), log: false }
    }

    /// A logarithmic axis.
    pub fn log(name: impl Into<String>) -> Self {
        Self { name: name.into(), log: true }
    }

    /// Logarithmic when all finite `values` are positive and the largest is 30 to 10^8 times the smallest, as a loss
    /// that falls by more than an order of magnitude is; linear otherwise.
    pub fn fitting(name: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        let log = low > 0.0 && (30.0..1e8).contains(&(high / low));
        Self { name: name.into(), log }
    }
}

/// Curves over a common axis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lines {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, in the order of the legend.
    pub lines: Vec<Line>,
    /// Single points worth naming, such as the best epoch.
    pub marks: Vec<Mark>,
}

/// One curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// `(x, y)` in drawing order; a point that is not finite interrupts the curve.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub style: Style,
}

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// An unbroken line.
    #[default]
    Solid,
    /// A dashed line, for a reference such as a bound or chance.
    Dashed,
    /// A line with a marker on each point, for few points.
    Marked,
}

/// A named point.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// Its position on the horizontal axis.
    pub x: f64,
    /// Its position on the vertical axis.
    pub y: f64,
    /// What it is.
    pub name: String,
}

/// Points in the plane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scatter {
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The points.
    pub points: Vec<(f64, f64)>,
    /// The class of each point as an index into `class_names`; empty when the points have none. A point without an entry or with
    /// one out of range is drawn in grey.
    pub classes: Vec<usize>,
    /// The names of the classes.
    pub class_names: Vec<String>,
    /// Whether both axes have the same scale, so that distances in the figure are distances in the data.
    pub equal_scale: bool,
    /// Arrows below the points, each from its first to its second place.
    pub arrows: Vec<[(f64, f64); 2]>,
}

/// A histogram of one or more groups of values over common intervals; each bar is a share of its own group, so that groups
/// of different sizes compare.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// What the values are.
    pub x: Axis,
    /// The groups, in the order of the legend.
    pub groups: Vec<Group>,
    /// A vertical line.
    pub threshold: Option<Threshold>,
}

/// Values of one group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Its name in the legend.
    pub name: String,
    /// The values.
    pub values: Vec<f64>,
}

/// A value from which on something is called unusual.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Threshold {
    /// The value.
    pub value: f64,
    /// How it was chosen, as a noun phrase: "99th percentile of the validation rows".
    pub basis: String,
}

/// Horizontal bars, one per name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bars {
    /// What the length of a bar measures.
    pub x: Axis,
    /// What the bars are.
    pub name: String,
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its length; negative ones go to the left.
    pub value: f64,
    /// How far the value reaches to both sides, a standard deviation say; a line with ends where it is not 0.
    pub spread: f64,
    /// Whether it stands out, as the model among its baselines does.
    pub highlight: bool,
}

/// A matrix as shaded cells. The more ink, the larger the value; negative values have a second hue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeatMap {
    /// What a column is.
    pub x: String,
    /// What a row is.
    pub y: String,
    /// What a cell measures.
    pub value: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// The cells, row by row: `values[r][c]`. A missing cell is left empty.
    pub values: Vec<Vec<f64>>,
}

/// The size of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelSize {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// 1 for grey, 3 for red, green, blue; the channels of a pixel stand together.
    pub channels: usize,
}

impl PixelSize {
    /// How many values an image has.
    pub fn len(self) -> usize {
        self.height.saturating_mul(self.width).saturating_mul(self.channels)
    }

    /// Whether an image of this size has no pixel.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Images of one size in a grid.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Images {
    /// The size of each image.
    pub size: PixelSize,
    /// What each row of the grid shows; may be shorter than `images`.
    pub row_names: Vec<String>,
    /// How many rows belong together, such as 2 for an input above its reconstruction; they stand apart from the next ones.
    pub rows_per_group: usize,
    /// The grid, row by row: `images[r][c]` is one image, `[height, width, channels]` flattened, values from 0 to 1.
    pub images: Vec<Vec<Vec<f32>>>,
}

/// Figures in rows and columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// The heading of each column.
    pub columns: Vec<String>,
    /// The rows; a row may be shorter than the heading.
    pub rows: Vec<Vec<Value>>,
    /// Cells that stand out, as `(row, column)`: the best figure of each column, for example.
    pub highlights: Vec<(usize, usize)>,
}

/// One cell of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A number, printed with four significant digits.
    Number(f64),
    /// Words.
    Text(String),
    /// Nothing is known.
    #[default]
    Missing,
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}
