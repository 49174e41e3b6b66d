//! Which minor a plan brings the control plane to.
//!
//! EKS climbs one minor at a time, and goes back one for a while after that:
//! <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>.

use jiff::civil::Date;
use manifest::{Cluster, SupportType};

use crate::{ClusterFacts, KubernetesVersion, Problem, SupportStatus};

const FIELD: &str = "spec.cluster.version";

/// The code of [`refused`], by which a manifest may insist on the minor.
pub(super) const UPGRADE_REFUSED: &str = "UpgradeRefused";

/// How many days before the end of standard support it is said.
const DAYS_AHEAD: i32 = 60;

/// One step towards the minor that the manifest names.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// The minor that this plan asks for.
    pub(super) version: String,
    /// The minor that the plan after it asks for, if this is not the last step.
    pub(super) next: Option<String>,
}

/// `is_forced`: whether what EKS's checks say against the next minor is to be overridden.
pub(super) fn step(cluster: &Cluster, facts: &ClusterFacts, is_forced: bool) -> Result<Step, Problem> {
    let wanted = cluster.version.as_str();
    let last = |version: &str| Step { version: version.to_owned(), next: None };
    let step = match facts.current.as_deref() {
        // What runs may go on running, whatever EKS offers for new ones.
        Some(current) if current == wanted => return Ok(last(wanted)),
        Some(current) if minor(wanted) < minor(current) => {
            return if facts.roll_back.as_deref() == Some(wanted) {
                Ok(last(wanted))
            } else {
                Err(down(current, facts))
            };
        }
        Some(current) => climb(minor(current), minor(wanted)),
        None => last(wanted),
    };
    if !facts.refusals.is_empty() && !is_forced {
        return Err(refused(&step.version, facts));
    }
    for version in [Some(wanted), Some(step.version.as_str())].into_iter().flatten() {
        offered(version, cluster, facts)?;
    }
    Ok(step)
}

fn climb(current: u32, wanted: u32) -> Step {
    let next = (current + 1 < wanted).then(|| format!("1.{}", current + 2));
    Step { version: format!("1.{}", current + 1), next }
}

/// The number of a minor: 35 of `1.35`; 0 of what is none.
pub fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or_default()
}

fn down(current: &str, facts: &ClusterFacts) -> Problem {
    let message = format!("the control plane runs {current}, and EKS does not bring it so far down");
    let fix = match &facts.roll_back {
        Some(back) => format!("write \"{current}\", or \"{back}\", to which EKS still goes back"),
        None => format!("write \"{current}\" or a later minor"),
    };
    Problem::new("Downgrade", FIELD, message, fix)
}

/// What EKS would refuse once half of the platform is changed is told before anything is. What is mended may be told for a
/// month still, so there is a way to insist: <https://docs.aws.amazon.com/eks/latest/userguide/cluster-insights.html>.
pub(super) fn refused(version: &str, facts: &ClusterFacts) -> Problem {
    let message = format!("EKS refuses Kubernetes {version}: {}", facts.refusals.join("; "));
    let fix = "mend what is named, and upload again; EKS looks anew once a day, or when `aws eks start-insights-refresh` asks \
               it to, and tells the use of an API for thirty days: if you know better, acknowledge `UpgradeRefused`";
    Problem::new(UPGRADE_REFUSED, FIELD, message, fix)
}

fn offered(version: &str, cluster: &Cluster, facts: &ClusterFacts) -> Result<(), Problem> {
    let found = facts.versions.iter().find(|known| known.version == version);
    let usable = |known: &&KubernetesVersion| match known.status {
        SupportStatus::StandardSupport => true,
        SupportStatus::ExtendedSupport => cluster.upgrade_policy.support_type == SupportType::Extended,
        SupportStatus::Unsupported => false,
    };
    if found.as_ref().is_some_and(usable) {
        return Ok(());
    }
    let mut choice: Vec<&str> = facts.versions.iter().filter(usable).map(|known| known.version.as_str()).collect();
    choice.sort_by_key(|version| minor(version));
    let choice = if choice.is_empty() { "those that EKS offers".to_owned() } else { choice.join(", ") };
    Err(match found.map(|known| known.status) {
        Some(SupportStatus::ExtendedSupport) => {
            let message = format!("standard support of Kubernetes {version} has ended");
            let fix = format!("write one of {choice}, or `upgradePolicy: {{supportType: EXTENDED}}`, which costs more");
            Problem::new("EndOfSupport", FIELD, message, fix)
        }
        _ => {
            let message = format!("EKS offers no Kubernetes {version} here");
            Problem::new("UnsupportedVersion", FIELD, message, format!("write one of {choice}"))
        }
    })
}

