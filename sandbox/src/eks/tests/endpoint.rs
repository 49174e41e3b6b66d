use super::*;
use crate::eks::INTERNET;

fn change(region: &Region, network: Value) {
    region.post("/clusters/demo/update-config", json!({"resourcesVpcConfig": network})).unwrap();
}

#[test]
fn from_the_internet_comes_only_who_is_admitted_and_a_change_counts_when_it_is_done() {
    let region = Region::active("1.36");
    let admits = || region.eks.admits("eu-west-1", "demo", INTERNET);
    assert!(admits());
    for (network, admitted) in [
        (json!({"publicAccessCidrs": ["198.51.100.0/24"]}), false),
        (json!({"publicAccessCidrs": ["198.51.100.0/24", "203.0.113.7/32"]}), true),
        (json!({"endpointPublicAccess": false}), false),
        (json!({"endpointPublicAccess": true}), true),
    ] {
        let before = admits();
        change(&region, network.clone());
        assert_eq!(admits(), before, "{network}");
        region.wait();
        assert_eq!(admits(), admitted, "{network}");
    }
    assert!(!region.eks.admits("eu-west-1", "other", INTERNET));
    assert!(!region.eks.admits("eu-north-1", "demo", INTERNET));
}

#[test]
fn a_cluster_is_found_in_its_vpc_by_its_endpoint() {
    let region = Region::active("1.36");
    let endpoint = region.cluster()["endpoint"].as_str().unwrap().to_owned();
    let authority = endpoint.replace("https://", "") + ":443";
    let inside = region.eks.inside(&authority).unwrap();
    assert_eq!((inside.cluster.as_str(), inside.private, inside.interfaces.len()), ("demo", true, 2));
    assert_eq!(region.eks.inside("127.0.0.1:443"), None);
    change(&region, json!({"endpointPrivateAccess": false}));
    region.wait();
    assert!(!region.eks.inside(&authority).unwrap().private);
}

#[test]
fn a_public_endpoint_has_the_port_that_it_had() {
    let region = Region::with(Eks { real: true, ..Eks::open(Durations::at(1.0), None) });
    region.post("/clusters", region.wanted("1.36")).unwrap();
    assert_eq!(region.eks.public_port("eu-west-1", "demo"), None);
    region.eks.plane_started("eu-west-1", "demo", "https://127.0.0.1:30443", "QQ==");
    assert_eq!(region.eks.public_port("eu-west-1", "demo"), Some(30443));
    region.wait();
    assert_eq!(region.cluster()["endpoint"], "https://127.0.0.1:30443");
    assert!(region.eks.inside("127.0.0.1:30443").is_some());
}
