//! What can keep a sandbox from coming up.

use std::path::PathBuf;

/// A sandbox that did not come up, or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder of the sandbox could not be used.
    #[error("cannot use {path}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program that the sandbox needs could not be started.
    #[error("cannot start `{program}`; is it installed?")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program that the sandbox needs failed.
    #[error("`{program}` failed:\n{output}")]
    Program {
        /// The program.
        program: String,
        /// The end of what it printed.
        output: String,
    },
    /// MiniStack ended or did not answer in time.
    #[error("MiniStack did not come up; the end of {log}:\n{tail}")]
    MiniStack {
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The program that serves Kubernetes cannot be built here.
    #[error(
        "the sandbox's Kubernetes needs Go {needed} or newer on the PATH: install it from https://go.dev/dl/ ({found})"
    )]
    Go {
        /// The oldest version that will do.
        needed: String,
        /// What there is instead.
        found: String,
    },
    /// A control plane ended or was not ready in time.
    #[error("Kubernetes did not come up; the end of {log}:\n{tail}")]
    Kubernetes {
        /// Its log.
        log: PathBuf,
        /// The end of the log.
        tail: String,
    },
    /// The installation's stack could not be created.
    #[error("the stack was not created:\n{0}")]
    Stack(String),
    /// A call to the sandbox itself failed.
    #[error("{doing} failed")]
    Aws {
        /// What was asked.
        doing: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The gateway could not listen or reach MiniStack.
    #[error("the gateway did not start")]
    Gateway(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    pub(crate) fn aws<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        doing: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Aws { doing, source: source.into() }
    }
}
