//! What users write: well, badly, and with bad intent.

use std::time::{Duration, Instant};

use manifest::{Problem, Problems, parse, render, schema};

fn problems(bytes: &[u8]) -> Vec<Problem> {
    match parse(bytes) {
        Ok(checked) => checked.warnings,
        Err(Problems(problems)) => problems,
    }
}

fn rendered(text: &str) -> String {
    render("platform.yaml", text.as_bytes(), &problems(text.as_bytes()))
}

fn with_spec(spec: &str) -> String {
    let indented: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {{name: demo}}\nspec:\n  region: eu-west-1\n{indented}"
    )
}

fn codes(spec: &str) -> Vec<&'static str> {
    problems(with_spec(spec).as_bytes()).into_iter().map(|problem| problem.code).collect()
}

#[test]
fn a_short_manifest_means_a_whole_platform() {
    let checked = parse(with_spec("").as_bytes()).unwrap();
    assert_eq!(checked.warnings, []);
    insta::assert_yaml_snapshot!(serde_json::to_value(checked.manifest).unwrap());
}

#[test]
fn the_expanded_manifest_means_the_same() {
    let once =
        parse(with_spec("network: {nat: HighlyAvailable, pods: {cidr: 100.64.0.0/16}}").as_bytes()).unwrap().manifest;
    let again = parse(serde_json::to_string(&once).unwrap().as_bytes()).unwrap().manifest;
    assert_eq!(once, again);
}

#[test]
fn examples_are_accepted_by_the_parser_and_by_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let checked = parse(&bytes).unwrap_or_else(|problems| panic!("{}:\n{problems}", path.display()));
        assert_eq!(checked.warnings, [], "{}", path.display());
        let value = serde_json::to_value(checked.manifest).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 6, "an example for each document that the product answers to, and the demo's");
}

#[test]
fn the_checked_in_schema_is_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/platform.schema.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    let checked_in: serde_json::Value = serde_json::from_str(&checked_in).unwrap_or_default();
    assert!(checked_in == schema(), "the schema has changed: run `cargo xtask generate`");
}

#[test]
fn every_error_of_a_file_is_reported_at_once() {
    insta::assert_snapshot!(rendered(
        "\
apiVersion: landfall.dev/v1
kind: Platform
metadata:
  name: Demo_1
spec:
  region: eu-west1
  tags: {aws:team: a, owner: me, owner: you, key: AKIAIOSFODNN7EXAMPLE}
  acknowledge: [SingelZone]
  safety: {deletionProtection: yes, approval: Sometimes}
  updates:
    schedule: 0 25 * * *
    timeZone: Europe/Brelin
    freeze: [{from: 2027-01-04, to: 2026-12-18}]
  vpc: {}
  network:
    cidr: 10.0.0.1/16
    availabilityZones: 9
    natGateway: Single
    publicSubnets: [1]
    pods: {cidr: 10.0.128.0/17}
    flowLogs: {enabled: true, retentionDays: 31}
    routes:
      vpn: {cidr: 10.1.0.0/16}
"
    ));
}

