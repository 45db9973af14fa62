//! A page of figures.

use super::chart::{Chart, Table};
use serde::{Deserialize, Serialize};

/// A self-contained page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// The heading, which is the title of the window too.
    pub title: String,
    /// What the page is about, in a few words above the heading: the kind of the model.
    pub kind: String,
    /// What a reader in a hurry should take away, in a sentence or two.
    pub summary: String,
    /// The key figures.
    pub cards: Vec<Card>,
    /// What the reader should be wary of, in plain sentences.
    pub warnings: Vec<String>,
    /// The body.
    pub sections: Vec<Section>,
}

/// A key figure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// What it is: "Code size".
    pub name: String,
    /// Its value, as it is to be read: "16".
    pub value: String,
    /// A few words of context, such as the unit or what it compares with; may be empty.
    pub note: String,
}

impl Card {
    /// A key figure without a note.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), note: String::new() }
    }

    /// With a few words of context.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// A part of the page with its own heading.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// A paragraph below it; may be empty.
    pub text: String,
    /// The figures; two stand side by side where there is room.
    pub figures: Vec<Figure>,
    /// Texts to be copied, such as the command and the recipe.
    pub listings: Vec<Listing>,
}

/// A text shown as it is, collapsed until the reader opens it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listing {
    /// What it is.
    pub title: String,
    /// The text.
    pub text: String,
}

/// A chart with its title and the sentence that says how to read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The title.
    pub title: String,
    /// How to read it, in one plain sentence.
    pub caption: String,
    /// What it shows.
    pub chart: Chart,
    /// Whether it takes the full width of the page.
    #[serde(default)]
    pub wide: bool,
    /// The table shown beside it in place of the data of the chart.
    #[serde(default)]
    pub data: Option<Table>,
}

impl Figure {
    /// A figure that shares its row with another where there is room.
    pub fn new(title: impl Into<String>, caption: impl Into<String>, chart: Chart) -> Self {
        Self { title: title.into(), caption: caption.into(), chart, wide: false, data: None }
    }

    /// Takes the full width of the page.
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Shows this table beside the figure in place of the data of the chart.
    pub fn with_data(mut self, data: Table) -> Self {
        self.data = Some(data);
        self
    }
}
