//! The only place that prints.
//!
//! What a command was asked for goes to the standard output; everything said about it goes to the standard error.
//! Account ids are masked in all text for people; JSON carries them whole. Colors are off for what is no terminal and
//! under `NO_COLOR`. A reader that went away (`landfall list | head`) is no error.

use std::io::{IsTerminal, Write};

use domain::mask_accounts;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::failure::render;
use crate::output::paint::{Paint, Tone};

/// Prints for people and for programs.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    color: bool,
}

impl Printer {
    /// A printer for this process's terminal or pipes.
    pub fn of_process() -> Self {
        Self { color: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// How to paint what is given to [`Self::result`].
    pub fn paint(self) -> Paint {
        Paint { color: self.color && std::io::stdout().is_terminal() }
    }

    /// How to paint what is given to [`Self::note`].
    pub fn note_paint(self) -> Paint {
        Paint { color: self.color && std::io::stderr().is_terminal() }
    }

    /// Whether a person watches: only then is there live progress.
    pub fn is_terminal(self) -> bool {
        std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }

    /// What was asked for, for people.
    pub fn result(self, text: &str) {
        write(std::io::stdout().lock(), &mask_accounts(text));
    }

    /// What was asked for, for people and with nothing masked: a file that is written to the standard output.
    pub fn raw(self, text: &str) {
        write(std::io::stdout().lock(), text);
    }

    /// What was asked for, for programs.
    pub fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new("The answer could not be written as JSON").caused_by(&error))?;
        write(std::io::stdout().lock(), &format!("{text}\n"));
        Ok(())
    }

    /// Something about what is done.
    pub fn note(self, text: &str) {
        write(std::io::stderr().lock(), &mask_accounts(&format!("{}\n", text.trim_end_matches('\n'))));
    }

    /// Something to look at that stops nothing.
    pub fn warn(self, text: &str) {
        self.note(&format!("{} {text}", self.note_paint().paint(Tone::Busy, "warning:")));
    }

    /// What to do next.
    pub fn hint(self, text: &str) {
        self.note(&format!("{} {text}", self.note_paint().paint(Tone::Hint, "hint:")));
    }

    /// Why nothing more is done.
    pub fn failure(self, failure: &Failure) {
        self.note(&render(self.note_paint(), failure));
    }

    /// A question without a line end; the answer is typed behind it.
    pub fn ask(self, question: &str) {
        write(std::io::stderr().lock(), question);
    }

    /// A few lines at the foot of the terminal that change in place, while [`Live::note`] prints above them. Nothing
    /// is shown where nobody watches.
    pub fn live(self) -> Live {
        let target = if self.is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Live { bar, printer: self }
    }
}

/// Lines that change in place.
pub struct Live {
    bar: ProgressBar,
    printer: Printer,
}

impl Live {
    /// Shows these lines instead of the ones before.
    pub fn show(&self, lines: &str) {
        self.bar.set_message(mask_accounts(lines.trim_end_matches('\n')));
        self.bar.tick();
    }

    /// Prints above the lines, for good.
    pub fn note(&self, text: &str) {
        self.bar.suspend(|| self.printer.note(text));
    }

    /// Leaves the lines as they are, with room below for the `^C` of the terminal.
    pub fn leave(&self) {
        if !self.bar.is_hidden() {
            // A bar that is ended otherwise draws once more, beside where it was.
            self.bar.set_draw_target(ProgressDrawTarget::hidden());
            self.printer.note("");
        }
    }

    /// Takes the lines away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn write(mut to: impl Write, text: &str) {
    // Nobody is left to hear of it when this fails.
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
