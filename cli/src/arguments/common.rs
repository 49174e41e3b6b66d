//! What several commands ask for in the same way.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use domain::PlatformName;

/// A command about one platform.
#[derive(Debug, Args)]
pub struct Named {
    /// The name of the platform
    pub name: PlatformName,
}

/// A command that reads about one platform.
#[derive(Debug, Args)]
pub struct OfPlatform {
    /// The name of the platform
    pub name: PlatformName,
    /// The form of the output.
    #[command(flatten)]
    pub reading: Reading,
}

/// Which manifest.
#[derive(Debug, Args)]
pub struct FromFile {
    /// The manifest; `-` reads it from the standard input
    #[arg(long, short)]
    pub file: PathBuf,
}

/// Whether to wait for the end of a run.
#[derive(Debug, Clone, Copy, Args)]
pub struct Waiting {
    /// Wait for the end of the run; on a terminal this is so anyway
    #[arg(long, conflicts_with = "no_wait")]
    pub wait: bool,

    /// Print the id of the run and leave it alone
    #[arg(long)]
    pub no_wait: bool,
}

/// The form of what is read.
#[derive(Debug, Clone, Copy, Args)]
pub struct Reading {
    /// The form of the output
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Form,
}

/// For whom the output is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people; account ids are masked
    #[default]
    Text,
    /// For programs; the shapes are stable
    Json,
}