#[test]
fn rules() {
    let table: &[(&str, &[&str])] = &[
        ("network: {cidr: 10.0.0.0/8}", &["BadCidrSize"]),
        ("network: {cidr: 10.0.0.0/25}", &["BadCidrSize"]),
        ("network: {cidr: 8.8.0.0/16}", &["PublicCidr"]),
        ("network: {cidr: 10.0.0.0/16, pods: {cidr: 10.0.0.0/17}}", &["CidrOverlap"]),
        ("network: {routes: {a: {cidr: 10.0.1.0/24, peerVpcId: vpc-12345678}}}", &["CidrOverlap"]),
        ("network: {routes: {a: {cidr: 10.9.0.0/16}}}", &["RouteTarget"]),
        (
            "network: {routes: {a: {cidr: 10.9.0.0/16, peerVpcId: vpc-12345678}, b: {cidr: 10.9.1.0/24, peerVpcId: vpc-12345679}}}",
            &["CidrOverlap"],
        ),
        ("network: {publicSubnets: false}", &["NatWithoutPublicSubnets"]),
        ("network: {nat: Disable, vpcEndpoints: {mode: Disable}}", &["NoWayOut"]),
        ("network: {availabilityZones: 1}", &["SingleZone"]),
        ("network: {availabilityZones: 1}\nacknowledge: [SingleZone]", &[]),
        ("network: {availabilityZones: [eu-west-1a, eu-west-1a]}", &["DuplicateZone"]),
        ("network: {availabilityZones: [eu-west-1a, eu-west-2b]}", &["ForeignZone"]),
        ("network: {availabilityZones: [a, b]}", &["BadFormat", "BadFormat"]),
        ("network: {vpcId: vpc-12345678}", &["VpcWithoutSubnets"]),
        ("network: {subnets: {private: []}}", &["SubnetsWithoutVpc"]),
        (
            "network: {vpcId: vpc-12345678, subnets: {private: [subnet-12345678]}, cidr: 10.0.0.0/16}",
            &["TooFewSubnets", "GivenAndMade"],
        ),
        ("network: {flowLogs: {retentionDays: 31}}", &["BadRetention"]),
        ("safety: {deletionProtection: false, onManifestDelete: Teardown}", &["Unprotected"]),
        ("updates: {schedule: '0 10 * *'}", &["BadFormat"]),
        ("updates: {schedule: '* * * * *'}", &["BadFormat"]),
        ("updates: {schedule: '0 0 30 2 *'}", &["BadFormat"]),
        ("network: {pods: {cidr: 192.168.0.0/16}}", &["CidrRange"]),
        ("network: {cidr: 10.0.0.1/16, pods: {cidr: 10.0.128.0/17}}", &["BadFormat"]),
        ("network: {routes: {a: {cidr: 10.0.0.0/8, transitGatewayId: tgw-12345678}}}", &[]),
        ("tags: {owner: }", &["WrongType"]),
        ("tags: {owner: !Ref x}", &["Tag"]),
        ("network: {vpcEndpoints: {additional: [xray, ~]}}", &["WrongType"]),
        ("updates: {freeze: [{from: 2026-02-30, to: 2026-03-01}]}", &["BadFormat"]),
        ("tags: {Name: x}", &["ReservedTag"]),
        ("tags: {cost-center: 4711}", &[]),
        ("tags: {'a<b': x}", &["BadTag"]),
        ("alerts: {sns: 'arn:aws:sns:eu-west-1:123456789012:x'}", &["BadFormat"]),
        ("network:", &[]),
    ];
    for (spec, expected) in table {
        assert_eq!(codes(spec), *expected, "{spec}");
    }
}

/// A cluster to which nobody has an objection, with further fields.
fn cluster(more: &str) -> String {
    format!(
        "cluster: {{apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}, \
         accessEntries: {{admins: {{role: admin, policies: [AmazonEKSClusterAdminPolicy]}}}}{more}}}"
    )
}

