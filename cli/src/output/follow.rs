//! What is said while a run is followed, and at its end.

use jiff::SignedDuration;
use ledger::{Machine, RunStatus};

use super::paint::{Paint, Tone};
use super::run::{RunView, machine};
use super::status::{ResourceView, StatusView};
use super::time::{Clock, exact};
use crate::failure::Failure;

/// What to do about a run that nobody follows any more.
pub fn goes_on(platform: &str) -> String {
    format!("Follow it again with `landfall status {platform} --watch`, or end it with `landfall cancel {platform}`")
}

/// How a run ended: a sentence, or a failure with what to do next.
pub fn ending(paint: Paint, clock: &Clock, view: &StatusView) -> Result<String, Failure> {
    let name = &view.platform.name;
    let Some(run) = &view.run else {
        return Err(Failure::new(format!("The run of `{name}` is no longer in the ledger")));
    };
    let elapsed = exact(run.elapsed(clock));
    let resources: usize = view.components.iter().map(|component| component.total).sum();
    let done = match (run.status, run.machine) {
        (RunStatus::Succeeded, Machine::Deploy) => {
            format!("`{name}` is as revision {} says: {resources} resources, after {elapsed}", run.revision)
        }
        (RunStatus::Succeeded, Machine::Teardown) => format!("`{name}` is gone, after {elapsed}"),
        // Whoever follows a run that has not ended has a reason to stop.
        (RunStatus::Running, _) => format!("The run {} goes on", run.id),
        (RunStatus::Cancelled, _) => return Err(ended_badly(view, run, "was cancelled")),
        (RunStatus::Failed, _) => return Err(ended_badly(view, run, "failed")),
    };
    Ok(format!("{} {done}", paint.paint(Tone::Good, "✓")))
}

fn ended_badly(view: &StatusView, run: &RunView, how: &str) -> Failure {
    let name = &view.platform.name;
    let mut failure = Failure::new(format!("The {} of `{name}` {how}", machine(run)));
    failure.causes.extend(run.failure.iter().map(|why| format!("{}: {}", why.name, why.message)));
    let remains = match (run.machine, run.restored, view.platform.last_good_plan) {
        (Machine::Deploy, true, 0) => "What it had made is deleted again".to_owned(),
        (Machine::Deploy, true, good) => format!("The platform is back at plan {good}"),
        (Machine::Deploy, false, _) => "What it did stays as it is".to_owned(),
        (Machine::Teardown, _, _) => "What is not deleted yet stays as it is".to_owned(),
    };
    failure.hint(format!("{remains}; `landfall events {name}` shows every step")).hint(again(view, run))
}

/// What to do about the last run, if it did not succeed.
pub fn next(view: &StatusView, run: &RunView) -> Option<String> {
    matches!(run.status, RunStatus::Failed | RunStatus::Cancelled).then(|| again(view, run))
}

fn again(view: &StatusView, run: &RunView) -> String {
    let verb = match run.machine {
        Machine::Deploy => "retry",
        Machine::Teardown => "destroy",
    };
    format!("Once the cause is gone, go on with `landfall {verb} {}`", view.platform.name)
}

/// What happened between two looks at the same platform, a line each; nothing for what is merely under way.
pub fn steps(paint: Paint, clock: &Clock, before: &StatusView, after: &StatusView) -> Vec<String> {
    let gone = all(before).filter(|old| old.generation > 0 && find(after, old).is_none());
    let gone = gone.map(|old| line(paint, clock, Tone::Bad, "-", old, "deleted", old));
    let reached = all(after).filter_map(|new| {
        let old = find(before, new);
        let was = old.map_or("planned", |old| old.state.as_str());
        let old = old.unwrap_or(new);
        match (was, new.state.as_str()) {
            (was, now) if was == now => None,
            ("updating", "ready") => Some(line(paint, clock, Tone::Busy, "~", new, "changed", old)),
            (_, "ready") => Some(line(paint, clock, Tone::Good, "+", new, "created", old)),
            (_, "failed") => Some(line(paint, clock, Tone::Bad, "✗", new, "failed", old)),
            _ => None,
        }
    });
    gone.chain(reached).collect()
}

fn line(
    paint: Paint,
    clock: &Clock,
    tone: Tone,
    sign: &str,
    resource: &ResourceView,
    word: &str,
    before: &ResourceView,
) -> String {
    let took = before.since.map(|since| clock.since(since)).filter(|took| *took >= SignedDuration::from_secs(1));
    let took = took.map(|took| format!(" in {}", exact(took))).unwrap_or_default();
    let reason = resource.reason.as_ref().filter(|_| word == "failed");
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} {} {word}{took}{reason}", paint.paint(tone, sign), resource.id)
}

fn all(view: &StatusView) -> impl Iterator<Item = &ResourceView> {
    view.components.iter().flat_map(|component| &component.resources)
}

fn find<'a>(view: &'a StatusView, resource: &ResourceView) -> Option<&'a ResourceView> {
    all(view)
        .find(|other| other.id == resource.id && (other.generation == resource.generation || other.generation == 0))
}

#[cfg(test)]
mod tests {
    use domain::{Component, Record, RunId, State};
    use ledger::Ledger;

    use super::*;
    use crate::output::failure::render;
    use crate::output::status::components;
    use crate::{fixtures, look};

    async fn view((ledger, run): (Ledger, RunId)) -> StatusView {
        let platform = ledger.platform(&fixtures::name()).await.unwrap().unwrap();
        look::status(&ledger, &platform, Some(run), None, None, &fixtures::clock()).await.unwrap()
    }

    async fn end(of: (Ledger, RunId)) -> String {
        match ending(Paint::PLAIN, &fixtures::clock(), &view(of).await) {
            Ok(text) => text,
            Err(failure) => render(Paint::PLAIN, &failure),
        }
    }

    #[tokio::test]
    async fn how_a_run_ends() {
        insta::assert_snapshot!("failed_and_undone", end(fixtures::failed(true).await).await);
        insta::assert_snapshot!("failed_and_left", end(fixtures::failed(false).await).await);
        insta::assert_snapshot!("left_alone", end(fixtures::under_way().await).await);
        insta::assert_snapshot!("succeeded", end(fixtures::deployed().await).await);
    }

    #[tokio::test]
    async fn a_line_for_whatever_got_somewhere() {
        let (ledger, _) = fixtures::under_way().await;
        let records = look::records(&ledger, &fixtures::name()).await.unwrap();
        let base = view(fixtures::under_way().await).await;
        let of = |records: &[Record]| StatusView { components: components(None, records), ..base.clone() };
        let changed = |record: &Record, state: State| Record { state, ..record.clone() };
        let [address, nat, subnet, vpc] = <[Record; 4]>::try_from(records).unwrap();
        assert_eq!(vpc.id.component(), Component::Network);
        let before = of(&[
            changed(&subnet, State::Updating(fixtures::operation(9, None))),
            changed(&vpc, State::Deleting(fixtures::operation(75, None))),
            address.clone(),
            nat.clone(),
        ]);
        let after = of(&[
            changed(&subnet, State::Ready),
            changed(&address, State::Failed(fixtures::operation(0, Some("no address is left")))),
            changed(&nat, State::Ready),
        ]);
        insta::assert_snapshot!(steps(Paint::PLAIN, &fixtures::clock(), &before, &after).join("\n"));
        assert!(steps(Paint::PLAIN, &fixtures::clock(), &after, &after).is_empty());
    }
}