/// What is to be said of the support of a minor that runs: that it ends soon or has ended, and what EKS does then. None
/// while there is nothing to say, or if it is not known.
pub fn end_of_support(version: &str, extended: bool, facts: &ClusterFacts, today: Date) -> Option<Problem> {
    let known = facts.versions.iter().find(|known| known.version == version)?;
    let (sort, end) = match (extended, known.end_of_standard_support, known.end_of_extended_support) {
        (false, Some(end), _) => ("standard", end),
        (true, _, Some(end)) => ("extended", end),
        _ => return None,
    };
    let left = today.until(end).ok()?.get_days();
    let message = match left {
        0.. if left > DAYS_AHEAD => return None,
        0.. => format!(
            "{sort} support of Kubernetes {version} ends on {end}: then EKS moves the control plane on by itself"
        ),
        _ => format!("{sort} support of Kubernetes {version} ended on {end}: EKS moves the control plane on by itself"),
    };
    Some(Problem::new("EndOfSupport", FIELD, message, "write a later minor, and nodes and add-ons come along"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(current: Option<&str>, roll_back: Option<&str>) -> ClusterFacts {
        let version = |minor: u32, status| KubernetesVersion {
            version: format!("1.{minor}"),
            status,
            end_of_standard_support: Some(Date::constant(2026, 12, 2)),
            end_of_extended_support: Some(Date::constant(2027, 12, 2)),
        };
        let mut versions: Vec<_> = (33..=36).map(|minor| version(minor, SupportStatus::StandardSupport)).collect();
        versions.push(version(32, SupportStatus::ExtendedSupport));
        versions.push(version(31, SupportStatus::Unsupported));
        ClusterFacts {
            versions,
            current: current.map(str::to_owned),
            roll_back: roll_back.map(str::to_owned),
            ..ClusterFacts::default()
        }
    }

    /// What is asked for: the step, or the code of the problem.
    fn asked(wanted: &str, current: Option<&str>, roll_back: Option<&str>, support: SupportType) -> String {
        let mut cluster = Cluster { version: wanted.to_owned(), ..Cluster::default() };
        cluster.upgrade_policy.support_type = support;
        match step(&cluster, &facts(current, roll_back), false) {
            Ok(Step { version, next }) => format!("{version} {}", next.unwrap_or_default()).trim().to_owned(),
            Err(problem) => format!("{}: {}", problem.code, problem.fix),
        }
    }

    #[test]
    fn a_plan_climbs_one_minor() {
        use SupportType::{Extended, Standard};
        let table = [
            ("1.35", None, None, Standard, "1.35"),
            ("1.36", Some("1.34"), None, Standard, "1.35 1.36"),
            ("1.36", Some("1.33"), None, Standard, "1.34 1.35"),
            ("1.35", Some("1.34"), None, Standard, "1.35"),
            ("1.35", Some("1.35"), None, Standard, "1.35"),
            ("1.31", Some("1.31"), None, Standard, "1.31"),
            ("1.34", Some("1.35"), Some("1.34"), Standard, "1.34"),
            (
                "1.33",
                Some("1.35"),
                Some("1.34"),
                Standard,
                "Downgrade: write \"1.35\", or \"1.34\", to which EKS still goes back",
            ),
            ("1.34", Some("1.35"), None, Standard, "Downgrade: write \"1.35\" or a later minor"),
            ("1.37", None, None, Standard, "UnsupportedVersion: write one of 1.33, 1.34, 1.35, 1.36"),
            ("1.37", Some("1.35"), None, Standard, "UnsupportedVersion: write one of 1.33, 1.34, 1.35, 1.36"),
            ("1.31", None, None, Extended, "UnsupportedVersion: write one of 1.32, 1.33, 1.34, 1.35, 1.36"),
            ("1.32", None, None, Extended, "1.32"),
            (
                "1.32",
                None,
                None,
                Standard,
                "EndOfSupport: write one of 1.33, 1.34, 1.35, 1.36, or `upgradePolicy: {supportType: EXTENDED}`, which costs more",
            ),
        ];
        for (wanted, current, roll_back, support, expected) in table {
            assert_eq!(asked(wanted, current, roll_back, support), expected, "{wanted} from {current:?}");
        }
    }

    #[test]
    fn what_eks_refuses_is_asked_for_only_by_who_insists() {
        let cluster = Cluster { version: "1.36".to_owned(), ..Cluster::default() };
        let facts = ClusterFacts { refusals: vec!["an API in use goes".to_owned()], ..facts(Some("1.35"), None) };
        let refused = step(&cluster, &facts, false).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.message.as_str()),
            ("UpgradeRefused", "EKS refuses Kubernetes 1.36: an API in use goes")
        );
        assert_eq!(step(&cluster, &facts, true).unwrap().version, "1.36");
    }

    #[test]
    fn the_end_of_support_is_told_two_months_ahead() {
        let facts = facts(None, None);
        let told = |extended, year, month, day| {
            end_of_support("1.34", extended, &facts, Date::constant(year, month, day)).map(|problem| problem.message)
        };
        assert_eq!(told(false, 2026, 10, 2), None);
        assert!(told(false, 2026, 10, 3).unwrap().contains("ends on 2026-12-02"));
        assert!(told(false, 2026, 12, 3).unwrap().contains("ended on 2026-12-02"));
        assert_eq!(told(true, 2026, 12, 3), None);
        assert!(told(true, 2028, 1, 1).unwrap().contains("extended support"));
        assert_eq!(end_of_support("1.99", false, &facts, Date::constant(2030, 1, 1)), None);
    }
}
