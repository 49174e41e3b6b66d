//! How long it takes to validate a manifest and to plan 10,000 platforms, as JSON: `cargo xtask bench` runs it optimized.
#![allow(clippy::print_stdout, reason = "its answer")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use domain::{AccountId, Target};
use plan::{Facts, plan};

const PLATFORMS: u32 = 10_000;
const VALIDATIONS: u32 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let text = include_bytes!("../../../examples/network.yaml");
    let manifest = manifest::parse(text).map_err(|problems| format!("{problems:?}"))?.manifest;
    let started = Instant::now();
    for _ in 0..VALIDATIONS {
        black_box(manifest::parse(black_box(text)).is_ok());
    }
    let validate = started.elapsed().as_secs_f64() * 1000.0 / f64::from(VALIDATIONS);

    let target = Target { account: AccountId::parse("123456789012")?, region: manifest.spec.region.clone() };
    let zones = ["a", "b", "c"].iter().enumerate().map(|(n, zone)| (format!("euw1-az{n}"), format!("eu-west-1{zone}")));
    let facts = Facts { zones: zones.collect(), ..Facts::default() };
    let started = Instant::now();
    for _ in 0..PLATFORMS {
        black_box(plan("landfall", black_box(&manifest), &target, &facts).map_err(|problems| format!("{problems:?}"))?);
    }
    let plans = started.elapsed().as_secs_f64();
    println!(r#"{{"validateMilliseconds": {validate}, "planSeconds": {plans}}}"#);
    Ok(())
}
