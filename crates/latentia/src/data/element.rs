//! Element types of arrays.

/// Kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Unsigned,
    Signed,
    Float,
}

/// Kind, size and byte order of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element {
    kind: Kind,
    size: usize,
    big: bool,
}

/// Reads each element of a slice as `$type` in the byte order given.
macro_rules! each {
    ($type:ty, $big:expr, $bytes:expr, $take:expr) => {{
        const N: usize = size_of::<$type>();
        let (chunks, _) = $bytes.as_chunks::<N>();
        if $big {
            chunks.iter().for_each(|c| $take(<$type>::from_be_bytes(*c)))
        } else {
            chunks.iter().for_each(|c| $take(<$type>::from_le_bytes(*c)))
        }
    }};
}

impl Element {
    /// Unsigned bytes.
    pub(crate) const BYTE: Self = Self { kind: Kind::Unsigned, size: 1, big: false };

    /// None when there is no such type.
    pub(crate) fn new(kind: Kind, size: usize, big: bool) -> Option<Self> {
        let known = match kind {
            Kind::Bool => size == 1,
            Kind::Unsigned | Kind::Signed => matches!(size, 1 | 2 | 4 | 8),
            Kind::Float => matches!(size, 2 | 4 | 8),
        };
        known.then_some(Self { kind, size, big })
    }

    /// Bytes of one element.
    pub(crate) fn size(self) -> usize {
        self.size
    }

    /// Whether elements are unsigned bytes, as pixels are.
    pub(crate) fn is_byte(self) -> bool {
        self.kind == Kind::Unsigned && self.size == 1
    }

    /// Appends the elements as numbers.
    pub(crate) fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        out.reserve(bytes.len() / self.size);
        match (self.kind, self.size) {
            (Kind::Bool, _) => out.extend(bytes.iter().map(|&b| f32::from(u8::from(b != 0)))),
            (Kind::Unsigned, 1) => out.extend(bytes.iter().map(|&b| f32::from(b))),
            (Kind::Signed, 1) => out.extend(bytes.iter().map(|&b| f32::from(b as i8))),
            (Kind::Unsigned, 2) => each!(u16, self.big, bytes, |v| out.push(f32::from(v))),
            (Kind::Signed, 2) => each!(i16, self.big, bytes, |v| out.push(f32::from(v))),
            (Kind::Unsigned, 4) => each!(u32, self.big, bytes, |v| out.push(v as f32)),
            (Kind::Signed, 4) => each!(i32, self.big, bytes, |v| out.push(v as f32)),
            (Kind::Unsigned, _) => each!(u64, self.big, bytes, |v| out.push(v as f32)),
            (Kind::Signed, _) => each!(i64, self.big, bytes, |v| out.push(v as f32)),
            (Kind::Float, 2) => each!(u16, self.big, bytes, |v| out.push(half(v))),
            (Kind::Float, 4) => each!(f32, self.big, bytes, |v| out.push(v)),
            (Kind::Float, _) => each!(f64, self.big, bytes, |v| out.push(v as f32)),
        }
    }

    /// One element in double precision.
    pub(crate) fn value(self, bytes: &[u8]) -> f64 {
        let mut value = f64::NAN;
        match (self.kind, self.size) {
            (Kind::Unsigned, 8) => each!(u64, self.big, bytes, |v| value = v as f64),
            (Kind::Signed, 8) => each!(i64, self.big, bytes, |v| value = v as f64),
            (Kind::Unsigned, 4) => each!(u32, self.big, bytes, |v| value = f64::from(v)),
            (Kind::Signed, 4) => each!(i32, self.big, bytes, |v| value = f64::from(v)),
            (Kind::Float, 8) => each!(f64, self.big, bytes, |v| value = v),
            _ => {
                let mut out = Vec::with_capacity(1);
                self.decode(bytes, &mut out);
                value = out.first().map_or(f64::NAN, |&v| f64::from(v));
            }
        }
        value
    }

    /// One element as the name of a row or a class; 64-bit numbers keep all their digits.
    pub(crate) fn name(self, bytes: &[u8]) -> Option<String> {
        let mut name = None;
        match (self.kind, self.size) {
            (Kind::Unsigned, 8) => each!(u64, self.big, bytes, |v: u64| name = Some(v.to_string())),
            (Kind::Signed, 8) => each!(i64, self.big, bytes, |v: i64| name = Some(v.to_string())),
            _ => name = super::text::name(self.value(bytes)),
        }
        name
    }
}

/// A half-precision number (IEEE 754 binary16): 1 sign, 5 exponent and 10 fraction bits.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_exact() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2f32.powi(-24)),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
