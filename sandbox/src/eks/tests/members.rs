use super::*;

#[test]
fn a_node_group_has_instances_that_scale_and_go_with_it() {
    let region = Region::active("1.36");
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut group = region.group("blue");
        change(&mut group);
        region.post("/clusters/demo/node-groups", group).unwrap_err()
    };
    assert_eq!(refused(&|group| group["instanceTypes"] = json!(["m9.huge"])), "InvalidParameterException");
    assert_eq!(refused(&|group| group["amiType"] = json!("AL2023_x86_64_STANDARD")), "InvalidParameterException");
    assert_eq!(refused(&|group| group["scalingConfig"]["minSize"] = json!(9)), "InvalidParameterException");
    assert_eq!(refused(&|group| group["version"] = json!("1.35")), "InvalidParameterException");
    let template = json!({"id": "lt-1", "version": "1"});
    assert_eq!(
        refused(&|group| {
            group["launchTemplate"] = template.clone();
            group["diskSize"] = json!(9);
        }),
        "InvalidRequestException"
    );
    region.eks.jobs();
    let made = region.post("/clusters/demo/node-groups", region.group("blue")).unwrap();
    assert_eq!(made["nodegroup"]["amiType"], "AL2023_ARM_64_STANDARD");
    assert_eq!(region.post("/clusters/demo/node-groups", region.group("blue")), Err("ResourceInUseException"));
    let launched = |jobs: Vec<Job>| -> usize {
        jobs.iter().map(|job| if let Job::Launch { instances, .. } = job { instances.len() } else { 0 }).sum()
    };
    assert_eq!((launched(region.eks.jobs()), region.interfaces()), (2, 4));
    region.wait();
    let path = "/clusters/demo/node-groups/blue";
    assert_eq!(region.get(path).unwrap()["nodegroup"]["status"], "ACTIVE");
    region.post(&format!("{path}/update-config"), json!({"scalingConfig": {"desiredSize": 3}})).unwrap();
    region.wait();
    assert_eq!((launched(region.eks.jobs()), region.interfaces()), (1, 5));
    region.delete(path).unwrap();
    region.wait();
    assert_eq!((region.get(path), region.interfaces()), (Err("ResourceNotFoundException"), 2));
}

#[test]
fn the_last_node_of_a_cluster_leaves_an_interface_of_the_cni_behind_and_that_the_security_group() {
    let region = Region::active("1.36");
    let group = region.cluster()["resourcesVpcConfig"]["clusterSecurityGroupId"].as_str().unwrap().to_owned();
    region.post("/clusters/demo/addons", json!({"addonName": "vpc-cni"})).unwrap();
    for name in ["blue", "green"] {
        region.post("/clusters/demo/node-groups", region.group(name)).unwrap();
    }
    region.wait();
    assert_eq!(region.interfaces(), 2 + 2 * 2 * 2);
    region.delete("/clusters/demo/node-groups/blue").unwrap();
    region.wait();
    assert_eq!(region.interfaces(), 2 + 2 * 2, "the CNI on the other nodes cleans up");
    region.delete("/clusters/demo/node-groups/green").unwrap();
    region.wait();
    assert_eq!(region.interfaces(), 2 + 1);
    region.delete("/clusters/demo").unwrap();
    region.wait();
    assert_eq!(region.interfaces(), 1);
    assert!(region.ec2.vpc_of_group("eu-west-1", &group).is_some());
}

#[test]
fn a_doomed_node_group_names_its_instances() {
    let region = Region::active("1.36");
    let path = "/clusters/demo/node-groups";
    region.full("POST", path, region.group("blue"), &[], &failing("NodeCreationFailure")).unwrap();
    region.wait();
    let group = region.get(&format!("{path}/blue")).unwrap()["nodegroup"].clone();
    assert_eq!(group["status"], "CREATE_FAILED");
    let named = group["health"]["issues"][0]["resourceIds"].as_array().unwrap();
    assert!(named.len() == 2 && named[0].as_str().unwrap().starts_with("i-"));
}

#[test]
fn fargate_profiles_come_and_go_one_at_a_time() {
    let region = Region::active("1.36");
    let path = "/clusters/demo/fargate-profiles";
    let profile = |name: &str| {
        json!({"fargateProfileName": name, "podExecutionRoleArn": ROLE, "subnets": region.subnets,
               "selectors": [{"namespace": "kube-system"}]})
    };
    region.post(path, profile("one")).unwrap();
    assert_eq!(region.post(path, profile("two")), Err("ResourceInUseException"));
    region.wait();
    region.post(path, profile("two")).unwrap();
    assert_eq!(region.delete(&format!("{path}/one")), Err("ResourceInUseException"));
    region.wait();
    region.delete(&format!("{path}/one")).unwrap();
    assert_eq!(region.delete(&format!("{path}/two")), Err("ResourceInUseException"));
    region.wait();
    assert_eq!(region.get(path).unwrap()["fargateProfileNames"], json!(["two"]));
    let mut many = profile("many");
    many["selectors"] = json!(vec![json!({"namespace": "a"}); 6]);
    assert_eq!(region.post(path, many), Err("InvalidParameterException"));
}

