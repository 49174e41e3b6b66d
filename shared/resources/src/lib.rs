//! What the kinds of all components share, and the kinds that several components own.
//!
//! - [`seen`] makes one observation of what AWS lists, by the rules that hold for every kind.
//! - [`answered`], [`finished`] and [`tag_change`] are what every create and update needs.
//! - [`LogGroup`] and [`Role`] are kinds: one file each, with the create beside the delete.

mod calls;
mod log_group;
mod role;
pub mod seen;

pub use calls::{answered, finished, tag_change};
pub use log_group::LogGroup;
pub use role::Role;
