//! Latentia learns compact codes of data.
#![forbid(unsafe_code)]

pub mod data;
mod error;
pub mod report;

pub use error::{DataError, Error, Result};
