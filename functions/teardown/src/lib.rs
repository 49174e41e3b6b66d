//! Sweep and proof.
