//! JSON logs, one object a line. Account ids are masked from level info on; debug logs show them.

use std::io::{self, Write};

use domain::mask_accounts;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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
        .finish()
        // A fault is logged by `runtime`, in words; the runtime's own crate would repeat it as a Rust value.
        .with(Targets::new().with_default(level).with_target("lambda_runtime::layers::panic", LevelFilter::OFF))
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
