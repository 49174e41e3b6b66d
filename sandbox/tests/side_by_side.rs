//! Two sandboxes know nothing of each other and leave nothing behind.

use std::error::Error;
use std::path::Path;

use sandbox::{Options, Rule, Sandbox};

async fn up(dir: &Path) -> Result<Sandbox, Box<dyn Error>> {
    // Programs that are never run; this test is about the sandbox.
    let functions = dir.join("functions");
    std::fs::create_dir_all(&functions)?;
    for name in ["admit", "alert", "cluster", "fleet", "gate", "network", "settle", "teardown"] {
        std::fs::write(functions.join(name), "#!/bin/sh\nexit 1\n")?;
    }
    Ok(Sandbox::up(&Options { dir: dir.into(), scale: 1.0 / 60.0, functions: Some(functions) }).await?)
}

async fn buckets(sandbox: &Sandbox) -> Result<Vec<String>, aws_sdk_s3::Error> {
    let answer = aws_sdk_s3::Client::new(sandbox.config()).list_buckets().send().await?;
    Ok(answer.buckets().iter().filter_map(|bucket| Some(bucket.name()?.to_owned())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sandboxes_run_side_by_side_and_end() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = tokio::try_join!(up(one.path()), up(other.path())).unwrap();
    let bucket = first.variable("LANDFALL_BUCKET");
    assert!(buckets(&first).await.unwrap().iter().any(|name| name == bucket));
    assert!(!buckets(&second).await.unwrap().iter().any(|name| name == bucket));

    assert_eq!(first.calls().iter().map(|call| call.action.as_str()).collect::<Vec<_>>(), ["ListBuckets"]);
    first.script(Rule::fail("s3", "ListBuckets", "AccessDenied", "no").times(1));
    assert!(buckets(&first).await.is_err());
    assert!(buckets(&first).await.is_ok());

    let endpoint = first.variable("AWS_ENDPOINT_URL").trim_start_matches("http://").to_owned();
    drop(first);
    assert!(std::net::TcpStream::connect(endpoint).is_err());
    assert!(buckets(&second).await.is_ok());
}
