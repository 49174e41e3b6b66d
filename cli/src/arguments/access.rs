//! What the commands take by which people reach a platform's cluster.

use std::path::PathBuf;

use clap::Args;
use domain::{PlatformName, Region};

/// `landfall kubeconfig`
#[derive(Debug, Args)]
pub struct Kubeconfig {
    /// The name of the platform
    pub name: PlatformName,

    /// The file to add it to; `-` prints it. Without it, what `KUBECONFIG` names, or else `~/.kube/config`
    #[arg(long, short)]
    pub file: Option<PathBuf>,
}

/// `landfall shell`
#[derive(Debug, Args)]
pub struct Shell {
    /// The name of the platform
    pub name: PlatformName,

    /// The role to take on for it, of those that the manifest gives access
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,
}

/// `landfall token`
#[derive(Debug, Args)]
pub struct Token {
    /// The name of the platform
    pub name: PlatformName,

    /// The platform's region; without it, the installation is asked for it
    #[arg(long = "in", value_name = "REGION")]
    pub place: Option<Region>,
}
