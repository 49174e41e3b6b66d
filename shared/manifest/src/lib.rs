//! The manifest: what a user writes, checked as a whole.
//!
//! [`parse`] guarantees: every error of a file is reported at once, each with its place, a stable code, the offending
//! text and a fix; time and memory are bounded whatever the bytes are; a [`Manifest`] that comes out is complete (all
//! defaults filled in) and breaks no rule. The same types give the JSON schema ([`schema`]) and [`explain`].

mod formats;
mod parse;
mod problem;
mod render;
mod rules;
mod schema;
mod secret;
mod shape;
mod tree;
mod types;

pub use parse::{Checked, parse};
pub use problem::{Problem, Problems, Severity};
pub use render::render;
pub use schema::{Explanation, explain, schema};
pub use types::*;
