//! Pages and figures as HTML and SVG.

use super::{
    chart::Chart,
    draw::{
        COLOURS, DARK, Drawing, Entry, FONT, Ink, LIGHT, SYMBOL, Theme, UNITS, draw, shortened, text_width,
        themed,
    },
    page::{Card, Figure, Listing, Page, Section},
};
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");

/// Fonts that are there already: nothing is loaded.
const FONTS: &str =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif";

/// `text` with the five characters that HTML and XML reserve written as entities, and without control characters, which XML
/// does not allow.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

impl Page {
    /// The page as one HTML file that needs nothing else.
    pub fn render(&self) -> String {
        let mut out =
            String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
        // The policy makes the browser refuse what the page must not do anyway: load or run anything.
        out.push_str(
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
             style-src 'unsafe-inline'\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n",
        );
        let _ = write!(
            out,
            "<title>{}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n",
            escaped(&self.title),
            palette()
        );
        out.push_str("<header>\n");
        if !self.kind.is_empty() {
            let _ = writeln!(out, "<p class=\"kind\">{}</p>", escaped(&self.kind));
        }
        let _ = writeln!(out, "<h1>{}</h1>", escaped(&self.title));
        if !self.summary.is_empty() {
            let _ = writeln!(out, "<p class=\"summary\">{}</p>", escaped(&self.summary));
        }
        if !self.cards.is_empty() {
            let _ =
                writeln!(out, "<dl class=\"cards\" style=\"--columns:{}\">", card_columns(self.cards.len()));
            self.cards.iter().for_each(|c| out.push_str(&card(c)));
            out.push_str("</dl>\n");
        }
        if !self.warnings.is_empty() {
            out.push_str("<div class=\"warnings\" role=\"note\"><h2>Please note</h2>\n<ul>\n");
            for warning in &self.warnings {
                let _ = writeln!(out, "<li>{}</li>", escaped(warning));
            }
            out.push_str("</ul></div>\n");
        }
        if self.sections.len() > 2 {
            out.push_str("<nav aria-label=\"Sections\"><ul>\n");
            for (i, section) in self.sections.iter().enumerate() {
                let _ = writeln!(out, "<li><a href=\"#s{}\">{}</a></li>", i + 1, escaped(&section.title));
            }
            out.push_str("</ul></nav>\n");
        }
        out.push_str("</header>\n<main>\n");
        for (i, section) in self.sections.iter().enumerate() {
            out.push_str(&section.html(i + 1));
        }
        out.push_str("</main>\n</body>\n</html>\n");
        out
    }
}

/// The colours of classes and series as custom properties.
fn palette() -> String {
    let mut out = String::new();
    let colours = |colours: [&str; COLOURS]| {
        colours.iter().enumerate().map(|(i, c)| format!("--c{i}:{c};")).collect::<String>()
    };
    let _ = writeln!(out, ":root{{{}}}", colours(LIGHT));
    let _ = writeln!(out, "@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}", colours(DARK));
    for i in 0..COLOURS {
        let _ = writeln!(out, ".f{i}{{fill:var(--c{i})}} .s{i}{{stroke:var(--c{i})}}");
    }
    out
}

/// The number of columns that leaves the fewest places of the last row empty.
fn card_columns(cards: usize) -> usize {
    [4, 5, 3].into_iter().min_by_key(|columns| (columns - cards % columns) % columns).unwrap_or(4)
}

fn card(card: &Card) -> String {
    let (name, value) = (escaped(&card.name), escaped(&card.value));
    // Words need a smaller size than figures do.
    let class = if card.value.chars().count() > 10 { " class=\"words\"" } else { "" };
    let note = if card.note.is_empty() {
        String::new()
    } else {
        format!("<dd class=\"note\">{}</dd>", escaped(&card.note))
    };
    format!("<div><dt>{name}</dt><dd{class}>{value}</dd>{note}</div>\n")
}

impl Section {
    fn html(&self, number: usize) -> String {
        let mut out = format!("<section id=\"s{number}\">\n<h2>{}</h2>\n", escaped(&self.title));
        if !self.text.is_empty() {
            let _ = writeln!(out, "<p class=\"text\">{}</p>", escaped(&self.text));
        }
        if !self.figures.is_empty() {
            out.push_str("<div class=\"figures\">\n");
            let mut left = true;
            for (i, figure) in self.figures.iter().enumerate() {
                let partner = self.figures.get(i + 1).is_some_and(|next| !next.wide);
                let width = match figure.wide {
                    true => Width::Wide,
                    false if left && !partner => Width::Alone,
                    false => Width::Half,
                };
                left = width != Width::Half || !left;
                out.push_str(&figure.html(width));
            }
            out.push_str("</div>\n");
        }
        for Listing { title, text } in &self.listings {
            let (title, text) = (escaped(title), escaped(text));
            let _ = writeln!(
                out,
                "<details class=\"listing\"><summary>{title}</summary>\n<pre tabindex=\"0\"><code>{text}</code></pre></details>"
            );
        }
        out.push_str("</section>\n");
        out
    }
}

/// The room a figure has on the page.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    /// One of two in a row.
    Half,
    /// The only one in its row: its words stand beside it.
    Alone,
    /// All of a row.
    Wide,
}

