//! `landfall events`: what a run did, step by step.

use jiff::Timestamp;
use ledger::RunEvent;
use serde::Serialize;

use super::paint::{Paint, Tone, of_state};
use super::status::with_generation;
use super::table::{Cell, lines};
use super::time::Clock;

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// When.
    pub at: Timestamp,
    /// The resource: `component/name`.
    pub resource: String,
    /// Which making of it.
    pub generation: u32,
    /// Its type.
    pub kind: Option<String>,
    /// The state that it came to, in a word of `status`.
    pub state: String,
    /// By what AWS finds it.
    pub locator: Option<String>,
    /// What it waits for, or why it failed.
    pub reason: Option<String>,
}

impl EventView {
    fn new(event: &RunEvent) -> Self {
        Self {
            at: event.at,
            resource: event.resource.to_string(),
            generation: event.generation.0,
            kind: event.kind.map(|kind| kind.to_string()),
            state: event.state.clone(),
            locator: event.locator.as_ref().map(ToString::to_string),
            reason: event.reason.clone(),
        }
    }
}

/// What happened in a run, the oldest first; what happened at once, by resource.
pub fn views(events: &[RunEvent]) -> Vec<EventView> {
    let mut views: Vec<EventView> = events.iter().map(EventView::new).collect();
    views.sort_by(|a, b| (a.at, &a.resource, a.generation).cmp(&(b.at, &b.resource, b.generation)));
    views
}

/// A line an event.
pub fn events(paint: Paint, clock: &Clock, events: &[EventView]) -> String {
    lines(paint, "", events.iter().map(|event| row(clock, event)))
}

fn row(clock: &Clock, event: &EventView) -> [Cell; 5] {
    [
        Cell::new(Tone::Quiet, clock.time_of_day(event.at)),
        Cell::from(with_generation(&event.resource, event.generation)),
        Cell::new(of_state(&event.state), &event.state),
        Cell::from(event.locator.clone().unwrap_or_default()),
        Cell::from(event.reason.clone().unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[tokio::test]
    async fn the_steps_of_a_run() {
        let (ledger, run) = fixtures::under_way().await;
        let views = views(&ledger.events(run).await.unwrap());
        insta::assert_snapshot!(events(Paint::PLAIN, &fixtures::clock(), &views));
    }
}
