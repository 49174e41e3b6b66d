//! The binary as a person or a script meets it, without AWS.

#![allow(clippy::unwrap_used, reason = "a test says what must hold by unwrapping it, in its helpers too")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `landfall` with nothing of this machine's configuration, and `input` on its standard input.
fn landfall(folder: &Path, arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_landfall"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn what_init_prints_validates() {
    let folder = tempfile::tempdir().unwrap();
    let printed = landfall(folder.path(), &["--region", "eu-north-1", "init", "--name", "mine", "-"], "");
    assert_eq!(code(&printed), 0, "{}", err(&printed));
    assert!(out(&printed).contains("name: mine\n") && out(&printed).contains("region: eu-north-1\n"));
    let checked = landfall(folder.path(), &["validate", "-f", "-"], &out(&printed));
    assert_eq!(code(&checked), 0, "{}", err(&checked));
    assert_eq!(out(&checked), "`<stdin>` is valid\n");
}

#[test]
fn init_never_overwrites_unasked() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&landfall(folder.path(), &["init"], "")), 0);
    let again = landfall(folder.path(), &["init"], "");
    assert_eq!(code(&again), 1);
    insta::assert_snapshot!(err(&again), @r"
    error: `platform.yaml` is there already

    hint: Name another file, or overwrite it with `landfall init platform.yaml --force`
    ");
    assert_eq!(code(&landfall(folder.path(), &["init", "--force"], "")), 0);
}

#[test]
fn a_profile_gives_its_region() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".aws")).unwrap();
    std::fs::write(folder.path().join(".aws/config"), "[profile work]\nregion = ap-south-1\n").unwrap();
    let printed = landfall(folder.path(), &["init", "-", "--profile", "work"], "");
    assert!(out(&printed).contains("region: ap-south-1\n"), "{}", err(&printed));
}

#[test]
fn an_invalid_manifest_shows_every_error_and_ends_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = "apiVersion: landfall.dev/v1alpha1\nkind: Platform\nmetadata: {name: Demo}\nspec: {region: eu-west-1, netwrk: {}}\n";
    let checked = landfall(folder.path(), &["validate", "-f", "-"], manifest);
    assert_eq!(code(&checked), 1);
    insta::assert_snapshot!(out(&checked));
    let json = landfall(folder.path(), &["validate", "-f", "-", "-o", "json"], manifest);
    assert_eq!(code(&json), 1);
    insta::assert_snapshot!(out(&json));
}

#[test]
fn a_usage_error_is_not_taken_for_changes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&landfall(folder.path(), &["plan", "--exit-cod"], "")), 64);
    assert_eq!(code(&landfall(folder.path(), &[], "")), 64);
    assert_eq!(code(&landfall(folder.path(), &["--help"], "")), 0);
    assert_eq!(code(&landfall(folder.path(), &["unprotect", "demo", "--for", "9d"], "")), 64);
}

#[test]
fn without_a_region_the_hint_names_the_option() {
    let folder = tempfile::tempdir().unwrap();
    let listed = landfall(folder.path(), &["list"], "");
    assert_eq!(code(&listed), 1);
    insta::assert_snapshot!(err(&listed), @r"
    error: No region is configured

    hint: Name the region of the installation with `--region`, or set `AWS_REGION`
    ");
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let planned = landfall(folder.path(), &["plan", "-f", "absent.yaml"], "");
    assert_eq!(code(&planned), 1);
    insta::assert_snapshot!(err(&planned), @r"
    error: `absent.yaml` could not be read
      caused by: No such file or directory (os error 2)

    hint: Write one with `landfall init absent.yaml`
    ");
}

#[test]
fn completions_for_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = landfall(folder.path(), &["completions", shell], "");
        assert_eq!(code(&script), 0);
        assert!(out(&script).contains("unprotect"), "{shell}");
    }
}

#[test]
fn the_schema_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let schema: serde_json::Value = serde_json::from_str(&out(&landfall(folder.path(), &["schema"], ""))).unwrap();
    assert!(schema["properties"]["spec"].is_object());
}

/// The examples of the reference, one after the other in one folder. Where an example shows output, it is all of it.
#[test]
fn the_examples_of_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let reference = include_str!("../../docs/reference/cli.md");
    let example = reference.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    for step in example.split("$ landfall ").skip(1) {
        let (command, shown) = step.split_once('\n').unwrap();
        let ran = landfall(folder.path(), &command.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(code(&ran), 0, "{command}: {}", err(&ran));
        assert!(shown.is_empty() || out(&ran) + &err(&ran) == shown, "{command}: {}{}", out(&ran), err(&ran));
    }
}

#[test]
fn without_credentials_the_hint_names_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let listed = landfall(folder.path(), &["list", "--region", "eu-west-1"], "");
    assert_eq!(code(&listed), 1);
    insta::assert_snapshot!(err(&listed), @r"
    error: No AWS credentials were found

    hint: Choose a profile with `--profile`, or log in, for example with `aws sso login`
    ");
}
