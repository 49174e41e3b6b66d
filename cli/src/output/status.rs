//! `landfall status`: the platform, its last run, and every resource by component. The same view, drawn again and
//! again, is the live progress of a run.

use domain::{Component, Record, ResourceId, State};
use jiff::{SignedDuration, Timestamp};
use ledger::Machine;
use plan::Plan;
use serde::Serialize;

use super::cluster::{ClusterView, cluster};
use super::follow::next;
use super::paint::{Paint, Tone, of_state};
use super::platform::{PlatformView, head};
use super::run::{Expected, PhaseView, RunView, failure, machine, tone, word};
use super::table::{Cell, lines};
use super::time::{Clock, exact};

/// A platform as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusView {
    /// The platform.
    pub platform: PlatformView,
    /// The run under way, or else the last one.
    pub run: Option<RunView>,
    /// How long such a run usually takes.
    pub expected: Expected,
    /// The cluster; null if the platform has none.
    pub cluster: Option<ClusterView>,
    /// The components in the order in which they are built.
    pub components: Vec<ComponentView>,
}

/// A component and its resources.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentView {
    /// Its name.
    pub name: String,
    /// How many of its resources are as they should be.
    pub ready: usize,
    /// How many there are, or should be.
    pub total: usize,
    /// Each of them.
    pub resources: Vec<ResourceView>,
}

/// One generation of one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceView {
    /// `component/name`.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Which making of it; 0 before there was one.
    pub generation: u32,
    /// `planned`, `creating`, `ready`, `updating`, `retiring`, `deleting`, `failed` or `gone`.
    pub state: String,
    /// By what AWS finds it.
    pub locator: Option<String>,
    /// Since when it has been in this state; null where nothing is going on.
    pub since: Option<Timestamp>,
    /// What it waits for, or why it failed.
    pub reason: Option<String>,
}

/// The components, from the records and from what the plan adds to them.
pub fn components(plan: Option<&Plan>, records: &[Record]) -> Vec<ComponentView> {
    Component::ALL.iter().filter_map(|component| component_view(*component, plan, records)).collect()
}

fn component_view(component: Component, plan: Option<&Plan>, records: &[Record]) -> Option<ComponentView> {
    let of_component = |id: &ResourceId| id.component() == component;
    let known = records.iter().filter(|record| of_component(&record.id)).map(resource_view);
    let missing = plan
        .into_iter()
        .flat_map(|plan| &plan.resources)
        .filter(|(id, _)| of_component(id) && !records.iter().any(|record| record.id == **id))
        .map(|(id, desired)| planned_view(id, desired.kind.as_str()));
    let mut resources: Vec<ResourceView> = known.chain(missing).collect();
    resources.sort_by(|a, b| (&a.id, a.generation).cmp(&(&b.id, b.generation)));
    let ready = resources.iter().filter(|resource| resource.state == "ready").count();
    let total = resources.len();
    (total > 0).then(|| ComponentView { name: component.to_string(), ready, total, resources })
}

/// One record.
pub fn resource_view(record: &Record) -> ResourceView {
    let (since, reason) = match &record.state {
        State::Creating(claim) | State::Unknown(claim) => (Some(claim.at), None),
        State::Pending(operation)
        | State::Updating(operation)
        | State::Retiring(operation)
        | State::Deleting(operation)
        | State::Failed(operation) => (Some(operation.since), operation.reason.clone()),
        State::Ready | State::Gone => (None, None),
    };
    ResourceView {
        id: record.id.to_string(),
        kind: record.kind.to_string(),
        generation: record.generation.0,
        state: record.state.word().to_owned(),
        locator: record.locator.as_ref().map(ToString::to_string),
        since,
        reason,
    }
}

fn planned_view(id: &ResourceId, kind: &str) -> ResourceView {
    ResourceView {
        id: id.to_string(),
        kind: kind.to_owned(),
        generation: 0,
        state: "planned".to_owned(),
        locator: None,
        since: None,
        reason: None,
    }
}

/// Everything.
pub fn status(paint: Paint, clock: &Clock, view: &StatusView) -> String {
    let mut text = summary(paint, clock, view);
    for component in &view.components {
        let count = format!("{} of {} ready", component.ready, component.total);
        text.push_str(&format!("\n{}  {count}\n", paint.paint(Tone::Strong, &component.name)));
        text.push_str(&resources(paint, clock, &component.resources));
    }
    text
}

/// Everything but the resources.
pub fn summary(paint: Paint, clock: &Clock, view: &StatusView) -> String {
    let mut text = head(paint, clock, &view.platform);
    text.push_str(&view.cluster.as_ref().map(|view| cluster(paint, view)).unwrap_or_default());
    if let Some(run) = &view.run {
        text.push('\n');
        text.push_str(&run_lines(paint, clock, run, view));
        if let Some(hint) = next(view, run) {
            text.push_str(&format!("{} {hint}\n", paint.paint(Tone::Hint, "hint:")));
        }
        if run.diagnostics.is_some() {
            let command = format!("landfall diagnostics {} --run {}", view.platform.name, run.id);
            text.push_str(&format!("{} what it knew is kept: `{command}`\n", paint.paint(Tone::Hint, "hint:")));
        }
    }
    text
}

/// What changes while a run is followed: the run and what is going on, in at most `height` lines.
pub fn progress(paint: Paint, clock: &Clock, view: &StatusView, height: usize) -> String {
    let Some(run) = &view.run else { return String::new() };
    let mut text = run_lines(paint, clock, run, view);
    let busy: Vec<ResourceView> = view
        .components
        .iter()
        .flat_map(|component| &component.resources)
        .filter(|resource| !matches!(resource.state.as_str(), "ready" | "planned" | "gone"))
        .cloned()
        .collect();
    let room = height.saturating_sub(text.lines().count() + 1).max(1);
    text.push_str(&resources(paint, clock, &busy[..busy.len().min(room)]));
    if busy.len() > room {
        text.push_str(&format!("  … and {} more\n", busy.len() - room));
    }
    text
}

