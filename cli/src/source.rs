//! Where a manifest comes from: a file, or the standard input.

use std::io::Read;
use std::path::Path;

use manifest::Manifest;

use crate::failure::Failure;
use crate::output::problems::problems;
use crate::printer::Printer;

/// More than any manifest; the parser refuses what is too large with a better sentence than an exhausted memory.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// A manifest as it was given.
pub struct Source {
    /// What it is called in messages: the path, or `<stdin>`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Source {
    /// The manifest, complete and without errors. Shows every problem; a warning stops nothing.
    pub fn checked(&self, printer: Printer) -> Result<Manifest, Failure> {
        let (manifest, found) = match manifest::parse(&self.bytes) {
            Ok(checked) => (Some(checked.manifest), checked.warnings),
            Err(errors) => (None, errors.0),
        };
        if !found.is_empty() {
            printer.note(&problems(printer.note_paint(), &self.name, &self.bytes, &found));
        }
        manifest.ok_or_else(|| {
            Failure::new(format!("`{}` is not valid, so nothing was uploaded", self.name))
                .hint("`landfall explain FIELD` tells what may stand where")
        })
    }
}

/// A manifest with all its defaults, as it could have been written.
pub fn as_yaml(manifest: &Manifest) -> Result<String, Failure> {
    serde_saphyr::to_string(manifest)
        .map_err(|error| Failure::new("The manifest could not be written as YAML").caused_by(&error))
}

/// Reads it; `-` is the standard input.
pub fn read(path: &Path) -> Result<Source, Failure> {
    if path == Path::new("-") {
        return read_from("<stdin>", std::io::stdin().lock());
    }
    let name = path.display().to_string();
    match std::fs::File::open(path) {
        Ok(file) => read_from(&name, file),
        Err(error) => Err(unreadable(&name, &error)),
    }
}

fn read_from(name: &str, from: impl Read) -> Result<Source, Failure> {
    let mut bytes = Vec::new();
    match from.take(MOST_BYTES).read_to_end(&mut bytes) {
        Ok(_) => Ok(Source { name: name.to_owned(), bytes }),
        Err(error) => Err(unreadable(name, &error)),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    let failure = Failure::new(format!("`{name}` could not be read")).caused_by(error);
    if error.kind() == std::io::ErrorKind::NotFound {
        return failure.hint(format!("Write one with `landfall init {name}`"));
    }
    failure
}
