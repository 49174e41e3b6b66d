//! What the Rust code, the state machines, the template, the policies and the sample events promise each other.
//!
//! Nothing is started here: the files are read and held against each other, in milliseconds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken file may end a test")]

mod corpus;
mod dependencies;
mod documents;
mod events;
mod machine;
mod machines;
mod policies;
mod repository;
mod template;
