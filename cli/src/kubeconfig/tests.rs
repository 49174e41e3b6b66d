use super::*;
use crate::fixtures;

fn cluster() -> Cluster {
    crate::cluster::of(&fixtures::platform(), &fixtures::cluster_records()).unwrap()
}

fn exec() -> Exec {
    Exec { program: "/usr/local/bin/landfall".into(), profile: None, profile_of_environment: None }
}

fn read_back(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// A file as others leave it, with what a careless writer spoils: numbers and booleans that are texts, and long lines.
const OTHERS: &str = r#"
apiVersion: v1
kind: Config
preferences: {colors: true}
current-context: work
clusters:
- name: work
  cluster: {server: "https://work.example.com", certificate-authority-data: "LS0t"}
users:
- name: work
  user:
    username: "on"
    password: "0123"
    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, args: ["--version", "1.10", "yes"], env: null}
contexts:
- name: work
  context: {cluster: work, user: work, namespace: apps}
extensions:
- name: note
  extension: {text: "a line\nand another", long: "a sentence that is so very long that a writer of YAML is tempted to fold it in two"}
"#;

#[test]
fn a_new_file() {
    insta::assert_snapshot!(merged("", &cluster(), &exec()).unwrap());
}

#[test]
fn a_profile_is_given_on() {
    let named = Exec { profile: Some("work".to_owned()), ..exec() };
    let document = read_back(&merged("", &cluster(), &named).unwrap());
    let written = &document["users"][0]["user"]["exec"];
    assert_eq!(written["args"], json!(["token", "demo", "--in", "eu-west-1", "--profile", "work"]));
    assert_eq!(written["env"], Value::Null);
    let of_environment = Exec { profile_of_environment: Some("home".to_owned()), ..exec() };
    let document = read_back(&merged("", &cluster(), &of_environment).unwrap());
    let written = &document["users"][0]["user"]["exec"];
    assert_eq!(written["args"], json!(["token", "demo", "--in", "eu-west-1"]));
    assert_eq!(written["env"], json!([{"name": "AWS_PROFILE", "value": "home"}]));
}

#[test]
fn what_others_wrote_stays_as_it_was() {
    let after = read_back(&merged(OTHERS, &cluster(), &exec()).unwrap());
    let before = read_back(OTHERS);
    for list in ["clusters", "users", "contexts"] {
        assert_eq!(after[list][0], before[list][0], "{list}");
        assert_eq!(after[list][1]["name"], "demo", "{list}");
    }
    assert_eq!((&after["extensions"], &after["preferences"]), (&before["extensions"], &before["preferences"]));
    assert_eq!(after["current-context"], "demo");
}

/// Many readers follow YAML 1.1, where these are no texts; among them is the one of `kubectl`.
#[test]
fn a_text_stays_a_text_for_every_reader() {
    let text = merged(OTHERS, &cluster(), &exec()).unwrap();
    for scalar in ["on", "yes", "1.10", "0123"] {
        let plain = text.lines().any(|line| line.trim_end().ends_with(&format!(" {scalar}")));
        assert!(!plain, "{scalar} has lost its quotes:\n{text}");
    }
}

#[test]
fn the_same_again_changes_nothing_and_a_new_life_of_the_cluster_moves_the_entry() {
    let once = merged(OTHERS, &cluster(), &exec()).unwrap();
    assert_eq!(merged(&once, &cluster(), &exec()).unwrap(), once);
    let with_namespace = once.replace("cluster: demo\n", "cluster: demo\n    namespace: apps\n");
    let reborn = Cluster { endpoint: "https://new.example.com".to_owned(), ..cluster() };
    let moved = read_back(&merged(&with_namespace, &reborn, &exec()).unwrap());
    assert_eq!(moved["clusters"].as_array().unwrap().len(), 2);
    assert_eq!(moved["clusters"][1]["cluster"]["server"], "https://new.example.com");
    assert_eq!(moved["contexts"][1]["context"]["namespace"], "apps");
}

#[test]
fn a_name_that_somebody_else_uses_is_not_taken() {
    let refused = |before: &str| merged(before, &cluster(), &exec()).unwrap_err().message;
    let foreign = "clusters: [{name: demo, cluster: {server: https://kind}}]";
    assert_eq!(refused(foreign), "The file has a cluster `demo` that Landfall did not write");
    let elsewhere = Cluster { arn: "arn:aws:eks:eu-west-1:210987654321:cluster/demo".to_owned(), ..cluster() };
    let other = merged("", &elsewhere, &exec()).unwrap();
    assert_eq!(
        refused(&other),
        "`demo` is another cluster in that file: arn:aws:eks:eu-west-1:210987654321:cluster/demo"
    );
    let user = "users: [{name: demo, user: {token: x}}]";
    assert_eq!(refused(user), "The file has `demo` among its users, which Landfall did not write");
}

#[test]
fn what_is_no_configuration_is_left_alone() {
    for text in ["kind: Pod", "[1, 2]", "clusters: none", "a: b: c"] {
        let failure = merged(text, &cluster(), &exec()).unwrap_err();
        assert!(failure.message.starts_with("The file is no configuration of `kubectl`"), "{text}: {failure:?}");
    }
}

#[test]
fn the_file_is_the_one_that_has_the_entry_or_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let listed = || Some(std::env::join_paths([PathBuf::new(), first.clone(), second.clone()]).unwrap());
    assert_eq!(place(listed(), None, "demo").unwrap(), first);
    write(&second, &merged("", &cluster(), &exec()).unwrap()).unwrap();
    assert_eq!(place(listed(), None, "demo").unwrap(), second);
    assert_eq!(place(listed(), None, "other").unwrap(), first);
    let home = Some(PathBuf::from("/home/ada"));
    assert_eq!(place(None, home.clone(), "demo").unwrap(), Path::new("/home/ada/.kube/config"));
    assert_eq!(place(Some(OsString::new()), home, "demo").unwrap(), Path::new("/home/ada/.kube/config"));
    assert!(place(None, None, "demo").is_err());
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_the_file_and_a_link_stays_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("dotfiles"), folder.path().join(".kube/config"));
    std::fs::write(&target, "kind: Config\n").unwrap();
    std::fs::create_dir(folder.path().join(".kube")).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    write(&link, "kind: Config\napiVersion: v1\n").unwrap();
    assert!(link.is_symlink());
    assert_eq!(read(&target).unwrap(), "kind: Config\napiVersion: v1\n");
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let new = folder.path().join("new/folder/config");
    write(&new, "kind: Config\n").unwrap();
    assert_eq!(new.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
