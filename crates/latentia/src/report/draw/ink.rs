//! Colours that follow the page.
//!
//! The plotting library writes every colour as `#RRGGBB`. Drawings are made with stand-in colours that no reader ever sees;
//! [`themed`] replaces each by a class of the style sheet in a page, so that it follows the light or dark preference, and by
//! a colour of its own in a file that stands alone. The library escapes quotes in text, so only attributes can match.

use plotters::style::RGBColor;

/// How many classes have a colour of their own; the following ones repeat the colours with another marker.
pub(crate) const COLOURS: usize = 10;

/// The colours of a light page. They stay apart under the common forms of colour blindness because they differ in
/// lightness too, after the ten-colour cycle of Petroff (2021), the lightest ones darkened to be seen on white.
pub(crate) const LIGHT: [&str; COLOURS] = [
    "#2f7fd0", "#f09400", "#bd1f01", "#7d918e", "#832db6", "#a96b59", "#e76300", "#a59654", "#566270",
    "#49b6bd",
];

/// The same colours on a dark page, lighter where the original would sink into the ground.
pub(crate) const DARK: [&str; COLOURS] = [
    "#62aef2", "#ffb636", "#f0573f", "#b3c2c0", "#bd85e8", "#cf9a8a", "#ff8d3a", "#d0c489", "#8e9bab",
    "#9fe3e6",
];

/// What a stroke or an area is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// The series or class of this number.
    Series(usize),
    /// The same, dashed.
    Dashed(usize),
    /// Text and what must stand out against everything.
    Text,
    /// Text that explains: ticks and axis names.
    Muted,
    /// Grid lines.
    Grid,
    /// The line at the foot of a plot.
    Axis,
    /// The ground.
    Ground,
    /// A reference line: dashed, in the colour of text.
    Reference,
    /// Text on top of data, with a rim in the colour of the ground.
    Label,
}

const ROLES: [Ink; 7] =
    [Ink::Text, Ink::Muted, Ink::Grid, Ink::Axis, Ink::Ground, Ink::Reference, Ink::Label];

impl Ink {
    /// The stand-in colour.
    pub(crate) fn colour(self) -> RGBColor {
        let (kind, index) = match self {
            Self::Series(i) => (0, i % COLOURS),
            Self::Dashed(i) => (1, i % COLOURS),
            role => (2, ROLES.iter().position(|&r| r == role).unwrap_or(0)),
        };
        RGBColor(0x5A, kind, index as u8)
    }

    /// The stand-in colour as the plotting library writes it.
    pub(crate) fn hex(self) -> String {
        let RGBColor(r, g, b) = self.colour();
        format!("#{r:02X}{g:02X}{b:02X}")
    }

    /// What replaces `fill="…"` (or `stroke="…"`) with the stand-in colour.
    fn attribute(self, property: &str, theme: Theme) -> String {
        let prefix = &property[..1];
        match theme {
            Theme::Page => match self {
                Self::Series(i) => format!("class=\"{prefix}{i}\""),
                Self::Dashed(i) => format!("class=\"{prefix}{i} dash\""),
                Self::Text => format!("class=\"{prefix}t\""),
                Self::Muted => format!("class=\"{prefix}m\""),
                Self::Grid => format!("class=\"{prefix}g\""),
                Self::Axis => format!("class=\"{prefix}a\""),
                Self::Ground => format!("class=\"{prefix}b\""),
                Self::Reference => format!("class=\"{prefix}t dash\""),
                Self::Label => format!("class=\"{prefix}t halo\""),
            },
            Theme::Standalone => {
                let dash = " stroke-dasharray=\"20 18\"";
                let (colour, rest) = match self {
                    Self::Series(i) => (LIGHT[i], ""),
                    Self::Dashed(i) => (LIGHT[i], dash),
                    Self::Text => ("#1d2127", ""),
                    Self::Muted => ("#59616b", ""),
                    Self::Grid => ("#e6e8ea", ""),
                    Self::Axis => ("#a3aab2", ""),
                    Self::Ground => ("#ffffff", ""),
                    Self::Reference => ("#1d2127", dash),
                    Self::Label => (
                        "#1d2127",
                        " font-weight=\"600\" stroke=\"#ffffff\" stroke-width=\"16\" paint-order=\"stroke\"",
                    ),
                };
                format!("{property}=\"{colour}\"{rest}")
            }
        }
    }
}

/// Where a drawing will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// In a page: colours come from its style sheet.
    Page,
    /// Alone: colours are written out, for a white ground.
    Standalone,
}

/// Replaces every stand-in colour.
pub(crate) fn themed(svg: &str, theme: Theme) -> String {
    let mut out = svg.to_owned();
    let series = (0..COLOURS).flat_map(|i| [Ink::Series(i), Ink::Dashed(i)]);
    for ink in series.chain(ROLES) {
        for property in ["fill", "stroke"] {
            let found = format!("{property}=\"{}\"", ink.hex());
            if out.contains(&found) {
                out = out.replace(&found, &ink.attribute(property, theme));
            }
        }
    }
    out
}