#[test]
fn an_addon_needs_a_version_that_fits_values_that_it_knows_and_a_place_to_run() {
    let region = Region::active("1.35");
    let path = "/clusters/demo/addons";
    let create = |body: Value| region.post(path, body);
    assert_eq!(create(json!({"addonName": "nonsense"})), Err("InvalidParameterException"));
    let new = json!({"addonName": "kube-proxy", "addonVersion": "v1.36.0-eksbuild.25"});
    assert_eq!(create(new), Err("InvalidParameterException"));
    let values = json!({"addonName": "coredns", "configurationValues": "replicas: 3"});
    assert_eq!(create(values), Err("InvalidParameterException"));
    create(json!({"addonName": "coredns", "configurationValues": "replicaCount: 3"})).unwrap();
    region.wait();
    let status = || region.get(&format!("{path}/coredns")).unwrap()["addon"]["status"].clone();
    assert_eq!(status(), "CREATING", "there is no node");
    (0..45).for_each(|_| region.wait());
    assert_eq!(status(), "DEGRADED");
    region.post("/clusters/demo/node-groups", region.group("blue")).unwrap();
    region.wait();
    region.wait();
    assert_eq!(status(), "ACTIVE");
}

#[test]
fn what_an_addon_left_behind_conflicts_with_other_values_unless_they_overwrite() {
    let region = Region::active("1.36");
    let path = "/clusters/demo/addons";
    let create = |values: &str, mode: &str| {
        region
            .post(path, json!({"addonName": "vpc-cni", "configurationValues": values, "resolveConflicts": mode}))
            .unwrap();
        region.wait();
        let status = region.get(&format!("{path}/vpc-cni")).unwrap()["addon"]["status"].clone();
        region.delete(&format!("{path}/vpc-cni?preserve=true")).unwrap();
        region.wait();
        status
    };
    assert_eq!(create("", "NONE"), "ACTIVE");
    assert_eq!(create("{\"enableNetworkPolicy\": \"true\"}", "NONE"), "CREATE_FAILED");
    assert_eq!(create("{\"enableNetworkPolicy\": \"false\"}", "OVERWRITE"), "ACTIVE");
}

#[test]
fn access_is_given_to_principals_that_exist_by_entries_and_policies() {
    let region = Region::active("1.36");
    let path = "/clusters/demo/access-entries";
    let who = "arn:aws:iam::111122223333:role/team";
    let refused = region.full("POST", path, json!({"principalArn": who}), &[who], &Aftermath::None);
    assert_eq!(refused.unwrap_err().code, "InvalidParameterException");
    let made = region.post(path, json!({"principalArn": who, "kubernetesGroups": ["devs"]})).unwrap();
    assert_eq!(made["accessEntry"]["username"], "arn:aws:sts::111122223333:assumed-role/team/{{SessionName}}");
    assert_eq!(region.post(path, json!({"principalArn": who})), Err("ResourceInUseException"));
    let entry = format!("{path}/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam");
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    let scope = json!({"type": "namespace", "namespaces": ["shop"]});
    let associate = |policy: &str, scope: &Value| {
        region.post(&format!("{entry}/access-policies"), json!({"policyArn": policy, "accessScope": scope}))
    };
    assert_eq!(associate("arn:aws:eks::aws:cluster-access-policy/Nonsense", &scope), Err("InvalidParameterException"));
    assert_eq!(associate(policy, &json!({"type": "namespace"})), Err("InvalidParameterException"));
    associate(policy, &scope).unwrap();
    associate(policy, &json!({"type": "cluster"})).unwrap();
    let policies = region.get(&format!("{entry}/access-policies")).unwrap()["associatedAccessPolicies"].clone();
    assert_eq!(policies.as_array().unwrap().len(), 1);
    assert_eq!(policies[0]["accessScope"]["type"], "cluster");
    region.delete(&entry).unwrap();
    assert_eq!(region.get(&entry), Err("ResourceNotFoundException"));
}

#[test]
fn entries_are_not_for_clusters_that_use_the_config_map() {
    let region = Region::new();
    let mut wanted = region.wanted("1.36");
    wanted["accessConfig"] = Value::Null;
    region.post("/clusters", wanted).unwrap();
    region.wait();
    assert_eq!(region.get("/clusters/demo/access-entries"), Err("InvalidRequestException"));
    region.post("/clusters/demo/update-config", json!({"accessConfig": {"authenticationMode": "API"}})).unwrap();
    region.wait();
    assert!(region.get("/clusters/demo/access-entries").is_ok());
    let back = json!({"accessConfig": {"authenticationMode": "CONFIG_MAP"}});
    assert_eq!(region.post("/clusters/demo/update-config", back), Err("InvalidParameterException"));
}

