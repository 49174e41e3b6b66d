//! Every decision of an admission, without IO.

use domain::{Fault, FaultName, PlatformName, Region};
use jiff::Timestamp;
use ledger::{Freeze, ObjectKey, OnFailure, OnManifestDelete, Platform, Schedule, Status, Trigger};
use manifest::{Manifest, Problems, Updates};
use plan::{Plan, PlanNumber};

/// How many problems of a manifest are told in full. Step Functions keeps 32,768 characters of a cause
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionFailedEventDetails.html>).
const SHOWN: usize = 40;

/// How long one of them may be.
const LONGEST: usize = 500;

/// The fault of a manifest with errors: every one with its line and its fix.
pub(crate) fn invalid(object: &ObjectKey, problems: &Problems) -> Fault {
    let lines = problems.0.iter().map(ToString::to_string);
    let message = format!("{} {}:{}", object.key, counted(problems.0.len()), listed(lines, problems.0.len()));
    Fault::new(FaultName::InvalidManifest, message)
        .next("correct the file, try it with `landfall validate`, and upload it again")
}

/// The fault of a manifest that cannot be carried out in this account and region.
pub(crate) fn unusable(object: &ObjectKey, problems: &[plan::Problem]) -> Fault {
    let lines = problems.iter().map(ToString::to_string);
    let message = format!("{} {}:{}", object.key, counted(problems.len()), listed(lines, problems.len()));
    Fault::new(FaultName::UnusableNetwork, message).next("correct the file or the network, and upload it again")
}

fn counted(count: usize) -> String {
    if count == 1 { "has 1 error".to_owned() } else { format!("has {count} errors") }
}

pub(crate) fn listed(lines: impl Iterator<Item = String>, count: usize) -> String {
    let mut text = String::new();
    for line in lines.take(SHOWN) {
        let short: String = line.chars().take(LONGEST).collect();
        text.push_str("\n  ");
        text.push_str(&short);
        if short.len() < line.len() {
            text.push('…');
        }
    }
    if count > SHOWN {
        text.push_str(&format!("\n  and {} more", count - SHOWN));
    }
    text
}

/// Where a manifest comes from, and what the ledger knows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The object.
    pub(crate) object: &'a ObjectKey,
    /// The platform that lives and is bound to the object.
    pub(crate) bound: Option<&'a PlatformName>,
    /// The platform of the name that the manifest gives, as the ledger knows it.
    pub(crate) named: Option<&'a Platform>,
    /// The region in which this installation works.
    pub(crate) region: &'a Region,
}

/// Holds name, object and region of a manifest together: they belong to each other for the life of the platform.
pub(crate) fn belongs(manifest: &Manifest, origin: Origin<'_>) -> Result<(), Fault> {
    let (name, region) = (&manifest.metadata.name, &manifest.spec.region);
    if let Some(bound) = origin.bound.filter(|bound| *bound != name) {
        let message =
            format!("{} describes the platform `{bound}` for life, and now names `{name}`", origin.object.key);
        return Err(Fault::new(FaultName::BoundElsewhere, message)
            .next(format!("write `name: {bound}` again, or upload `{name}` under a key of its own")));
    }
    if let Some(platform) = origin.named.filter(|platform| platform.status != Status::Gone) {
        if platform.bound != *origin.object {
            let ObjectKey { bucket, key } = &platform.bound;
            let message = format!(
                "{} names the platform `{name}`, which is described by s3://{bucket}/{key} for life",
                origin.object.key
            );
            return Err(Fault::new(FaultName::BoundElsewhere, message).next("upload there, or choose another name"));
        }
        if platform.target.region != *region {
            let message = format!(
                "{}: the platform `{name}` lives in {} for life, and the manifest says {region}",
                origin.object.key, platform.target.region
            );
            return Err(Fault::new(FaultName::BoundElsewhere, message)
                .next(format!("write `region: {}` again, or choose another name and key", platform.target.region)));
        }
    }
    if region != origin.region {
        let message =
            format!("{}: spec.region is {region}, and this installation works in {}", origin.object.key, origin.region);
        return Err(Fault::new(FaultName::InvalidManifest, message)
            .next(format!("write `region: {}`, or install Landfall in {region}", origin.region)));
    }
    Ok(())
}