#[test]
fn rules_of_the_control_plane() {
    let entries = |entries: &str| {
        format!("cluster: {{apiServer: {{publicAccessCidrs: [203.0.113.7/32]}}, accessEntries: {{{entries}}}}}")
    };
    let admin = "policies: [AmazonEKSClusterAdminPolicy]";
    let api =
        |api: &str| format!("cluster: {{apiServer: {{{api}}}, accessEntries: {{admins: {{role: admin, {admin}}}}}}}");
    let service = |block: &str| cluster(&format!(", kubernetesNetworkConfig: {{serviceIpv4Cidr: {block}}}"));
    let many: Vec<String> = (0..41).map(|n| format!("203.0.113.{n}/32")).collect();
    let table: &[(&str, &[&str])] = &[
        (&cluster(""), &[]),
        ("cluster: {}", &["NoWayToApiServer", "NobodyCanLogIn"]),
        ("cluster: {}\nacknowledge: [NobodyCanLogIn, NoWayToApiServer]", &[]),
        ("compute: {}", &["WithoutCluster"]),
        ("serviceAccounts: {apps/api: {secretsPrefix: apps/}}", &["WithoutCluster"]),
        (&cluster(", version: 1.35"), &[]),
        (&cluster(", version: 1.30"), &[]),
        (&cluster(", version: 1.35.2"), &["BadVersion"]),
        (&cluster(", version: latest"), &["BadVersion"]),
        (&cluster(", logging: {retentionDays: 31}"), &["BadRetention"]),
        (&cluster(", logging: {types: [audits]}"), &["UnknownValue"]),
        (&cluster(", encryptionConfig: {keyArn: mine}"), &["BadFormat"]),
        (&service("172.16.0.0/12"), &[]),
        (&service("172.16.0.0/11"), &["BadFormat"]),
        (&service("100.64.0.0/16"), &["BadServiceCidr"]),
        (&service("8.8.0.0/16"), &["BadServiceCidr"]),
        (&service("192.168.0.0/25"), &["BadServiceCidr"]),
        (&service("10.0.128.0/20"), &["CidrOverlap"]),
        (&format!("{}\nnetwork: {{pods: {{cidr: 10.100.0.0/16}}}}", service("10.100.0.0/16")), &["CidrOverlap"]),
        (
            &format!(
                "{}\nnetwork: {{routes: {{vpn: {{cidr: 192.168.0.0/16, transitGatewayId: tgw-12345678}}}}}}",
                service("192.168.7.0/24")
            ),
            &["CidrOverlap"],
        ),
        // Without a block of the user's, one that is free is taken.
        (&format!("{}\nnetwork: {{cidr: 172.20.0.0/16}}", cluster("")), &[]),
        (&api("publicAccessCidrs: [0.0.0.0/0]"), &["OpenApiServer"]),
        (&format!("{}\nacknowledge: [OpenApiServer]", api("publicAccessCidrs: [0.0.0.0/0]")), &[]),
        (&api("publicAccessCidrs: [10.0.0.0/8]"), &["PrivateCidr"]),
        (&api(&format!("publicAccessCidrs: [{}]", many.join(", "))), &["TooManyCidrs"]),
        (&api(""), &["NoWayToApiServer"]),
        (&api("privateAccessCidrs: [10.0.0.0/16]"), &[]),
        (&api("privateAccessCidrs: [10.200.0.0/16]"), &["UnroutedPrivateAccess"]),
        (
            &format!(
                "{}\nnetwork: {{routes: {{vpn: {{cidr: 10.200.0.0/16, transitGatewayId: tgw-12345678}}}}}}",
                api("privateAccessCidrs: [10.200.7.0/24]")
            ),
            &[],
        ),
        (&entries("a: {role: x}"), &["NobodyCanLogIn"]),
        (&entries("a: {role: x, groups: [developers]}"), &[]),
        (&entries(&format!("a: {{{admin}}}")), &["AccessEntryPrincipal"]),
        (&entries(&format!("a: {{role: x, user: y, {admin}}}")), &["AccessEntryPrincipal"]),
        (&entries(&format!("a: {{role: x, {admin}}}, b: {{role: x, {admin}}}")), &["DuplicatePrincipal"]),
        (&entries(&format!("a: {{role: x, {admin}}}, b: {{user: x, {admin}}}")), &[]),
        (&entries("a: {role: x, groups: [g], namespaces: [apps]}"), &["NamespacesWithoutPolicies"]),
        (&entries("a: {role: x, groups: ['system:masters']}"), &["ReservedGroup"]),
        (&entries("a: {role: 'arn:aws:iam::111122223333:role/x', groups: [g]}"), &["BadFormat"]),
        (&entries("a: {role: x, policies: [cluster-admin]}"), &["BadFormat"]),
        (&format!("{}\nnetwork: {{availabilityZones: 1}}", cluster("")), &["TooFewZones"]),
    ];
    for (spec, expected) in table {
        assert_eq!(codes(spec), *expected, "{spec}");
    }
}

