//! The `latentia` program.
#![forbid(unsafe_code)]
fn main() {}
