use std::time::Duration;

use axum::http::{Method, Uri};
use serde_json::{Value, json};
use ulid::Ulid;

use super::*;

mod auto;
mod endpoint;
mod members;
mod versions;

const ROLE: &str = "arn:aws:iam::111122223333:role/landfall/cluster";

/// A region with a VPC of two private subnets in two zones, where time passes only when it is told to.
struct Region {
    eks: Eks,
    ec2: Ec2,
    subnets: [String; 2],
}

impl Region {
    fn new() -> Self {
        Self::with(Eks::open(Durations::at(1.0), None))
    }

    fn with(eks: Eks) -> Self {
        let ec2 = Ec2::new(Durations::at(1.0));
        let make = |action: &str, parameters: &[(&str, &str)], element: &str| {
            let parameters = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            let request = crate::ec2::Request {
                id: Ulid::generate(),
                action: action.into(),
                region: "eu-west-1".into(),
                parameters,
            };
            let answer = ec2.answer(&request, &Aftermath::None).unwrap();
            answer.split_once(&format!("<{element}>")).unwrap().1.split_once('<').unwrap().0.to_owned()
        };
        let vpc = make("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId");
        let subnets = [("eu-west-1a", "10.0.0.0/24"), ("eu-west-1b", "10.0.1.0/24")].map(|(zone, block)| {
            make("CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", block), ("AvailabilityZone", zone)], "subnetId")
        });
        Self { eks, ec2, subnets }
    }

    fn full(
        &self,
        method: &str,
        path: &str,
        body: Value,
        missing: &[&str],
        aftermath: &Aftermath,
    ) -> Result<Value, Refusal> {
        let (method, uri): (Method, Uri) = (method.parse().unwrap(), path.parse().unwrap());
        let caller = "arn:aws:sts::111122223333:assumed-role/deployer/session";
        let request = Request::read(&method, &uri, body.to_string().as_bytes(), "eu-west-1", caller).unwrap();
        let facts = Facts { missing: missing.iter().map(|arn| (*arn).to_owned()).collect() };
        self.eks.answer(&self.ec2, &request, &facts, aftermath)
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, &'static str> {
        self.full(method, path, body, &[], &Aftermath::None).map_err(|refusal| refusal.code)
    }

    fn post(&self, path: &str, body: Value) -> Result<Value, &'static str> {
        self.call("POST", path, body)
    }

    fn get(&self, path: &str) -> Result<Value, &'static str> {
        self.call("GET", path, Value::Null)
    }

    fn delete(&self, path: &str) -> Result<Value, &'static str> {
        self.call("DELETE", path, Value::Null)
    }

    /// All that is under way ends.
    fn wait(&self) {
        self.eks.lock().values_mut().for_each(Store::hasten);
        self.eks.settle(&self.ec2);
    }

    fn wanted(&self, version: &str) -> Value {
        json!({
            "name": "demo", "version": version, "roleArn": ROLE,
            "resourcesVpcConfig": {"subnetIds": self.subnets, "endpointPrivateAccess": true},
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": false},
            "clientRequestToken": "one",
        })
    }

    fn active(version: &str) -> Self {
        let region = Self::new();
        region.post("/clusters", region.wanted(version)).unwrap();
        region.wait();
        region
    }

    fn group(&self, name: &str) -> Value {
        json!({"nodegroupName": name, "nodeRole": ROLE, "subnets": self.subnets, "instanceTypes": ["m7g.large"],
               "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3}})
    }

    fn cluster(&self) -> Value {
        self.get("/clusters/demo").unwrap()["cluster"].clone()
    }

    fn interfaces(&self) -> usize {
        let parameters = BTreeMap::new();
        let request = crate::ec2::Request {
            id: Ulid::generate(),
            action: "DescribeNetworkInterfaces".into(),
            region: "eu-west-1".into(),
            parameters,
        };
        self.ec2.answer(&request, &Aftermath::None).unwrap().matches("<networkInterfaceId>").count()
    }
}

fn failing(code: &str) -> Aftermath {
    Aftermath::Failing(code.into(), "by a rule".into())
}

#[test]
fn a_cluster_is_created_shown_and_deleted_with_what_eks_makes_in_its_network() {
    let region = Region::new();
    let created = region.post("/clusters", region.wanted("1.35")).unwrap();
    assert_eq!(created["cluster"]["status"], "CREATING");
    assert_eq!(region.interfaces(), 2);
    assert!(region.cluster()["endpoint"].is_null());
    region.wait();
    let cluster = region.cluster();
    assert_eq!((&cluster["status"], &cluster["version"]), (&json!("ACTIVE"), &json!("1.35")));
    assert!(cluster["identity"]["oidc"]["issuer"].as_str().unwrap().starts_with("https://oidc.eks.eu-west-1."));
    let group = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"].as_str().unwrap();
    assert!(region.ec2.vpc_of_group("eu-west-1", group).is_some());
    assert_eq!(region.delete("/clusters/demo").unwrap()["cluster"]["status"], "DELETING");
    region.wait();
    assert_eq!(region.get("/clusters/demo"), Err("ResourceNotFoundException"));
    assert_eq!(region.interfaces(), 0);
    assert!(region.ec2.vpc_of_group("eu-west-1", group).is_none());
}

#[test]
fn a_security_group_in_use_stays_behind() {
    let region = Region::active("1.35");
    let group = region.cluster()["resourcesVpcConfig"]["clusterSecurityGroupId"].as_str().unwrap().to_owned();
    region.ec2.add_interface("eu-west-1", &region.subnets[0], "a load balancer", std::slice::from_ref(&group)).unwrap();
    region.delete("/clusters/demo").unwrap();
    region.wait();
    assert!(region.ec2.vpc_of_group("eu-west-1", &group).is_some());
}

#[test]
fn a_wrong_cluster_is_refused_before_anything_is_made() {
    let region = Region::new();
    let one = &region.subnets[0];
    let cases = [
        ("version", json!("1.28")),
        ("version", json!("2.0")),
        ("name", json!("-demo")),
        ("resourcesVpcConfig", json!({"subnetIds": [one]})),
        ("resourcesVpcConfig", json!({"subnetIds": [one, "subnet-0"]})),
        ("resourcesVpcConfig", json!({"subnetIds": region.subnets, "endpointPublicAccess": false})),
        ("resourcesVpcConfig", json!({"subnetIds": region.subnets, "publicAccessCidrs": ["10.0.0.0/8"]})),
        ("resourcesVpcConfig", json!({"subnetIds": region.subnets, "securityGroupIds": ["sg-0"]})),
        ("logging", json!({"clusterLogging": [{"types": ["everything"], "enabled": true}]})),
        ("kubernetesNetworkConfig", json!({"serviceIpv4Cidr": "8.8.0.0/16"})),
        ("computeConfig", json!({"enabled": true})),
    ];
    for (field, value) in cases {
        let mut wanted = region.wanted("1.36");
        wanted[field] = value.clone();
        assert_eq!(region.post("/clusters", wanted), Err("InvalidParameterException"), "{field}: {value}");
    }
    let refused = region.full("POST", "/clusters", region.wanted("1.36"), &[ROLE], &Aftermath::None).unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException");
    assert_eq!(region.interfaces(), 0);
}

#[test]
fn a_token_is_answered_once_and_makes_nothing_new_after_its_cluster_is_gone() {
    let region = Region::active("1.36");
    assert!(region.post("/clusters", region.wanted("1.36")).is_ok());
    assert_eq!(region.post("/clusters", region.wanted("1.35")), Err("InvalidParameterException"));
    let mut other = region.wanted("1.36");
    other["clientRequestToken"] = json!("two");
    assert_eq!(region.post("/clusters", other.clone()), Err("ResourceInUseException"));
    region.delete("/clusters/demo").unwrap();
    region.wait();
    assert!(region.post("/clusters", region.wanted("1.36")).is_ok());
    assert_eq!(region.get("/clusters/demo"), Err("ResourceNotFoundException"));
    other["clientRequestToken"] = json!("three");
    assert_eq!(region.post("/clusters", other).unwrap()["cluster"]["status"], "CREATING");
}

#[test]
fn a_doomed_cluster_ends_failed_with_the_reason_and_can_be_deleted() {
    let region = Region::new();
    region.full("POST", "/clusters", region.wanted("1.36"), &[], &failing("InsufficientFreeAddresses")).unwrap();
    region.wait();
    assert_eq!(region.cluster()["status"], "FAILED");
    assert_eq!(region.cluster()["health"]["issues"][0]["code"], "InsufficientFreeAddresses");
    region.delete("/clusters/demo").unwrap();
    region.wait();
    assert_eq!(region.get("/clusters/demo"), Err("ResourceNotFoundException"));
}

#[test]
fn a_cluster_is_not_deleted_under_protection_or_with_what_is_in_it() {
    let region = Region::active("1.36");
    region.post("/clusters/demo/update-config", json!({"deletionProtection": true})).unwrap();
    region.wait();
    assert_eq!(region.delete("/clusters/demo"), Err("InvalidRequestException"));
    region.post("/clusters/demo/update-config", json!({"deletionProtection": false})).unwrap();
    region.wait();
    region.post("/clusters/demo/node-groups", region.group("blue")).unwrap();
    assert_eq!(region.delete("/clusters/demo"), Err("ResourceInUseException"));
    region.wait();
    region.delete("/clusters/demo/node-groups/blue").unwrap();
    assert_eq!(region.delete("/clusters/demo"), Err("ResourceInUseException"));
    region.wait();
    assert!(region.delete("/clusters/demo").is_ok());
}

#[test]
fn one_update_of_one_kind_at_a_time() {
    let region = Region::active("1.35");
    let update = |body: Value| region.post("/clusters/demo/update-config", body);
    let logging = json!({"clusterLogging": [{"types": ["audit"], "enabled": true}]});
    let both = json!({"logging": logging, "resourcesVpcConfig": {"endpointPublicAccess": false}});
    assert_eq!(update(both), Err("InvalidParameterException"));
    assert_eq!(update(json!({})), Err("InvalidParameterException"));
    let begun = update(json!({"resourcesVpcConfig": {"endpointPublicAccess": false}})).unwrap();
    assert_eq!(region.cluster()["status"], "UPDATING");
    assert_eq!(update(json!({"logging": logging})), Err("ResourceInUseException"));
    assert_eq!(region.post("/clusters/demo/updates", json!({"version": "1.36"})), Err("ResourceInUseException"));
    region.wait();
    let id = begun["update"]["id"].as_str().unwrap();
    assert_eq!(region.get(&format!("/clusters/demo/updates/{id}")).unwrap()["update"]["status"], "Successful");
    assert_eq!(region.cluster()["resourcesVpcConfig"]["endpointPublicAccess"], false);
    assert_eq!(
        update(json!({"resourcesVpcConfig": {"endpointPublicAccess": false}})),
        Err("InvalidParameterException")
    );
    region.eks.jobs();
    update(json!({"logging": logging})).unwrap();
    region.wait();
    let made = |after: Duration| {
        let group = Job::LogGroup { region: "eu-west-1".into(), name: "/aws/eks/demo/cluster".into(), after };
        region.eks.jobs().contains(&group)
    };
    assert!(made(Duration::ZERO));
    assert_eq!(region.get("/clusters/demo/updates").unwrap()["updateIds"].as_array().unwrap().len(), 2);
    region.delete("/clusters/demo").unwrap();
    region.wait();
    assert!(made(Duration::from_secs(30)), "the last logs arrive late");
}

#[test]
fn lists_come_in_pages() {
    let region = Region::active("1.36");
    let first = region.get("/cluster-versions?maxResults=2").unwrap();
    assert_eq!(first["clusterVersions"].as_array().unwrap().len(), 2);
    let next = first["nextToken"].as_str().unwrap();
    let second = region.get(&format!("/cluster-versions?maxResults=2&nextToken={next}")).unwrap();
    assert_eq!(second["clusterVersions"][0]["clusterVersion"], "1.34");
    assert_eq!(region.get("/clusters?maxResults=0"), Err("InvalidParameterException"));
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eks.json");
    let region = Region::with(Eks::open(Durations::at(1.0), Some(file.clone())));
    region.post("/clusters", region.wanted("1.35")).unwrap();
    region.wait();
    let update = region.post("/clusters/demo/updates", json!({"version": "1.36"})).unwrap();
    let before = region.cluster();
    let again = Region { eks: Eks::open(Durations::at(1.0), Some(file)), ..region };
    assert_eq!(again.cluster(), before);
    assert!(again.post("/clusters", again.wanted("1.35")).is_ok(), "its token is still known");
    again.wait();
    assert_eq!(again.cluster()["version"], "1.36");
    let id = update["update"]["id"].as_str().unwrap();
    assert_eq!(again.get(&format!("/clusters/demo/updates/{id}")).unwrap()["update"]["status"], "Successful");
}

#[test]
fn a_cluster_waits_for_its_control_plane_and_fails_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = || folder.path().join("eks.json");
    let region = Region::with(Eks::with_control_planes(Durations::at(1.0), file()));
    region.post("/clusters", region.wanted("1.35")).unwrap();
    let start =
        |version: &str| Job::Start { region: "eu-west-1".into(), cluster: "demo".into(), version: version.into() };
    assert_eq!(region.eks.jobs(), [start("1.35")]);
    region.wait();
    assert_eq!(region.cluster()["status"], "CREATING");
    region.eks.plane_started("eu-west-1", "demo", "https://127.0.0.1:1", "QQ==");
    region.wait();
    assert_eq!(region.cluster()["endpoint"], "https://127.0.0.1:1");
    let update = region.post("/clusters/demo/updates", json!({"version": "1.36"})).unwrap();
    region.wait();
    assert_eq!(region.cluster()["status"], "UPDATING");
    region.eks.plane_failed("eu-west-1", "demo", "it does not start");
    region.eks.jobs();
    region.wait();
    assert!(region.eks.jobs().contains(&start("1.35")), "the old version is started again");
    let path = format!("/clusters/demo/updates/{}", update["update"]["id"].as_str().unwrap());
    assert_eq!(region.get(&path).unwrap()["update"]["errors"][0]["errorMessage"], "it does not start");
    assert_eq!(Eks::with_control_planes(Durations::at(1.0), file()).jobs(), [start("1.35")]);
}

#[test]
fn a_refused_call_loses_nothing_that_was_due() {
    let region = Region::active("1.36");
    region.delete("/clusters/demo").unwrap();
    region.eks.jobs();
    region.eks.lock().values_mut().for_each(Store::hasten);
    assert_eq!(region.post("/clusters", region.wanted("1.35")), Err("InvalidParameterException"));
    assert!(region.eks.jobs().contains(&Job::End { region: "eu-west-1".into(), cluster: "demo".into() }));
}

#[test]
fn only_what_the_call_begins_is_doomed() {
    let region = Region::active("1.36");
    region.post("/clusters/demo/addons", json!({"addonName": "coredns"})).unwrap();
    region.eks.lock().values_mut().for_each(Store::hasten);
    let path = "/clusters/demo/node-groups";
    region.full("POST", path, region.group("blue"), &[], &failing("NodeCreationFailure")).unwrap();
    region.wait();
    assert_eq!(region.get(&format!("{path}/blue")).unwrap()["nodegroup"]["status"], "CREATE_FAILED");
    assert_eq!(region.get("/clusters/demo/addons/coredns").unwrap()["addon"]["status"], "CREATING");
}
