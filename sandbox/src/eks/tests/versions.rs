use super::*;
use crate::kubernetes::FargateNode;

#[test]
fn versions_go_up_one_minor_at_a_time_and_back_one_within_the_window() {
    let region = Region::active("1.34");
    let to = |version: &str| region.post("/clusters/demo/updates", json!({"version": version}));
    assert_eq!(to("1.36"), Err("InvalidParameterException"));
    assert_eq!(to("1.34"), Err("InvalidParameterException"));
    assert_eq!(to("1.33"), Err("InvalidRequestException"), "it was created at 1.34");
    assert_eq!(to("1.35").unwrap()["update"]["type"], "VersionUpdate");
    region.wait();
    assert_eq!(region.cluster()["version"], "1.35");
    assert_eq!(to("1.34").unwrap()["update"]["type"], "VersionRollback");
    region.wait();
    assert_eq!(region.cluster()["version"], "1.34");
    assert_eq!(to("1.33"), Err("InvalidRequestException"), "there is no second way back");
}

#[test]
fn a_failed_upgrade_leaves_the_version_and_says_why() {
    let region = Region::active("1.35");
    let begun =
        region.full("POST", "/clusters/demo/updates", json!({"version": "1.36"}), &[], &failing("EniLimitReached"));
    region.wait();
    let path = format!("/clusters/demo/updates/{}", begun.unwrap()["update"]["id"].as_str().unwrap());
    let update = region.get(&path).unwrap()["update"].clone();
    assert_eq!((&update["status"], &update["errors"][0]["errorCode"]), (&json!("Failed"), &json!("EniLimitReached")));
    assert_eq!(
        (region.cluster()["version"].clone(), region.cluster()["status"].clone()),
        (json!("1.35"), json!("ACTIVE"))
    );
}

#[test]
fn nodes_follow_an_upgrade_and_go_back_before_the_control_plane() {
    let region = Region::active("1.34");
    region.post("/clusters/demo/node-groups", region.group("blue")).unwrap();
    region.wait();
    let to =
        |version: &str, force: bool| region.post("/clusters/demo/updates", json!({"version": version, "force": force}));
    let nodes =
        |version: &str| region.post("/clusters/demo/node-groups/blue/update-version", json!({"version": version}));
    to("1.35", false).unwrap();
    region.wait();
    assert_eq!(to("1.36", false), Err("InvalidParameterException"), "its nodes are behind");
    nodes("1.35").unwrap();
    assert_eq!(nodes("1.35"), Err("ResourceInUseException"));
    region.wait();
    assert_eq!(to("1.34", false), Err("InvalidStateException"), "its nodes are newer");
    nodes("1.34").unwrap();
    region.wait();
    to("1.34", false).unwrap();
    region.wait();
    assert_eq!(nodes("1.35"), Err("InvalidParameterException"));
}

#[test]
fn pods_on_fargate_follow_an_upgrade_and_stand_in_the_way_back() {
    let region = Region::active("1.34");
    let to =
        |version: &str, force: bool| region.post("/clusters/demo/updates", json!({"version": version, "force": force}));
    let runs = |kubelet: &str| {
        let node = FargateNode { name: "fargate-ip-10-0-0-1".into(), kubelet_version: kubelet.into() };
        region.eks.fargate_told("eu-west-1", "demo", &[node]);
    };
    runs("v1.34.0-eks-0000000");
    to("1.35", false).unwrap();
    region.wait();
    assert_eq!(to("1.36", true), Err("InvalidRequestException"), "its pods are behind, which force does not change");
    to("1.34", false).unwrap();
    region.wait();
    to("1.35", false).unwrap();
    region.wait();
    runs("v1.35.0-eks-0000000");
    assert_eq!(to("1.34", false), Err("InvalidStateException"), "its pods are newer");
    let back =
        region.post("/clusters/demo/insights", json!({"filter": {"categories": ["ROLLBACK_READINESS"]}})).unwrap();
    let id = back["insights"][0]["id"].as_str().unwrap();
    let insight = region.get(&format!("/clusters/demo/insights/{id}")).unwrap()["insight"].clone();
    assert_eq!(insight["resources"][0]["kubernetesResourceUri"], "/api/v1/nodes/fargate-ip-10-0-0-1");
    to("1.34", true).unwrap();
    region.wait();
    assert_eq!(region.cluster()["version"], "1.34");
}