#[test]
fn the_creator_is_an_administrator_unless_told_otherwise() {
    let region = Region::new();
    let mut wanted = region.wanted("1.36");
    wanted["accessConfig"] = json!({"authenticationMode": "API"});
    region.post("/clusters", wanted).unwrap();
    region.wait();
    let entries = region.get("/clusters/demo/access-entries").unwrap()["accessEntries"].clone();
    assert_eq!(entries, json!(["arn:aws:iam::111122223333:role/deployer"]));
}

#[test]
fn a_service_account_has_one_association() {
    let region = Region::active("1.36");
    let path = "/clusters/demo/pod-identity-associations";
    let wanted = json!({"namespace": "shop", "serviceAccount": "cart", "roleArn": ROLE});
    let made = region.post(path, wanted.clone()).unwrap()["association"].clone();
    assert_eq!(region.post(path, wanted), Err("ResourceInUseException"));
    assert_eq!(region.get(&format!("{path}?namespace=other")).unwrap()["associations"], json!([]));
    let one = format!("{path}/{}", made["associationId"].as_str().unwrap());
    let update = region.full("POST", &one, json!({"roleArn": ROLE}), &[ROLE], &Aftermath::None);
    assert_eq!(update.unwrap_err().code, "InvalidParameterException");
    region.delete(&one).unwrap();
    assert_eq!(region.get(&one), Err("ResourceNotFoundException"));
}

#[test]
fn tags_are_asked_of_iam_and_kept() {
    let region = Region::active("1.36");
    let arn = "arn%3Aaws%3Aeks%3Aeu-west-1%3A111122223333%3Acluster%2Fdemo";
    region.post(&format!("/tags/{arn}"), json!({"tags": {"team": "shop"}})).unwrap();
    assert_eq!(region.cluster()["tags"], json!({"team": "shop"}));
    let uri: Uri = "/clusters/demo/node-groups".parse().unwrap();
    let mut body = region.group("blue");
    body["tags"] = json!({"k": "v"});
    let request = Request::read(&Method::POST, &uri, body.to_string().as_bytes(), "eu-west-1", "").unwrap();
    let checks = region.eks.checks(&region.ec2, &request);
    let asked: Vec<&str> = checks.iter().map(|check| check.action.as_str()).collect();
    assert_eq!(asked, ["eks:CreateNodegroup", "eks:TagResource", "iam:PassRole", "iam:CreateServiceLinkedRole"]);
    assert_eq!(checks[0].resource, "arn:aws:eks:eu-west-1:111122223333:cluster/demo");
    assert_eq!(
        (&checks[0].context["aws:ResourceTag/team"], &checks[0].context["aws:RequestTag/k"]),
        (&"shop".into(), &"v".into())
    );
    region.delete(&format!("/tags/{arn}?tagKeys=team")).unwrap();
    assert_eq!(region.cluster()["tags"], json!({}));
    assert_eq!(region.get("/tags/arn%3Aaws%3Aeks%3Anowhere"), Err("NotFoundException"));
}

#[test]
fn a_session_is_the_user_that_the_entry_of_its_role_names() {
    let region = Region::active("1.36");
    let path = "/clusters/demo/access-entries";
    let who = "arn:aws:iam::111122223333:role/teams/shop";
    region.post(path, json!({"principalArn": who, "kubernetesGroups": ["devs"]})).unwrap();
    let entry = format!("{path}/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteams%2Fshop");
    for (policy, scope) in [
        ("AmazonEKSEditPolicy", json!({"type": "namespace", "namespaces": ["a", "b-*"]})),
        ("AmazonEKSViewPolicy", json!({"type": "cluster"})),
    ] {
        let arn = format!("arn:aws:eks::aws:cluster-access-policy/{policy}");
        region.post(&format!("{entry}/access-policies"), json!({"policyArn": arn, "accessScope": scope})).unwrap();
    }
    let user = |caller: &str| region.eks.user("eu-west-1", "demo", caller);
    let found = user("arn:aws:sts::111122223333:assumed-role/shop/alice@example.com").unwrap();
    assert_eq!(found["username"], "arn:aws:sts::111122223333:assumed-role/shop/alice-example.com");
    let groups = [
        "devs",
        "eks-access-policy:AmazonEKSEditPolicy:a",
        "eks-access-policy:AmazonEKSEditPolicy:b-*",
        "eks-access-policy:AmazonEKSViewPolicy",
    ];
    assert_eq!(found["groups"], json!(groups));
    assert_eq!(user("arn:aws:sts::444455556666:assumed-role/shop/alice"), None);
    assert_eq!(user("arn:aws:sts::111122223333:assumed-role/shopper/alice"), None);
    let told = region.eks.wanted(&region.ec2, "eu-west-1", "demo").unwrap().access;
    assert_eq!(told.len(), 3);
}