fn run_lines(paint: Paint, clock: &Clock, run: &RunView, view: &StatusView) -> String {
    let mut text = format!("{} {} ", paint.paint(Tone::Strong, machine(run)), run.id);
    let word = if run.restored { "failed" } else { word(run) };
    text.push_str(&paint.paint(tone(run), word));
    let elapsed = exact(run.elapsed(clock));
    text.push_str(&match (run.ended, view.expected.seconds) {
        (None, Some(expected)) => format!(", {elapsed} of about {}", seconds(expected)),
        (None, None) => format!(", {elapsed}"),
        (Some(ended), _) if run.restored => format!(" after {elapsed} and was undone, {}", clock.ago(ended)),
        (Some(ended), _) => format!(" after {elapsed}, {}", clock.ago(ended)),
    });
    text.push_str(&counts(run, view));
    text.push('\n');
    if let Some(approval) = &run.approval {
        text.push_str(&format!("  approved by {}\n", approval.by));
    }
    text.push_str(&phases(paint, clock, run, view));
    if let Some(reason) = &run.failure {
        text.push_str(&failure(paint, reason));
    }
    text
}

/// ` · 12 of 23 resources ready`, or how many are left when they are taken away.
fn counts(run: &RunView, view: &StatusView) -> String {
    let sum = |of: fn(&ComponentView) -> usize| view.components.iter().map(of).sum::<usize>();
    let (ready, total) = (sum(|component| component.ready), sum(|component| component.total));
    match (run.ended, run.machine) {
        (Some(_), _) => String::new(),
        (None, Machine::Deploy) => format!(" · {ready} of {total} resources ready"),
        (None, Machine::Teardown) => format!(" · {total} resources left"),
    }
}

fn phases(paint: Paint, clock: &Clock, run: &RunView, view: &StatusView) -> String {
    let begun = run.phases.iter().map(|phase| {
        let usual = usually(view.expected.phases.get(&phase.name));
        let sign = match (phase.ended, run.ended) {
            (Some(_), _) => Cell::new(Tone::Good, "✓"),
            (None, None) => Cell::new(Tone::Busy, "▸"),
            (None, Some(_)) => Cell::new(Tone::Bad, "✗"),
        };
        [sign, Cell::from(&phase.name), Cell::from(took(clock, phase, run)), Cell::new(Tone::Quiet, usual)]
    });
    lines(paint, "  ", begun)
}

fn took(clock: &Clock, phase: &PhaseView, run: &RunView) -> String {
    let ended = PhaseView { ended: phase.ended.or(run.ended), ..phase.clone() };
    exact(ended.elapsed(clock))
}

fn seconds(seconds: i64) -> String {
    exact(SignedDuration::from_secs(seconds))
}

fn usually(usual: Option<&i64>) -> String {
    usual.map(|usual| format!("usually {}", seconds(*usual))).unwrap_or_default()
}

fn resources(paint: Paint, clock: &Clock, resources: &[ResourceView]) -> String {
    let rows = resources.iter().map(|resource| {
        let elapsed = resource.since.map(|since| exact(clock.since(since))).unwrap_or_default();
        [
            Cell::from(with_generation(&resource.id, resource.generation)),
            Cell::new(Tone::Quiet, &resource.kind),
            Cell::new(of_state(&resource.state), &resource.state),
            Cell::from(elapsed),
            Cell::from(resource.locator.clone().unwrap_or_default()),
            Cell::from(resource.reason.clone().unwrap_or_default()),
        ]
    });
    lines(paint, "  ", rows)
}

/// `network/vpc`, and `network/vpc#2` once it was replaced.
pub fn with_generation(id: &str, generation: u32) -> String {
    if generation > 1 { format!("{id}#{generation}") } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use domain::RunId;
    use ledger::Ledger;

    use super::*;
    use crate::{fixtures, look};

    async fn view((ledger, run): (Ledger, RunId), plan: Option<&Plan>) -> StatusView {
        let platform = ledger.platform(&fixtures::name()).await.unwrap().unwrap();
        look::status(&ledger, &platform, Some(run), plan, None, &fixtures::clock()).await.unwrap()
    }

    #[tokio::test]
    async fn a_deploy_is_under_way() {
        let view = view(fixtures::under_way().await, Some(&fixtures::wanted())).await;
        insta::assert_snapshot!(status(Paint::PLAIN, &fixtures::clock(), &view));
    }

    #[tokio::test]
    async fn a_deploy_failed_and_was_undone() {
        let view = view(fixtures::failed(true).await, None).await;
        insta::assert_snapshot!(status(Paint::PLAIN, &fixtures::clock(), &view));
    }

    #[tokio::test]
    async fn progress_fits_a_small_screen() {
        let view = view(fixtures::under_way().await, Some(&fixtures::wanted())).await;
        let whole = progress(Paint::PLAIN, &fixtures::clock(), &view, 24);
        insta::assert_snapshot!(whole);
        let cut = progress(Paint::PLAIN, &fixtures::clock(), &view, 5);
        assert!(cut.ends_with("  … and 1 more\n") && cut.lines().count() == 5, "{cut}");
    }

    #[tokio::test]
    async fn progress_of_a_teardown() {
        let view = view(fixtures::tearing_down().await, None).await;
        insta::assert_snapshot!(progress(Paint::PLAIN, &fixtures::clock(), &view, 24));
    }
}
