//! Colors, and the few words that always have the same one. Everything reads the same without them.

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Done, ready, made.
    Good,
    /// Under way, changed, to be looked at.
    Busy,
    /// Failed, deleted.
    Bad,
    /// A hint, a path, a name that matters.
    Hint,
    /// A heading.
    Strong,
    /// Less important than what stands beside it.
    Quiet,
}

/// Paints or does not.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    /// Whether colors are wanted.
    pub color: bool,
}

impl Paint {
    /// Paints nothing.
    #[cfg(test)]
    pub const PLAIN: Self = Self { color: false };

    /// `text` in the color of `tone`.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Busy => "33",
            Tone::Bad => "31",
            Tone::Hint => "36",
            Tone::Strong => "1",
            Tone::Quiet => "2",
        };
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The tone of the word for a resource's state.
pub fn of_state(word: &str) -> Tone {
    match word {
        "ready" => Tone::Good,
        "failed" => Tone::Bad,
        "planned" | "gone" => Tone::Quiet,
        _ => Tone::Busy,
    }
}
