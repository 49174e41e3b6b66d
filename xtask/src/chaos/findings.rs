//! What is wrong after a platform has lived and gone.

use aws_sdk_cloudwatchlogs::types::LogGroup;
use domain::PlatformName;
use engine::Ledger as _;
use jiff::{SignedDuration, Timestamp};
use ledger::Run;

use super::Stage;
use crate::program::Done;

/// A call that arrived in time may take so long, and so may the clocks of two programs on one machine differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);

impl Stage {
    /// Leaks, stuck leases and double writers.
    pub(super) async fn findings(&self, name: &PlatformName) -> Done<Vec<String>> {
        let mut found = Vec::new();
        found.extend(self.leaks(name).await?.into_iter().map(|leak| format!("left in AWS: {leak}")));
        let records = self.ledger.records(name).await?;
        found.extend(records.iter().map(|stored| format!("left in the ledger: {}", stored.record.edge())));
        if let Some(platform) = self.ledger.platform(name).await?
            && (platform.lease.is_some() || platform.waiting.is_some())
        {
            found.push(format!("stuck: lease {:?}, waiting {:?}", platform.lease, platform.waiting));
        }
        found.extend(self.double_writers(name).await?);
        Ok(found)
    }

    /// What is there of the platform, service by service.
    async fn leaks(&self, name: &PlatformName) -> Done<Vec<String>> {
        let mut left = self.sandbox.tagged(name.as_str());
        let path = format!("/landfall/{}/{name}/", self.sandbox.variable("LANDFALL_INSTALLATION"));
        let logs = aws_sdk_cloudwatchlogs::Client::new(self.sandbox.config());
        let groups = logs.describe_log_groups().log_group_name_prefix(&path).send().await?;
        left.extend(groups.log_groups().iter().filter_map(LogGroup::log_group_name).map(str::to_owned));
        let iam = aws_sdk_iam::Client::new(self.sandbox.config());
        let roles = iam.list_roles().path_prefix(path).send().await?;
        left.extend(roles.roles().iter().map(|role| role.role_name().to_owned()));
        Ok(left)
    }

    /// Runs that held the platform at the same time, and changes while none did.
    async fn double_writers(&self, name: &PlatformName) -> Done<Vec<String>> {
        let mut runs = self.ledger.runs(name, 100).await?;
        runs.sort_by_key(|run| run.started);
        let mut found = overlaps(&runs);
        let calls = self.sandbox.calls().into_iter().filter(|call| call.platform.as_deref() == Some(name.as_str()));
        let held = |at: Timestamp| {
            runs.iter().any(|run| run.started <= at && run.ended.is_none_or(|ended| at <= ended + MARGIN))
        };
        found.extend(calls.filter(|call| !held(call.began())).map(|call| {
            format!("{}:{} at {} by {}, when no run held the platform", call.service, call.action, call.at, call.caller)
        }));
        Ok(found)
    }
}

/// Neighbors in time of which the later began before the earlier ended.
fn overlaps(runs: &[Run]) -> Vec<String> {
    let pairs = runs.iter().zip(runs.iter().skip(1));
    pairs
        .filter(|(one, next)| one.ended.is_none_or(|ended| next.started < ended))
        .map(|(one, next)| format!("run {} began before run {} ended", next.id, one.id))
        .collect()
}