#[test]
fn rules_of_what_pods_run_on() {
    let on = |compute: &str| format!("{}\ncompute: {{{compute}}}", cluster(""));
    let groups = |group: &str| on(&format!("managedNodeGroups: {{core: {{{group}}}}}"));
    let fargate = "fargateProfiles: {all: {selectors: [{namespace: 'app*'}]}}";
    let long = "n".repeat(55);
    let closed = "network: {nat: Disable, publicSubnets: false, vpcEndpoints: {mode: Disable, additional: [ecr.api]}}";
    let pinned = |name: &str, compute: &str| {
        format!("{}\ncompute: {{{compute}}}", cluster(&format!(", addons: {{{name}: {{version: v1}}}}")))
    };
    let account = |fields: &str, compute: &str| format!("{}\nserviceAccounts: {{apps/api: {{{fields}}}}}", on(compute));
    let many = |value: &str, count: u32| (0..count).map(|n| format!("n{n}: {value}")).collect::<Vec<_>>().join(", ");
    let statement = "Statement: [{Effect: Allow, Action: 'sqs:SendMessage', Resource: '*'}]";
    let table: &[(&str, &[&str])] = &[
        (&on(""), &[]),
        (&groups("instanceTypes: [m7g.large], minSize: 1, maxSize: 5, desiredSize: 2"), &[]),
        (&groups("instanceTypes: []"), &["NoInstanceTypes"]),
        (&groups("minSize: 4"), &["BadSizes"]),
        (&groups("desiredSize: 1"), &["BadSizes"]),
        (&groups("maxSize: 1001"), &["OutOfRange"]),
        (&groups("diskSize: 5"), &["OutOfRange"]),
        (&groups("amiFamily: AmazonLinux2"), &["UnknownValue"]),
        (&groups("availabilityZones: [eu-central-1a]"), &["ForeignZone"]),
        (&groups("taints: [{key: a, effect: NoSchedule}]"), &["OnlyTaintedNodes"]),
        (&groups("taints: [{key: a, effect: PreferNoSchedule}]"), &[]),
        (&groups("taints: [{effect: NoSchedule}]"), &["MissingField"]),
        (&on("managedNodeGroups: {core: {taints: [{key: a, effect: NoExecute}]}, apps: {}}"), &[]),
        (&on("autoMode: {}, managedNodeGroups: {core: {taints: [{key: a, effect: NoExecute}]}}"), &[]),
        (&on(&format!("managedNodeGroups: {{{long}: {{}}}}")), &["BadName"]),
        (&on("managedNodeGroups: {a.b: {}}"), &["BadName"]),
        (&on(fargate), &[]),
        (&on("fargateProfiles: {eks-a: {selectors: [{namespace: a}]}}"), &["BadName"]),
        (&on("fargateProfiles: {a: {selectors: []}}"), &["OutOfRange"]),
        (&on("fargateProfiles: {a: {selectors: [{namespace: Apps}]}}"), &["BadFormat"]),
        (&groups(&format!("taints: [{}]", vec!["{key: a, effect: PreferNoSchedule}"; 51].join(", "))), &["TooMany"]),
        (&on(&format!("managedNodeGroups: {{{}}}", many("{}", 101))), &["TooMany"]),
        (&format!("{}\nserviceAccounts: {{{}}}", on(""), many("{secretsPrefix: a}", 1001)), &["TooMany"]),
        (&pinned("vpc-cni", fargate), &["UnusedAddon"]),
        (&pinned("kube-proxy", fargate), &["UnusedAddon"]),
        (&pinned("eks-pod-identity-agent", "autoMode: {}"), &["UnusedAddon"]),
        (&pinned("coredns", "autoMode: {}"), &["UnusedAddon"]),
        (&pinned("coredns", fargate), &[]),
        (&pinned("vpc-cni", "autoMode: {}, managedNodeGroups: {core: {}}"), &[]),
        (&format!("{}\n{closed}", on("")), &["MissingEndpoints"]),
        (&format!("{}\n{}", on(""), closed.replace("Disable, additional", "Auto, additional")), &[]),
        (&account("secretsPrefix: apps/", ""), &[]),
        (&account("", ""), &["EmptyServiceAccount"]),
        (&account("policies: [AmazonS3ReadOnlyAccess, 'arn:aws:iam::111122223333:policy/mine']", ""), &[]),
        (&account("policies: ['s3:GetObject']", ""), &["BadFormat"]),
        (&account(&format!("policy: {{{statement}}}"), ""), &[]),
        (&account("policy: {Statements: []}", ""), &["BadPolicy"]),
        (&account("policy: {Statement: [{$of: network/vpc, output: id}]}", ""), &["BadPolicy"]),
        (&account("secretsPrefix: a, mechanism: PodIdentity", ""), &[]),
        (&account("secretsPrefix: a, mechanism: PodIdentity", fargate), &["PodIdentityOnFargate"]),
        (&account("secretsPrefix: a, mechanism: Irsa", fargate), &[]),
        (&account("secretsPrefix: a", fargate), &[]),
        (&account("secretsPrefix: 'a*'", ""), &["BadFormat"]),
        (&format!("{}\nserviceAccounts: {{api: {{secretsPrefix: a}}}}", cluster("")), &["BadName"]),
        (&format!("{}\nserviceAccounts: {{Apps/api: {{secretsPrefix: a}}}}", cluster("")), &["BadName"]),
    ];
    for (spec, expected) in table {
        assert_eq!(codes(spec), *expected, "{spec}");
    }
}

