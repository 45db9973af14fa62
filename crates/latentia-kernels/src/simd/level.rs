use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;

/// An instruction set the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust, four lanes at a time: what every processor can run.
    Portable,
    /// 128-bit vectors of 64-bit ARM.
    Neon,
    /// AVX2 with fused multiply-add: 256-bit vectors.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL): 512-bit vectors.
    Avx512,
}

/// Why the level asked for in `LATENTIA_SIMD` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelError {
    /// No level has this name.
    Unknown(String),
    /// This processor does not have the level.
    Unavailable(Level),
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Level::ALL.iter().filter(|l| l.is_available()).map(|l| l.name());
        let names = names.collect::<Vec<_>>().join(", ");
        match self {
            Self::Unknown(found) => write!(f, "LATENTIA_SIMD: found \"{found}\", expected one of {names}"),
            Self::Unavailable(level) => {
                write!(f, "LATENTIA_SIMD: this processor does not have {}, it has {names}", level.name())
            }
        }
    }
}

impl std::error::Error for LevelError {}

impl Level {
    /// Every level, lowest first.
    pub const ALL: [Level; 4] = [Level::Portable, Level::Neon, Level::Avx2, Level::Avx512];

    /// The name `LATENTIA_SIMD` knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Neon => "neon",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            Level::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && Level::Avx2.is_available()
            }
            #[cfg(all(target_arch = "aarch64", not(miri)))]
            Level::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            _ => false,
        }
    }

    /// The highest level of this processor.
    pub fn best() -> Level {
        Level::ALL.into_iter().rev().find(|l| l.is_available()).unwrap_or(Level::Portable)
    }

    fn from_request(name: &str) -> Result<Level, LevelError> {
        let level = Level::ALL.into_iter().find(|l| l.name() == name);
        let level = level.ok_or_else(|| LevelError::Unknown(name.to_owned()))?;
        if level.is_available() { Ok(level) } else { Err(LevelError::Unavailable(level)) }
    }
}

/// The level of this process: the best there is, or the one named in the environment variable `LATENTIA_SIMD`, read once.
///
/// # Errors
/// If the variable names no level, or one this processor lacks. [`level`] then uses the best; a program that wants to
/// tell its user calls this first.
pub fn configured() -> Result<Level, LevelError> {
    static CONFIGURED: OnceLock<Result<Level, LevelError>> = OnceLock::new();
    CONFIGURED
        .get_or_init(|| match std::env::var_os("LATENTIA_SIMD") {
            Some(name) => Level::from_request(&name.to_string_lossy()),
            None => Ok(Level::best()),
        })
        .clone()
}

thread_local! {
    static OVERRIDE: Cell<Option<Level>> = const { Cell::new(None) };
}

/// The level kernels called from this thread run at.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    OVERRIDE.get().unwrap_or_else(|| *LEVEL.get_or_init(|| configured().unwrap_or_else(|_| Level::best())))
}

/// Runs `f` with every kernel called from this thread at `level`: to compare levels with each other.
///
/// # Panics
/// If this processor does not have the level.
pub fn with_level<R>(level: Level, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Level>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OVERRIDE.set(self.0);
        }
    }
    assert!(level.is_available(), "this processor does not have {}", level.name());
    let _restore = Restore(OVERRIDE.replace(Some(level)));
    f()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_level_or_says_what_there_is() {
        assert_eq!(Level::from_request("portable"), Ok(Level::Portable));
        let error = Level::from_request("sse9").unwrap_err();
        assert!(error.to_string().contains("found \"sse9\", expected one of portable"), "{error}");
        let missing =
            Level::ALL.into_iter().find(|l| !l.is_available()).expect("no processor has all levels");
        let error = Level::from_request(missing.name()).unwrap_err();
        assert_eq!(error, LevelError::Unavailable(missing));
    }

    #[test]
    fn an_override_ends_with_its_scope() {
        let before = level();
        with_level(Level::Portable, || assert_eq!(level(), Level::Portable));
        assert_eq!(level(), before);
    }
}
