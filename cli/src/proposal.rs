//! What applying a manifest would do: the same plan and the same comparison that a run makes.

use domain::{AccountId, FaultName, Record, Region, Target};
use engine::CallError;
use facts::Insight;
use ledger::{Guards, ObjectKey, Platform, Status};
use manifest::{Manifest, SupportType};
use plan::cluster::{Upgrade, end_of_support, upgrade};
use plan::{Facts, Problem, diff, plan};

use crate::failure::Failure;
use crate::installation::Installation;
use crate::output::plan::PlanView;
use crate::output::time::Clock;
use crate::{documents, look};

/// What applying would do, and where the manifest belongs.
pub struct Proposal {
    /// The changes.
    pub view: PlanView,
    /// The object that the platform is, or will be, bound to.
    pub object: ObjectKey,
}

/// Plans, and compares with the ledger. Drift is not seen: only a run looks at AWS itself.
pub async fn propose(installation: &Installation, manifest: &Manifest) -> Result<Proposal, Failure> {
    let name = &manifest.metadata.name;
    let platform = installation.ledger.platform(name).await?.filter(|platform| platform.status != Status::Gone);
    let object = match &platform {
        Some(platform) => platform.bound.clone(),
        None => free_object(installation, manifest).await?,
    };
    let target = match &platform {
        Some(platform) => same_region(platform, &manifest.spec.region)?,
        None => new_target(installation, manifest)?,
    };
    let records = look::records(&installation.ledger, name).await?;
    let facts = facts_for(installation, manifest, platform.as_ref(), &records).await?;
    let plan = plan(&installation.name, manifest, &target, &facts).map_err(impossible)?;
    let changes = diff(&plan, &records);
    let upgrade = upgrade(&installation.name, manifest, &plan, &records).map_err(impossible)?;
    let guards = Some(Guards::from(&manifest.spec.safety));
    let approval = platform.as_ref().map(|platform| platform.asks(&changes, guards)).unwrap_or_default();
    let from_revision = platform.as_ref().map_or(0, |platform| platform.revision);
    let view = PlanView {
        insights: match &upgrade {
            Some(upgrade) => insights(installation, manifest, upgrade).await?,
            None => None,
        },
        upgrade,
        end_of_support: ending(manifest, &plan.facts),
        ..PlanView::new(name.as_str(), from_revision, approval, changes)
    };
    Ok(Proposal { view, object })
}

fn impossible(problems: Vec<Problem>) -> Failure {
    let mut failure = Failure::new("The manifest is well formed, but cannot be carried out here");
    failure.causes.extend(problems.iter().map(ToString::to_string));
    failure
}

/// What EKS has against an upgrade. Who may not ask for that may plan and apply all the same.
async fn insights(
    installation: &Installation,
    manifest: &Manifest,
    upgrade: &Upgrade,
) -> Result<Option<Vec<Insight>>, Failure> {
    let minors: Vec<String> = upgrade.steps.iter().map(|step| step.version.clone()).collect();
    let clients = facts::Clients::new(&installation.configuration, &manifest.spec.region);
    match facts::insights(&clients.eks, manifest.metadata.name.as_str(), &minors).await {
        Ok(insights) => Ok(Some(insights)),
        Err(CallError::Fault(fault)) if fault.name == FaultName::AccessDenied => Ok(None),
        Err(error) => Err(unasked(&error)),
    }
}

/// What is to be said of the minor that the manifest names, unless the user knows it.
fn ending(manifest: &Manifest, facts: &Facts) -> Option<Problem> {
    let cluster = manifest.spec.cluster.as_ref()?;
    let extended = cluster.upgrade_policy.support_type == SupportType::Extended;
    let told = end_of_support(&cluster.version, extended, facts.cluster.as_ref()?, Clock::system().today())?;
    (!manifest.spec.acknowledges(&told.code)).then_some(told)
}

/// Where the manifest of a new platform goes.
async fn free_object(installation: &Installation, manifest: &Manifest) -> Result<ObjectKey, Failure> {
    let name = &manifest.metadata.name;
    let object = ObjectKey { bucket: installation.bucket.clone(), key: format!("manifests/{name}.yaml") };
    match installation.ledger.platform_of(&object).await? {
        Some(other) if other != *name => Err(Failure::new(format!(
            "`s3://{}/{}` is the manifest of the platform `{other}`",
            object.bucket, object.key
        ))
        .hint("Give the new platform another name")),
        _ => Ok(object),
    }
}

fn same_region(platform: &Platform, asked: &Region) -> Result<Target, Failure> {
    if platform.target.region == *asked {
        return Ok(platform.target.clone());
    }
    let (name, region) = (&platform.name, &platform.target.region);
    Err(Failure::new(format!("The platform `{name}` lives in {region} and cannot move to {asked}"))
        .hint(format!("Write `region: {region}`, or give the platform in {asked} another name")))
}

fn new_target(installation: &Installation, manifest: &Manifest) -> Result<Target, Failure> {
    let account = AccountId::parse(installation.account())
        .map_err(|error| Failure::new("The account of the installation is not known").caused_by(&error))?;
    Ok(Target { account, region: manifest.spec.region.clone() })
}

/// The facts of the last plan as long as they hold what the manifest asks for; otherwise AWS is asked. Of a cluster they
/// change by themselves: what EKS offers, and what runs.
async fn facts_for(
    installation: &Installation,
    manifest: &Manifest,
    platform: Option<&Platform>,
    records: &[Record],
) -> Result<Facts, Failure> {
    let slots = platform.map(|platform| platform.slots.clone()).unwrap_or_default();
    if let Some(platform) = platform.filter(|platform| platform.plan > 0)
        && let Some(last) = documents::plan(installation, &platform.name, platform.plan).await?
        && manifest.spec.cluster.is_none()
        && knows_network(&last.facts, manifest)
    {
        return Ok(Facts { slots, ..last.facts });
    }
    let clients = facts::Clients::new(&installation.configuration, &manifest.spec.region);
    let (role, gate) = (&installation.cluster_role, &installation.gate_function);
    let known = facts::Known { slots, role, gate, records };
    facts::gather(&clients, manifest, known).await.map_err(|error| unasked(&error))
}

fn unasked(error: &CallError) -> Failure {
    Failure::new("What AWS has for this manifest could not be asked")
        .caused_by(error)
        .hint("Give these credentials the permission, or choose others with `--profile`")
}

fn knows_network(facts: &Facts, manifest: &Manifest) -> bool {
    let network = &manifest.spec.network;
    let named = network.subnets.iter().flat_map(|subnets| subnets.private.iter().chain(&subnets.public));
    match (&network.vpc_id, &facts.given) {
        (None, _) => !facts.zones.is_empty(),
        (Some(asked), Some(given)) => given.vpc_id == *asked && named.clone().all(|id| given.subnets.contains_key(id)),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_platform_never_moves() {
        let failure = same_region(&fixtures::platform(), &Region::parse("us-east-1").unwrap()).unwrap_err();
        assert_eq!(failure.message, "The platform `demo` lives in eu-west-1 and cannot move to us-east-1");
    }
}
