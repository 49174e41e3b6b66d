//! Contracts between Rust, ASL, SAM and IAM, and end-to-end runs.
