//! Reports: what people would rather look at than a list of numbers.
//!
//! Two layers. The lower one knows nothing of models: a [`Page`] holds [`Section`]s, a section holds [`Figure`]s, and a
//! figure holds a [`Chart`] (curves, a scatter plot, a histogram, bars, a heat map, images or a table). The upper one says
//! which figures a kind of model is shown with: [`CodesReport`] for everything that learns codes.
//!
//! A page is one HTML file that asks the network for nothing, follows the light or dark preference of its reader, prints,
//! and has the data of every figure beside it. A figure alone is written as SVG by [`Figure::svg`]. Equal input gives equal
//! bytes: nothing here reads a clock or iterates over an unordered collection.

mod chart;
mod codes;
mod detection;
mod draw;
mod html;
mod number;
mod page;
mod table;
#[cfg(test)]
mod tests;

pub use chart::{
    Axis, Bar, Bars, Chart, Group, HeatMap, Histogram, Images, Line, Lines, Mark, PixelSize, Scatter, Style,
    Table, Threshold, Value,
};
pub use codes::{
    Baseline, CodeMap, CodesReport, Comparison, EpochRecord, Filters, ImagePairs, Metric, Reconstructions,
    RowErrors, WorstColumn, WorstRow,
};
pub use detection::{ColumnShare, DetectionReport};
pub use page::{Card, Figure, Listing, Page, Section};