/// What the deletion of a platform's manifest means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    /// The platform stays, and somebody is told.
    Retain,
    /// The platform goes.
    Teardown,
}

/// Judges the deletion of a manifest by the guards of the platform.
pub(crate) fn on_delete(platform: &Platform, now: Timestamp) -> Result<OnDelete, Fault> {
    match platform.guards.map(|guards| guards.on_manifest_delete).unwrap_or_default() {
        OnManifestDelete::Retain => Ok(OnDelete::Retain),
        OnManifestDelete::Teardown => unprotected(platform, now).map(|()| OnDelete::Teardown),
    }
}

/// Whether a platform may be torn down.
pub(crate) fn unprotected(platform: &Platform, now: Timestamp) -> Result<(), Fault> {
    if !platform.is_protected(now) {
        return Ok(());
    }
    let name = &platform.name;
    let message = format!("the platform `{name}` is protected against deletion (safety.deletionProtection)");
    Err(Fault::new(FaultName::Protected, message)
        .next(format!("run `landfall unprotect {name} --for 1h`, then `landfall destroy {name}`")))
}

/// Which plan a redeploy by the schedule works towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redeploy {
    /// One made anew from the accepted revision.
    Anew,
    /// This one again, and why: the newest failed and was rolled back, or somebody went back by hand. Neither is undone by
    /// itself.
    Again(PlanNumber, &'static str),
    /// None: the newest failed and was left as it is, for somebody to look at.
    Not,
}

/// Judges what the schedule may do.
pub(crate) fn redeploy(platform: &Platform) -> Redeploy {
    let failed = platform.failed_plan == Some(platform.plan) && platform.last_good != platform.plan;
    match platform.guards.map(|guards| guards.on_failure).unwrap_or_default() {
        _ if platform.revision == 0 => Redeploy::Not,
        _ if !failed => match platform.kept_plan {
            Some(kept) => Redeploy::Again(kept, "the plan that somebody went back to is kept up"),
            None => Redeploy::Anew,
        },
        OnFailure::RollBack if platform.last_good > 0 => {
            Redeploy::Again(platform.last_good, "the newest plan failed; the last good one is kept up")
        }
        OnFailure::RollBack | OnFailure::Stop => Redeploy::Not,
    }
}

/// Whether the event of an upload was met before, with the sentence that says so.
pub(crate) fn seen_before(platform: &Platform, version_id: &str, trigger: Trigger) -> Option<String> {
    let name = &platform.name;
    if trigger != Trigger::Upload {
        return None;
    }
    if platform.version_id.as_deref() == Some(version_id) {
        return Some(format!("this version is revision {} of {name} already", platform.revision));
    }
    let waiting = platform.waiting.as_ref().and_then(|waiting| waiting.version_id.as_deref());
    (waiting == Some(version_id)).then(|| format!("this version waits already, until the run of {name} has ended"))
}

/// Whether two plans ask for the same. What else the facts say (how many addresses are free) changes by the hour.
pub(crate) fn same(one: &Plan, other: &Plan) -> bool {
    one.target == other.target && one.resources == other.resources && one.facts.slots == other.facts.slots
}

/// What the ledger keeps of a manifest's schedule.
pub(crate) fn schedule(updates: &Updates) -> Option<Schedule> {
    updates.schedule.as_ref().map(|cron| Schedule {
        cron: cron.clone(),
        time_zone: updates.time_zone.clone(),
        freeze: updates.freeze.iter().map(|freeze| Freeze { from: freeze.from, to: freeze.to }).collect(),
    })
}
