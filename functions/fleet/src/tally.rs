//! One act on each of many, several at a time; trouble with one is kept until all have had their turn.

use domain::{Fault, PlatformName};
use futures::StreamExt;
use futures::stream;
use tokio::time::Instant;

/// How many are acted on at a time.
const ABREAST: usize = 8;

/// How many failures a message names.
const NAMED: usize = 5;

/// How a round went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many acts had an effect.
    pub(crate) done: usize,
    /// How many were acted on.
    of: usize,
    failed: Vec<(PlatformName, Fault)>,
}

impl Tally {
    /// Acts on each item, whose platform is `name`. None is begun after the deadline.
    pub(crate) async fn of<T, F>(items: &[T], deadline: Instant, name: impl Fn(&T) -> &PlatformName, act: F) -> Self
    where
        F: AsyncFn(&T) -> Result<bool, Fault>,
    {
        let (name, act) = (&name, &act);
        let turns = stream::iter(items).map(|item| async move {
            if Instant::now() >= deadline {
                tracing::warn!(platform = %name(item), "no time is left for this platform: the next tick looks at it");
                return None;
            }
            Some((name(item), act(item).await))
        });
        let answers: Vec<_> = turns.buffer_unordered(ABREAST).filter_map(async |answer| answer).collect().await;
        let mut tally = Self { of: answers.len(), ..Self::default() };
        for (platform, answer) in answers {
            match answer {
                Ok(true) => tally.done += 1,
                Ok(false) => {}
                Err(fault) => {
                    tracing::error!(%platform, fault = %fault.name, "{fault}");
                    tally.failed.push((platform.clone(), fault));
                }
            }
        }
        tally
    }

    /// Both rounds together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.done += other.done;
        self.of += other.of;
        self.failed.extend(other.failed);
        self
    }

    /// None if all went well; else a fault of the first name that names the failures.
    pub(crate) fn fault(self) -> Option<Fault> {
        let (_, first) = self.failed.first()?;
        let mut shown: Vec<String> =
            self.failed.iter().take(NAMED).map(|(platform, fault)| format!("{platform}: {fault}")).collect();
        if self.failed.len() > NAMED {
            shown.push(format!("and {} more", self.failed.len() - NAMED));
        }
        let message = format!("{} of {} went wrong. {}", self.failed.len(), self.of, shown.join("; "));
        Some(Fault::new(first.name, message))
    }
}