#[test]
fn a_cluster_without_fields_means_a_good_one() {
    let spec = "cluster: {}\nacknowledge: [NobodyCanLogIn, NoWayToApiServer]";
    let value = serde_json::to_value(parse(with_spec(spec).as_bytes()).unwrap().manifest.spec).unwrap();
    let shown = serde_json::json!({"cluster": value["cluster"], "compute": value["compute"]});
    insta::with_settings!({sort_maps => true}, { insta::assert_yaml_snapshot!(shown) });
}

#[test]
fn a_cluster_is_expanded_once() {
    let spec = format!(
        "{}\ncompute: {{autoMode: {{}}, managedNodeGroups: {{core: {{}}}}}}\nserviceAccounts: {{apps/api: {{policy: {{Statement: [{{Effect: Deny, n: 1.5}}]}}}}}}",
        cluster(", version: 1.34, addons: {coredns: {configuration: {replicaCount: 3, list: [a, {b: true}]}}}")
    );
    let once = parse(with_spec(&spec).as_bytes()).unwrap().manifest;
    assert_eq!(parse(serde_json::to_string(&once).unwrap().as_bytes()).unwrap().manifest, once);
    let coredns = once.spec.cluster.unwrap().addons.coredns.unwrap();
    assert_eq!(
        serde_json::json!(coredns.configuration),
        serde_json::json!({"replicaCount": 3, "list": ["a", {"b": true}]})
    );
}

/// What eksctl calls a thing leads to what it is called here.
#[test]
fn the_words_of_eksctl_are_understood() {
    let table = [
        ("nodeGroups: []", "spec.compute.managedNodeGroups"),
        ("managedNodeGroups: []", "spec.compute.managedNodeGroups"),
        ("fargateProfiles: []", "spec.compute.fargateProfiles"),
        ("iam: {}", "spec.serviceAccounts"),
        ("cloudWatch: {}", "spec.cluster.logging"),
        ("privateCluster: {}", "spec.cluster.apiServer"),
        ("secretsEncryption: {}", "spec.cluster.encryptionConfig"),
        ("iamIdentityMappings: []", "spec.cluster.accessEntries"),
        ("autoModeConfig: {}", "spec.compute.autoMode"),
        ("compute: {nodeGroups: {}}", "managedNodeGroups"),
        ("compute: {managedNodeGroups: {core: {desiredCapacity: 2}}}", "desiredSize"),
        ("compute: {managedNodeGroups: {core: {volumeSize: 80}}}", "diskSize"),
        ("compute: {managedNodeGroups: {core: {instanceType: m7g.large}}}", "instanceTypes"),
        ("compute: {managedNodeGroups: {core: {spot: true}}}", "capacityType"),
        ("cluster: {clusterEndpoints: {}}", "apiServer"),
    ];
    for (spec, ours) in table {
        let found = problems(with_spec(spec).as_bytes());
        let unknown = found.iter().find(|problem| problem.code == "UnknownField").unwrap_or_else(|| panic!("{spec}"));
        assert!(unknown.fix.contains(&format!("{ours}`")), "{spec}: {}", unknown.fix);
    }
}

