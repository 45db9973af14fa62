//! Words of a text.

/// The words of a text, in order, lower-case.
///
/// A word is a longest run of letters and digits (of any script), with apostrophes inside it. A final `'s` is cut off and
/// other apostrophes are left out (`company's` is `company`, `don't` is `dont`); runs that hold a digit are numbers and are
/// dropped, and so are words of one letter. Everything else separates words.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_apostrophe = |c: char| c == '\'' || c == '\u{2019}';
    let runs = text.split(move |c: char| !c.is_alphanumeric() && !is_apostrophe(c));
    runs.filter_map(move |run| {
        let run = run.trim_matches(is_apostrophe);
        if run.is_empty() || run.chars().any(char::is_numeric) {
            return None;
        }
        let lower = run.to_lowercase();
        let stem = ["'s", "\u{2019}s"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
        let word: String = stem.chars().filter(|&c| !is_apostrophe(c)).collect();
        (word.chars().nth(1).is_some()).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_the_rule_says() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("   \n\t ", &[]),
            ("Oil prices ROSE.", &["oil", "prices", "rose"]),
            ("the company's U.S. unit", &["the", "company", "unit"]),
            ("don't 'quoted' o\u{2019}neill\u{2019}s", &["dont", "quoted", "oneill"]),
            ("1,750 dlrs in 1987, 3rd qtr, mp3", &["dlrs", "in", "qtr"]),
            ("June/July money-fx a I", &["june", "july", "money", "fx"]),
            ("Überschuß ÉTÉ \u{4e2d}\u{6587}", &["überschuß", "été", "\u{4e2d}\u{6587}"]),
            ("snake_case x_y it''s '", &["snake", "case", "it"]),
            ("\u{2167}\u{b2} m\u{b2}", &[]),
        ];
        let wrong: Vec<_> = cases
            .iter()
            .map(|(text, expected)| (text, words(text).collect::<Vec<_>>(), expected))
            .filter(|(_, found, expected)| found != *expected)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
