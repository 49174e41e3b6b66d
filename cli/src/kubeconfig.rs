//! The configuration of `kubectl`: one cluster, user and context for a platform, beside those of others.
//!
//! It guarantees: what somebody else wrote stays, and an entry is replaced only if it was written for the same cluster; a
//! file is replaced at once and as a whole, and only its owner reads it; it holds no secret, because `kubectl` has
//! `landfall token` make a token whenever it needs one.
//!
//! <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::failure::Failure;

/// By this extension of a cluster's entry we know what we wrote, and for which cluster.
const OURS: &str = "landfall.dev";

/// How a token is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program `landfall`.
    pub program: PathBuf,
    /// The profile that somebody named on the command line.
    pub profile: Option<String>,
    /// The profile that stood in the environment.
    pub profile_of_environment: Option<String>,
}

impl Exec {
    /// This program, with the profile that it was given.
    pub fn of_process(profile: Option<&String>) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::new("Where this program lies is not known").caused_by(&error))?;
        let variable = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty() && profile.is_none());
        Ok(Self { program, profile: profile.cloned(), profile_of_environment: variable })
    }

    /// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>
    fn document(&self, cluster: &Cluster) -> Value {
        let (name, region) = (cluster.platform.to_string(), cluster.region.to_string());
        let mut arguments = vec!["token".to_owned(), name, "--in".to_owned(), region];
        if let Some(profile) = &self.profile {
            arguments.extend(["--profile".to_owned(), profile.clone()]);
        }
        let mut exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": self.program.to_string_lossy(),
            "args": arguments,
            "interactiveMode": "Never",
            "installHint": "`landfall` makes the token for this cluster, and is not where it was",
        });
        if let Some(profile) = &self.profile_of_environment {
            exec["env"] = json!([{"name": "AWS_PROFILE", "value": profile}]);
        }
        exec
    }
}

/// A configuration with this cluster as the current one, beside whatever stood in `before`.
pub fn merged(before: &str, cluster: &Cluster, exec: &Exec) -> Result<String, Failure> {
    let mut document = parsed(before)?;
    let name = cluster.platform.to_string();
    foreign(&document, cluster)?;
    let entry = json!({
        "server": cluster.endpoint,
        "certificate-authority-data": cluster.authority,
        "extensions": [{"name": OURS, "extension": {"arn": cluster.arn}}],
    });
    put(&mut document, "clusters", &name, "cluster", entry)?;
    put(&mut document, "users", &name, "user", json!({"exec": exec.document(cluster)}))?;
    put(&mut document, "contexts", &name, "context", json!({"cluster": name, "user": name}))?;
    document.insert("current-context".to_owned(), json!(name));
    written(&Value::Object(document))
}

/// Which file to write: of those that `KUBECONFIG` lists, the one that has the entry, or else the first; without any,
/// `.kube/config` at home. As `kubectl` and `aws eks update-kubeconfig` do it.
pub fn place(listed: Option<OsString>, home: Option<PathBuf>, name: &str) -> Result<PathBuf, Failure> {
    let listed: Vec<PathBuf> =
        listed.iter().flat_map(std::env::split_paths).filter(|path| !path.as_os_str().is_empty()).collect();
    let has = |path: &&PathBuf| {
        let document = std::fs::read_to_string(path).ok().and_then(|text| parsed(&text).ok());
        document.is_some_and(|document| named(&document, "clusters", name).is_some())
    };
    if let Some(path) = listed.iter().find(has).or(listed.first()) {
        return Ok(path.clone());
    }
    let home = home.ok_or_else(|| {
        Failure::new("There is no home directory to write to").hint("Name a file with `--file`, or `-` to print it")
    })?;
    Ok(home.join(".kube").join("config"))
}

/// What a file holds; nothing if it is not there.
pub fn read(path: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Failure::new(format!("`{}` could not be read", path.display())).caused_by(&error)),
    }
}

/// Replaces a file at once, for its owner alone.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> std::io::Result<()> {
        // What a link names is replaced, and not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // Such a file is made with the mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map(drop).map_err(|error| error.error)
    };
    written().map_err(|error| Failure::new(format!("`{}` could not be written", path.display())).caused_by(&error))
}

fn parsed(text: &str) -> Result<Map<String, Value>, Failure> {
    let no = || Failure::new("The file is no configuration of `kubectl`").hint("Name another file with `--file`");
    let document = match text.trim().is_empty() {
        true => Value::Null,
        false => serde_saphyr::from_str(text).map_err(|error| no().caused_by(&error))?,
    };
    match document {
        Value::Null => {
            Ok(Map::from_iter([("apiVersion".to_owned(), json!("v1")), ("kind".to_owned(), json!("Config"))]))
        }
        Value::Object(document) if document.get("kind").is_none_or(|kind| kind == "Config") => Ok(document),
        _ => Err(no()),
    }
}

fn named<'a>(document: &'a Map<String, Value>, list: &str, name: &str) -> Option<&'a Value> {
    document.get(list)?.as_array()?.iter().find(|entry| entry["name"] == name)
}

/// Fails if the name is taken by what was not written for this cluster.
fn foreign(document: &Map<String, Value>, cluster: &Cluster) -> Result<(), Failure> {
    let name = cluster.platform.as_str();
    let taken = |message: String| Err(Failure::new(message).hint("Name another file with `--file`"));
    let arn = named(document, "clusters", name).map(|entry| {
        let extensions = entry["cluster"]["extensions"].as_array().into_iter().flatten();
        let ours = extensions.into_iter().find(|extension| extension["name"] == OURS);
        ours.and_then(|extension| extension["extension"]["arn"].as_str()).unwrap_or_default()
    });
    match arn {
        Some(arn) if arn == cluster.arn => Ok(()),
        Some("") => taken(format!("The file has a cluster `{name}` that Landfall did not write")),
        Some(other) => taken(format!("`{name}` is another cluster in that file: {other}")),
        None => match ["users", "contexts"].iter().find(|list| named(document, list, name).is_some()) {
            Some(list) => taken(format!("The file has `{name}` among its {list}, which Landfall did not write")),
            None => Ok(()),
        },
    }
}

/// Sets these fields of an entry. What else somebody set there, such as a namespace or a proxy, stays.
fn put(document: &mut Map<String, Value>, list: &str, name: &str, what: &str, fields: Value) -> Result<(), Failure> {
    let entries = document.entry(list).or_insert(Value::Null);
    if entries.is_null() {
        *entries = json!([]);
    }
    let Some(entries) = entries.as_array_mut() else {
        return Err(Failure::new(format!("The file is no configuration of `kubectl`: its `{list}` are no list"))
            .hint("Name another file with `--file`"));
    };
    let old = entries.iter_mut().find(|entry| entry["name"] == name).map(|entry| &mut entry[what]);
    match (old, fields) {
        (Some(Value::Object(old)), Value::Object(fields)) => old.extend(fields),
        (Some(old), fields) => *old = fields,
        (None, fields) => entries.push(json!({"name": name, what: fields})),
    }
    Ok(())
}

fn written(document: &Value) -> Result<String, Failure> {
    // Certificates are long and have no spaces: a line each.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(document, options)
        .map_err(|error| Failure::new("The configuration could not be written as YAML").caused_by(&error))
}

#[cfg(test)]
mod tests;