impl Figure {
    /// The figure as a part of a page.
    fn html(&self, width: Width) -> String {
        let class = match width {
            Width::Half => "",
            Width::Alone => " class=\"alone\"",
            Width::Wide => " class=\"wide\"",
        };
        let mut out = format!("<figure{class}>\n<h3>{}</h3>\n<div>\n", escaped(&self.title));
        let mut notes = Vec::new();
        match draw(&self.chart, self.wide) {
            Some(Ok(drawing)) => {
                out.push_str(&legend(&drawing.legend));
                let class = if matches!(self.chart, Chart::Images(_)) { "plot images" } else { "plot" };
                out.push_str(&inline(&drawing, &self.title, class));
                notes = drawing.notes;
            }
            Some(Err(reason)) => {
                let _ = writeln!(out, "<p class=\"empty\">{}</p>", escaped(&reason));
            }
            None => out.push_str(&self.chart.table().html(&self.title)),
        }
        let caption = std::iter::once(&self.caption).chain(&notes).filter(|s| !s.is_empty());
        let caption: Vec<String> = caption.map(|s| escaped(s)).collect();
        let _ =
            writeln!(out, "</div>\n<div class=\"words\">\n<figcaption>{}</figcaption>", caption.join(" "));
        let beside = match (&self.data, &self.chart) {
            (Some(data), _) => Some(data.clone()),
            (None, Chart::Table(_)) => None,
            (None, chart) => Some(chart.table()).filter(|t| !t.rows.is_empty()),
        };
        if let Some(data) = beside {
            let table = data.html(&format!("Data of the figure: {}", self.title));
            let _ = writeln!(out, "<details><summary>Data of this figure</summary>\n{table}</details>");
        }
        out.push_str("</div>\n</figure>\n");
        out
    }

    /// The figure as an SVG file that stands alone, in colours for a white ground; `None` for a table.
    ///
    /// A chart that cannot be drawn gives a figure that says why.
    pub fn svg(&self) -> Option<String> {
        let drawing = match draw(&self.chart, self.wide)? {
            Ok(drawing) => drawing,
            Err(reason) => self.reason(&reason),
        };
        let margin = 16 * UNITS;
        let (rows, legend_height) = legend_rows(&drawing);
        let top = margin + 34 * UNITS + legend_height;
        let (width, height) = (drawing.width + 2 * margin, drawing.height + top + margin);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" {}>\n",
            width / UNITS,
            height / UNITS,
            root_attributes(&self.title)
        );
        let (title, caption) = (escaped(&self.title), escaped(&self.caption));
        let _ = write!(
            out,
            "<title>{title}</title>\n<desc>{caption}</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n\
             <text x=\"{margin}\" y=\"{}\" font-size=\"{}\" font-weight=\"600\" fill=\"{}\">{title}</text>\n{rows}\
             <g transform=\"translate({margin} {top})\">\n{}</g>\n</svg>\n",
            Ink::Ground.hex(),
            margin + 16 * UNITS,
            18 * UNITS,
            Ink::Text.hex(),
            drawing.body
        );
        Some(themed(&out, Theme::Standalone))
    }

    /// A drawing that only says why there is none.
    fn reason(&self, reason: &str) -> Drawing {
        let lines: Vec<String> = reason.split_inclusive(". ").map(escaped).collect();
        let body = lines.iter().enumerate().fold(String::new(), |mut body, (i, line)| {
            let (y, hex) = (FONT * (2 * i as u32 + 2), Ink::Muted.hex());
            let _ = writeln!(body, "<text x=\"0\" y=\"{y}\" fill=\"{hex}\">{line}</text>");
            body
        });
        let width = text_width(reason.chars().count().max(self.title.chars().count()));
        Drawing {
            width,
            height: FONT * (2 * lines.len() as u32 + 2),
            body,
            legend: Vec::new(),
            notes: Vec::new(),
        }
    }
}

fn root_attributes(title: &str) -> String {
    format!(
        "role=\"img\" aria-label=\"{}\" font-size=\"{FONT}\" font-family=\"{FONTS}\" stroke-linejoin=\"round\" \
         stroke-linecap=\"round\"",
        escaped(title)
    )
}

fn inline(drawing: &Drawing, title: &str, class: &str) -> String {
    let (width, height) = (drawing.width, drawing.height);
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" style=\"max-width:{}px\" {}>\n{}</svg>\n",
        width * 108 / 100 / UNITS,
        root_attributes(title),
        themed(&drawing.body, Theme::Page)
    )
}

fn legend(entries: &[Entry]) -> String {
    if entries.is_empty() || entries.iter().all(|e| e.name.is_empty()) {
        return String::new();
    }
    let items: String = entries
        .iter()
        .map(|e| {
            let symbol = themed(&e.symbol(), Theme::Page);
            format!(
                "<li><svg viewBox=\"0 0 {} {}\" aria-hidden=\"true\">{symbol}</svg>{}</li>\n",
                SYMBOL.0,
                SYMBOL.1,
                escaped(&e.name)
            )
        })
        .collect();
    format!("<ul class=\"legend\">\n{items}</ul>\n")
}

/// The legend of a figure that stands alone, in as many rows as it needs, and their height.
fn legend_rows(drawing: &Drawing) -> (String, u32) {
    let (mut out, mut x, mut row) = (String::new(), 0, 0);
    if drawing.legend.iter().all(|e| e.name.is_empty()) {
        return (out, 0);
    }
    for entry in &drawing.legend {
        let name = shortened(&entry.name, 60);
        let width = SYMBOL.0 + text_width(name.chars().count()) + 24 * UNITS;
        if x > 0 && x + width > drawing.width {
            (x, row) = (0, row + 1);
        }
        let (left, top) = (16 * UNITS + x, (50 + 22 * row) * UNITS);
        let _ = writeln!(
            out,
            "<g transform=\"translate({left} {top})\">{}<text x=\"{}\" y=\"{}\" fill=\"{}\">{}</text></g>",
            entry.symbol(),
            SYMBOL.0 + 6 * UNITS,
            11 * UNITS,
            Ink::Text.hex(),
            escaped(&name)
        );
        x += width;
    }
    (out, (22 * row + 30) * UNITS)
}
