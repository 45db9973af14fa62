//! Manifold learning: codes from the graph of nearest neighbours, three kinds of one shape.
//!
//! Every row is joined to its nearest rows; the codes are eigenvectors of a matrix made from that graph.
//!
//! - Isomap (Tenenbaum, de Silva & Langford 2000): distances along the graph, then classical scaling of them; with
//!   landmarks (de Silva & Tenenbaum 2003) where all distances would be too many.
//! - Laplacian eigenmaps (Belkin & Niyogi 2003): `min Σ_ij w_ij ‖h_i − h_j‖²`, neighbours stay near.
//! - Locally linear embedding (Roweis & Saul 2000): `min Σ_i ‖h_i − Σ_j w_ij h_j‖²`, where the weights `w` rebuild each
//!   row from its neighbours.
//!
//! There is no decoder. New rows are placed among the fitted ones: by their distances to the landmarks (Isomap), or
//! by the weights that rebuild them from their neighbours.

mod config;
mod fitted;
mod geodesic;
mod graph;
mod spectral;
mod weights;

#[cfg(test)]
mod tests;

pub use config::{GraphEmbeddingConfig, Method};
pub use fitted::GraphEmbedding;
