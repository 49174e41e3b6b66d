//! Plans of whole platforms, what holds for every plan, and what a change of a plan changes.

#![allow(clippy::unwrap_used, reason = "a test says what must hold by unwrapping it")]

mod changes;
mod classify;
mod clusters;
mod plans;
mod properties;
mod support;
