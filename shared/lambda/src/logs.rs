//! JSON logs, one object a line. Account ids are masked from level info on; debug logs show them.

use std::io::{self, Write};

use domain::mask_accounts;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Begins to log. `level` is what Lambda's logging controls ask for; without it, info.
pub(crate) fn start(level: Option<&str>) {
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let begun = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_max_level(level)
        .with_writer(Masked)
        .try_init();
    if begun.is_err() {
        tracing::debug!("logs had begun before");
    }
}

/// Writes to the standard output, which Lambda keeps.
struct Masked;

struct Line {
    mask: bool,
}

impl<'a> MakeWriter<'a> for Masked {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { mask: true }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line { mask: *meta.level() <= Level::INFO }
    }
}

impl Write for Line {
    /// Takes a whole line: that is how the subscriber writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = if self.mask { mask_accounts(&text) } else { text.into_owned() };
        io::stdout().write_all(text.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}
