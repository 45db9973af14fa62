//! Articles of Reuters-21578 as its README (D. D. Lewis, 1997) describes their mark-up.

/// What is wrong with an article: what was found, what was expected.
pub(super) type Fault = (String, &'static str);

/// An article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Article {
    /// `NEWID`, its number in the collection.
    pub(super) id: String,
    /// `LEWISSPLIT`.
    pub(super) split: LewisSplit,
    /// Whether `TOPICS` is `YES`: whether it had topics in the original data, which the ModApte split goes by.
    pub(super) had_topics: bool,
    /// The topics it has.
    pub(super) topics: Vec<String>,
    /// Title and body, or the whole text where it has neither.
    pub(super) text: String,
}

/// The value of `LEWISSPLIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LewisSplit {
    Train,
    Test,
    NotUsed,
}

/// Begins an article.
pub(super) const OPEN: &str = "<REUTERS";
/// Ends one.
pub(super) const CLOSE: &str = "</REUTERS>";

/// Reads what stands between [`OPEN`] and [`CLOSE`].
pub(super) fn article(content: &str) -> Result<Article, Fault> {
    let (head, inner) =
        content.split_once('>').ok_or_else(|| ("a tag REUTERS without an end".to_owned(), "\">\""))?;
    let attribute = |name: &'static str| -> Option<&str> {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    };
    let needed = |name: &'static str, expected: &'static str| {
        attribute(name).ok_or_else(|| (format!("an article without {name}"), expected))
    };
    let split = match needed("LEWISSPLIT", "LEWISSPLIT=\"TRAIN\", \"TEST\" or \"NOT-USED\"")? {
        "TRAIN" => LewisSplit::Train,
        "TEST" => LewisSplit::Test,
        "NOT-USED" => LewisSplit::NotUsed,
        other => return Err((format!("LEWISSPLIT=\"{}\"", shortened(other)), "TRAIN, TEST or NOT-USED")),
    };
    let had_topics = match needed("TOPICS", "TOPICS=\"YES\", \"NO\" or \"BYPASS\"")? {
        "YES" => true,
        "NO" | "BYPASS" => false,
        other => return Err((format!("TOPICS=\"{}\"", shortened(other)), "YES, NO or BYPASS")),
    };
    let id = needed("NEWID", "the number of the article")?;
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err((format!("NEWID=\"{}\"", shortened(id)), "the number of the article"));
    }
    let topics =
        element(inner, "TOPICS")?.ok_or_else(|| ("an article without TOPICS".to_owned(), "<TOPICS>"))?;
    let topics = topics.split("<D>").skip(1).map(|rest| match rest.split_once("</D>") {
        Some((topic, _)) => Ok(topic.trim().to_owned()),
        None => Err(("a topic without an end".to_owned(), "</D>")),
    });
    let topics = topics.collect::<Result<_, _>>()?;
    let all = element(inner, "TEXT")?.ok_or_else(|| ("an article without a text".to_owned(), "<TEXT>"))?;
    let (title, body) = (element(all, "TITLE")?, element(all, "BODY")?);
    let text = match (title, body) {
        (None, None) => plain(all),
        (title, body) => {
            let parts = title.into_iter().chain(body).map(plain);
            parts.collect::<Vec<_>>().join("\n")
        }
    };
    Ok(Article { id: id.to_owned(), split, had_topics, topics, text: unsigned(&text).to_owned() })
}

/// The content of the first element of that name, `None` where there is none.
fn element<'a>(text: &'a str, name: &'static str) -> Result<Option<&'a str>, Fault> {
    let open = format!("<{name}");
    let Some((_, rest)) = text.match_indices(&open).map(|(at, _)| text.split_at(at + open.len())).find(
        // `<TEXT TYPE="BRIEF">` but not `<TEXTURE>`.
        |(_, rest)| rest.starts_with(['>', ' ']),
    ) else {
        return Ok(None);
    };
    let content = rest.split_once('>').map(|(_, content)| content);
    match content.and_then(|content| content.split_once(&format!("</{name}>"))) {
        Some((content, _)) => Ok(Some(content)),
        None => Err((format!("{name} without an end"), "its closing tag")),
    }
}

