//! Numbers as people read them.

/// Four significant digits, thousands separated; very large and very small ones in scientific notation.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinite" } else { "minus infinite" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&magnitude) {
        let text = format!("{value:.3e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trimmed(digits));
    }
    let decimals = (3 - magnitude.log10().floor() as i32).clamp(0, 8) as usize;
    grouped(trimmed(&format!("{value:.decimals$}")))
}

/// A count of things, thousands separated.
pub(super) fn count(value: usize) -> String {
    grouped(&value.to_string())
}

/// A count with its noun: "1 row", "12 rows".
pub(super) fn counted(value: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && whole.len() > 4 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_well() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.021_349, "0.02135"),
            (0.000_012_34, "1.234e-5"),
            (1797.0, "1797"),
            (60_000.0, "60,000"),
            (1_234_567.0, "1,234,567"),
            (99.95, "99.95"),
            (2.0e12, "2e12"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "minus infinite"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(12_000, "row"), "12,000 rows");
    }
}
