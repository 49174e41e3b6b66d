//! What a command says when it cannot do what was asked: a sentence, the causes below it, and the next command.

use std::error::Error;

/// How the process ends. Documented in `docs/reference/cli.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// The command or the run failed.
    Failed = 1,
    /// `plan --exit-code` found changes, or `orphans` found some.
    Found = 2,
    /// The command line was not understood. Not clap's 2, which a script would take for changes.
    Usage = 64,
    /// Ctrl-C while a run was followed. The run goes on.
    Interrupted = 130,
}

/// Why a command could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A sentence, without a period.
    pub message: String,
    /// What lies below it, outermost first, one layer each.
    pub causes: Vec<String>,
    /// What to do next, each a sentence or a command.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// The same, caused by `error` and everything below that. A layer that only repeats the one above is left out.
    pub fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut layer = Some(error);
        while let Some(current) = layer {
            let text = current.to_string();
            if !self.causes.last().is_some_and(|last| last.contains(&text)) {
                self.causes.push(text);
            }
            layer = current.source();
        }
        self
    }

    /// The same, with what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_layer_stands_once() {
        let failure = Failure::new("It failed").caused_by(&Outer(std::io::Error::other("inner")));
        assert_eq!(failure.causes, ["outer", "inner"]);
    }
}