/// Text without tags, its entities as the characters they stand for; control characters are spaces.
fn plain(marked: &str) -> String {
    let mut text = String::with_capacity(marked.len());
    let mut rest = marked;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = match rest.as_bytes()[0] {
            // Inner tags are all upper-case; "<" of the text itself is written as an entity.
            b'<' => rest.find('>').map(|end| (end + 1, ' ')),
            _ => entity(rest),
        };
        let (length, character) = known.unwrap_or((1, ' '));
        text.push(character);
        rest = &rest[length..];
    }
    text.push_str(rest);
    text
}

/// Length and meaning of the entity that `text` begins with.
fn entity(text: &str) -> Option<(usize, char)> {
    // Some copies of the collection spell the indent of a paragraph so.
    if text.starts_with("&\\t") {
        return Some((3, '\t'));
    }
    let end = text.bytes().take(10).position(|b| b == b';')?;
    let character = match &text[1..end] {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        name => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
    };
    Some((end + 1, if character.is_control() { ' ' } else { character }))
}

/// The text without the agency's name, which closes nearly every article and says nothing of it.
fn unsigned(text: &str) -> &str {
    let text = text.trim();
    let end = text.len().checked_sub("Reuter".len()).filter(|&at| text.is_char_boundary(at));
    match end.map(|at| text.split_at(at)) {
        Some((before, name))
            if name.eq_ignore_ascii_case("reuter") && before.ends_with(char::is_whitespace) =>
        {
            before.trim_end()
        }
        _ => text,
    }
}

/// The beginning of a value, for a message.
fn shortened(value: &str) -> String {
    value.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: &str = r#" TOPICS="YES" LEWISSPLIT="TRAIN" CGISPLIT="TRAINING-SET" OLDID="5544" NEWID="17">
<DATE>26-FEB-1987 15:01:01.79</DATE>
<TOPICS><D>grain</D><D>wheat</D></TOPICS>
<PLACES><D>usa</D></PLACES>
<TEXT>&#2;
<TITLE>WHEAT &amp; CORN</TITLE>
<DATELINE>    CHICAGO, Feb 26 - </DATELINE><BODY>Prices of &lt;Cargill> rose.
&\tExports fell.
 Reuter
&#3;</BODY></TEXT>
"#;

    #[test]
    fn an_article_is_read_with_its_topics_and_plain_text() {
        let found = article(ARTICLE).unwrap();
        assert_eq!(found.id, "17");
        assert_eq!((found.split, found.had_topics), (LewisSplit::Train, true));
        assert_eq!(found.topics, ["grain", "wheat"]);
        assert_eq!(found.text, "WHEAT & CORN\nPrices of <Cargill> rose.\n\tExports fell.");
    }

    #[test]
    fn texts_without_structure_are_taken_whole() {
        let brief = ARTICLE.replace("<TEXT>", "<TEXT TYPE=\"UNPROC\">");
        let at = brief.find("<TITLE>").unwrap();
        let whole = format!("{}All of it &#22;here &unknown; 2 &lt; 3 REUTER\n&#3;</TEXT>", &brief[..at]);
        assert_eq!(article(&whole).unwrap().text, "All of it  here  unknown; 2 < 3");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (from, to, word) in [
            ("NEWID=\"17\"", "", "NEWID"),
            ("NEWID=\"17\"", "NEWID=\"x\"", "NEWID=\"x\""),
            ("\"TRAIN\"", "\"TRAINING\"", "TRAINING"),
            ("TOPICS=\"YES\"", "TOPICS=\"MAYBE\"", "MAYBE"),
            ("<TOPICS>", "", "TOPICS"),
            ("</TOPICS>", "", "TOPICS without an end"),
            ("wheat</D>", "wheat", "a topic without an end"),
            ("</BODY>", "", "BODY without an end"),
            ("</TEXT>", "", "TEXT without an end"),
            (">\n<DATE>", "", "REUTERS"),
        ] {
            let damaged = ARTICLE.replace(from, to);
            let damaged = if word == "REUTERS" { damaged.replace('>', "") } else { damaged };
            let (found, expected) = article(&damaged).unwrap_err();
            assert!(found.contains(word) && !expected.is_empty(), "{from}: {found}");
        }
    }
}