/// Whatever the bytes are, the answer is clear, quick and small.
#[test]
fn hostile_files() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n".to_owned();
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let deep_but_small = "[".repeat(5_000);
    let nested: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let wide = "- a\n".repeat(60_000);
    let table: &[(&str, &[u8], &str)] = &[
        ("nothing", b"", "Empty"),
        ("blanks", b" \n\n", "Empty"),
        ("comments", b"# hello\n", "Empty"),
        ("a list", b"- a\n", "WrongType"),
        ("a scalar", b"hello\n", "WrongType"),
        ("tabs", b"spec:\n\tregion: a\n", "Tab"),
        ("syntax", b"a: [1, 2\nb: 3\n", "Syntax"),
        ("latin-1", b"a: caf\xe9\n", "NotUtf8"),
        ("two documents", b"a: 1\n---\nb: 2\n", "SeveralDocuments"),
        ("alias bomb", bomb.as_bytes(), "Alias"),
        ("a megabyte of brackets", deep.as_bytes(), "TooLarge"),
        ("brackets", deep_but_small.as_bytes(), "TooDeep"),
        ("nested maps", nested.as_bytes(), "TooDeep"),
        ("many values", wide.as_bytes(), "TooLarge"),
        ("NUL", b"a: \0\n", "Syntax"),
    ];
    for (name, bytes, code) in table {
        let begun = Instant::now();
        let found = problems(bytes);
        assert!(
            begun.elapsed() < Duration::from_millis(100) * 10,
            "{name} took {:?} in a debug build",
            begun.elapsed()
        );
        assert!(found.iter().any(|problem| problem.code == *code), "{name}: {found:?}");
    }
}

#[test]
fn an_empty_required_field_is_missing() {
    let text = "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {name: }\nspec: {region: }\n";
    let found = problems(text.as_bytes());
    assert_eq!(found.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["MissingField", "MissingField"]);
    let text = "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {name: demo}\nspec:\n";
    let found = problems(text.as_bytes());
    assert_eq!(found.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["MissingField"]);
}

#[test]
fn a_tag_with_dots_in_its_key_is_found_where_it_stands() {
    let text = with_spec("tags:\n  a: b\n  kubernetes.io/role: x");
    assert_eq!(problems(text.as_bytes())[0].line, 8);
}

#[test]
fn a_secret_is_shown_nowhere() {
    let text = with_spec("tags: {key: AKIAIOSFODNN7EXAMPLE, key: AKIAIOSFODNN7EXAMPLE}");
    let all = format!("{}{:?}", rendered(&text), problems(text.as_bytes()));
    assert!(all.contains("LiteralSecret") && !all.contains("AKIAIOSFODNN7EXAMPLE"), "{all}");
}

#[test]
fn thousands_of_errors_make_a_short_answer() {
    let fields: String = (0..9_000).map(|n| format!("f{n}: 1, ")).collect();
    let text = with_spec(&format!("network: {{{fields}}}"));
    let begun = Instant::now();
    let shown = rendered(&text);
    assert!(shown.len() < 100_000, "{} bytes", shown.len());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?} in a debug build", begun.elapsed());
}

#[test]
fn a_byte_order_mark_is_no_error() {
    let text = format!("\u{feff}{}", with_spec(""));
    assert_eq!(problems(text.as_bytes()), []);
}

#[test]
fn fields_are_explained() {
    insta::assert_yaml_snapshot!(manifest::explain("network.nat").unwrap());
    insta::assert_yaml_snapshot!(manifest::explain("spec.safety").unwrap());
    assert_eq!(manifest::explain("network.natt"), Err(Some("spec.network.nat".into())));
    assert_eq!(manifest::explain("network.routes.vpn.cidr").unwrap().expects, "text (cidr)");
}
