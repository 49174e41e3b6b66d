//! `cargo xtask sandbox up` and `down`: a sandbox that stays until it is told to go.
//!
//! `up` starts this program again as `sandbox serve` in a process group of its own, and returns when the installation is
//! complete; `down` asks the gateway of the sandbox in the folder to stop.

use std::error::Error;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::sandbox::{Chaos, Options, Rule, Sandbox};
use clap::{Args, Subcommand};

use crate::people::people;

/// `cargo xtask sandbox …`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Starts a sandbox; source `<dir>/env` and use `aws` and `landfall` as ever.
    Up {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        trouble: Trouble,
    },
    /// Ends the sandbox of this folder.
    Down {
        /// The sandbox's folder.
        #[arg(long, default_value = ".sandbox")]
        dir: PathBuf,
    },
    /// Runs a sandbox in the foreground until `down` or Ctrl-C.
    Serve(Place),
}

#[derive(Debug, Args)]
struct Place {
    /// What AWS's durations are multiplied by, as a fraction or a number.
    #[arg(long, default_value = "1/60", value_parser = scale)]
    scale: f64,
    /// The sandbox's folder; several sandboxes run side by side in different folders.
    #[arg(long, default_value = ".sandbox")]
    dir: PathBuf,
    /// Where the functions' programs lie, if they are built already.
    #[arg(long)]
    functions: Option<PathBuf>,
}

/// What goes wrong in the sandbox.
#[derive(Debug, Args)]
struct Trouble {
    /// A list of rules, in JSON or YAML: which calls go wrong, and how. `GET /_sandbox/faults` answers in the same form.
    #[arg(long, value_name = "FILE")]
    chaos: Option<PathBuf>,
    /// Makes calls of the functions go wrong by chance; the same seed is the same chance.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// With --seed: how many of a thousand calls go wrong.
    #[arg(long, requires = "seed", default_value_t = RATE)]
    per_mille: u32,
    /// With --seed: after how many faults no more come.
    #[arg(long, requires = "seed", default_value_t = FAULTS)]
    faults: u32,
}

/// How many of a thousand calls go wrong by chance, unless something else is asked for.
pub(crate) const RATE: u32 = 30;

/// How many faults chance makes, unless something else is asked for.
pub(crate) const FAULTS: u32 = 25;

type Done = Result<(), Box<dyn Error>>;

pub(crate) async fn run(arguments: Arguments) -> Done {
    match arguments.task {
        Task::Up { place, trouble } => up(&place, trouble).await,
        Task::Down { dir } => down(&dir).await,
        Task::Serve(place) => serve(place).await,
    }
}

async fn up(place: &Place, trouble: Trouble) -> Done {
    let rules = trouble.chaos.as_deref().map(rules).transpose()?.unwrap_or_default();
    std::fs::create_dir_all(&place.dir)?;
    if let Some(endpoint) = endpoint(&place.dir) {
        if alive(&endpoint).await {
            return Err(format!("a sandbox runs in {}; `cargo xtask sandbox down` ends it", place.dir.display()).into());
        }
        std::fs::remove_file(place.dir.join("env"))?;
    }
    let started = Instant::now();
    let log = place.dir.join("sandbox.log");
    let mut process = start(place, &log)?;
    say(&format!("starting a sandbox in {} (log: {})", place.dir.display(), log.display()));
    while endpoint(&place.dir).is_none() {
        if let Some(status) = process.try_wait()? {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("the sandbox did not come up ({status}):\n{text:.4000}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let endpoint = endpoint(&place.dir).unwrap_or_default();
    for rule in &rules {
        tell(&endpoint, "rules", rule).await?;
    }
    if let Some(seed) = trouble.seed {
        let Trouble { per_mille, faults, .. } = trouble;
        tell(&endpoint, "chaos", &Chaos { seed, about: None, per_mille, faults }).await?;
    }
    say(&format!("ready after {} s: source {}/env", started.elapsed().as_secs(), place.dir.display()));
    Ok(())
}

/// The rules in a file.
pub(crate) fn rules(path: &Path) -> Result<Vec<Rule>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    // JSON is YAML too.
    serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}

async fn tell(endpoint: &str, what: &str, body: &impl serde::Serialize) -> Done {
    let url = format!("{endpoint}/_sandbox/{what}");
    let request = client()?.post(url).header("content-type", "application/json").body(serde_json::to_string(body)?);
    request.send().await?.error_for_status()?;
    Ok(())
}

async fn down(dir: &Path) -> Done {
    let endpoint = endpoint(dir).ok_or_else(|| format!("no sandbox runs in {}", dir.display()))?;
    if alive(&endpoint).await {
        client()?.post(format!("{endpoint}/_sandbox/stop")).send().await?;
        while alive(&endpoint).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    std::fs::remove_file(dir.join("env"))?;
    say("the sandbox is gone");
    Ok(())
}

async fn serve(place: Place) -> Done {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).with_env_filter("info,aws_=warn").init();
    let sandbox = Sandbox::up(&Options { dir: place.dir, scale: place.scale, functions: place.functions }).await?;
    people(&sandbox).await?;
    tokio::select! {
        () = sandbox.stopped() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

fn start(place: &Place, log: &Path) -> Result<Child, std::io::Error> {
    let out = File::create(log)?;
    Command::new(std::env::current_exe()?)
        .args(["sandbox", "serve", "--scale", &place.scale.to_string(), "--dir"])
        .arg(&place.dir)
        .args(place.functions.iter().flat_map(|folder| [OsStr::new("--functions"), folder.as_os_str()]))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
}

// The endpoint that `env` names; `env` is there as soon as the sandbox is ready.
fn endpoint(dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(dir.join("env")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("export AWS_ENDPOINT_URL="))?;
    Some(line.trim_matches('\'').to_owned())
}

async fn alive(endpoint: &str) -> bool {
    let Ok(client) = client() else { return false };
    client.get(format!("{endpoint}/_sandbox/health")).send().await.is_ok()
}

// The sandbox is on this machine, whatever proxy leads out of it.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    ::sandbox::http().build()
}

pub(crate) fn scale(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().map_err(|error| format!("{text}: {error}"));
    let scale = match text.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(text)?,
    };
    if scale > 0.0 && scale <= 1.0 {
        Ok(scale)
    } else {
        Err("a scale is more than 0 and at most 1; 1/60 makes a minute a second".into())
    }
}

#[expect(clippy::print_stdout, reason = "a command speaks to a person")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_from_yaml_and_json() {
        let folder = std::env::temp_dir();
        let yaml = folder.join(format!("rules-{}.yaml", std::process::id()));
        let text = "- {service: ec2, action: Create*, about: demo, times: 1, effect: {hangThenDo: {milliseconds: 5}}}\n\
                    - {service: dynamodb, action: '*', effect: throttle}\n";
        std::fs::write(&yaml, text).unwrap();
        let read = rules(&yaml).unwrap();
        assert_eq!((read.len(), read[0].about.as_deref()), (2, Some("demo")));
        std::fs::write(&yaml, serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(rules(&yaml).unwrap(), read);
        std::fs::remove_file(yaml).unwrap();
    }

    #[test]
    fn a_scale_is_a_fraction_or_a_number() {
        assert_eq!(scale("1/4"), Ok(0.25));
        assert_eq!(scale("0.5"), Ok(0.5));
        for wrong in ["0", "60", "1/0", "slow"] {
            assert!(scale(wrong).is_err(), "{wrong}");
        }
    }
}
