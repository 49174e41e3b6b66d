//! `landfall diagnostics`: what a run knew when it failed.

use ledger::{Diagnostics, NotedFault};

use super::paint::{Paint, Tone, of_state};
use super::run::failure;
use super::status::{resource_view, with_generation};
use super::table::{Cell, lines};
use super::time::Clock;

/// Why it failed, what its calls failed of with AWS's own codes and ids, and what was not ready.
pub fn diagnostics(paint: Paint, clock: &Clock, found: &Diagnostics) -> String {
    let run = &found.run;
    let title = format!("{}, run {}", found.platform, run.id);
    let mut text = format!("{}  {}\n", paint.paint(Tone::Strong, &title), clock.date(found.at));
    text.push_str(&failure(paint, &found.failure));
    if !found.faults.is_empty() {
        text.push_str(&format!("\n{}\n", paint.paint(Tone::Strong, "what failed")));
        text.extend(found.faults.iter().map(|noted| fault(paint, clock, noted)));
    }
    if !found.open.is_empty() {
        text.push_str(&format!("\n{}\n", paint.paint(Tone::Strong, "what was not ready")));
        let rows = found.open.iter().map(resource_view).map(|resource| {
            [
                Cell::from(with_generation(&resource.id, resource.generation)),
                Cell::new(of_state(&resource.state), &resource.state),
                Cell::from(resource.locator.unwrap_or_default()),
                Cell::from(resource.reason.unwrap_or_default()),
            ]
        });
        text.push_str(&lines(paint, "  ", rows));
    }
    let (name, id, count) = (&found.platform, run.id, found.events.len());
    text.push_str(&format!("\n{count} steps came before: `landfall events {name} --run {id}`\n"));
    text
}

fn fault(paint: Paint, clock: &Clock, noted: &NotedFault) -> String {
    let NotedFault { at, fault } = noted;
    let about = fault.resource.as_ref().map(|resource| format!("{resource}: ")).unwrap_or_default();
    let name = paint.paint(Tone::Bad, fault.name.as_str());
    let mut text = format!("  {}  {name}  {about}{}\n", clock.time_of_day(*at), fault.message);
    if let Some(answer) = &fault.answer {
        let code = answer.code.as_deref().unwrap_or("no answer");
        let request = answer.request.as_ref().map(|request| format!(", request {request}")).unwrap_or_default();
        text.push_str(&format!("            {}: {code}{request}\n", answer.action));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[tokio::test]
    async fn of_a_run_that_aws_refused_something() {
        let found = fixtures::diagnostics().await;
        insta::assert_snapshot!(diagnostics(Paint::PLAIN, &fixtures::clock(), &found));
    }
}
