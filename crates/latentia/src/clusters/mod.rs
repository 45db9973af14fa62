//! Clusters: groups of rows that are near each other.

pub mod k_means;
mod k_means_model;

pub(crate) use k_means_model::load as load_k_means;
