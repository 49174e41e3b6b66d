//! What applying a manifest would do: the same plan and the same comparison that a run makes.

use domain::{AccountId, Region, Target};
use ledger::{Guards, ObjectKey, Platform, Status};
use manifest::Manifest;
use plan::{Facts, diff, plan};

use crate::failure::Failure;
use crate::installation::Installation;
use crate::output::plan::{Counts, PlanView};
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
    let facts = facts_for(installation, manifest, platform.as_ref()).await?;
    let plan = plan(&installation.name, manifest, &target, &facts).map_err(|problems| {
        let mut failure = Failure::new("The manifest is well formed, but cannot be carried out here");
        failure.causes.extend(problems.iter().map(ToString::to_string));
        failure
    })?;
    let changes = diff(&plan, &look::records(&installation.ledger, name).await?);
    let view = PlanView {
        platform: name.to_string(),
        from_revision: platform.as_ref().map_or(0, |platform| platform.revision),
        counts: Counts::of(&changes),
        approval: platform
            .as_ref()
            .map(|platform| platform.asks(&changes, Some(Guards::from(&manifest.spec.safety))))
            .unwrap_or_default(),
        changes,
    };
    Ok(Proposal { view, object })
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

/// The facts of the last plan as long as they hold what the manifest asks for; otherwise AWS is asked.
async fn facts_for(
    installation: &Installation,
    manifest: &Manifest,
    platform: Option<&Platform>,
) -> Result<Facts, Failure> {
    let slots = platform.map(|platform| platform.slots.clone()).unwrap_or_default();
    if let Some(platform) = platform.filter(|platform| platform.plan > 0)
        && let Some(last) = documents::plan(installation, &platform.name, platform.plan).await?
        && knows_network(&last.facts, manifest)
    {
        return Ok(Facts { slots, ..last.facts });
    }
    let clients = facts::Clients::new(&installation.configuration, &manifest.spec.region);
    facts::gather(&clients, manifest, slots).await.map_err(|error| {
        Failure::new("What AWS has for this manifest could not be asked")
            .caused_by(&error)
            .hint("Give these credentials the permission, or choose others with `--profile`")
    })
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
