//! What is written into the ledger, beside the golden records of each component's kinds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::{Component, Kind, Record};
use serde_json::Value;

use crate::clusters::{FARGATE, NODES};
use crate::plans::{Before, NETWORK};
use crate::stage::on_stage;

/// Where a component keeps them.
fn folder(component: Component) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/{component}/tests/golden"))
}

/// The golden records of a kind: one of each form in which it was ever written, numbered from 1.
fn golden(component: Component, kind: Kind) -> Vec<PathBuf> {
    let folder = folder(component);
    (1..).map(|n| folder.join(format!("{kind}.{n}.json"))).take_while(|path| path.exists()).collect()
}

/// What has keys that are no part of the form: the user's, those of IAM's documents, those of an add-on's schema.
const OPEN: &[&str] = &[".tags", ".labels", ".trust", ".policies", ".configuration", ".roles", ".volumes"];

/// Every place in a document with the type of what stands there.
fn form(value: &Value) -> BTreeSet<String> {
    fn walk(path: &str, value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(_) if OPEN.iter().any(|open| path.ends_with(open)) => {
                into.insert(format!("{path}: map"));
            }
            Value::Object(fields) => {
                into.insert(format!("{path}: object"));
                fields.iter().for_each(|(name, field)| walk(&format!("{path}.{name}"), field, into));
            }
            Value::Array(items) => {
                into.insert(format!("{path}: list"));
                items.iter().for_each(|item| walk(&format!("{path}[]"), item, into));
            }
            Value::String(_) => _ = into.insert(format!("{path}: text")),
            Value::Number(_) => _ = into.insert(format!("{path}: number")),
            Value::Bool(_) => _ = into.insert(format!("{path}: flag")),
            Value::Null => _ = into.insert(format!("{path}: nothing")),
        }
    }
    let mut form = BTreeSet::new();
    walk("", value, &mut form);
    form
}

#[test]
fn every_form_that_is_written_has_a_golden_record() {
    on_stage(async |stage| {
        let mut records = Vec::new();
        for plan in [NETWORK.first, Before::given, NODES.first, NODES.second, FARGATE.first] {
            let case = stage.case(stage.kinds());
            case.deploy(&plan(&stage.before, case.platform())).await.unwrap();
            case.disagreement().await.unwrap();
            records.extend(case.records.all());
            case.tear_down().await.unwrap();
            assert_eq!(case.physical().await.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
        }
        for component in [Component::Network, Component::Cluster] {
            let written = |kind| records.iter().any(|one| one.id.component() == component && one.kind == kind);
            assert!(component.kinds().all(written), "{component}");
        }
        records.retain(|record| {
            let written = form(&serde_json::to_value(record).unwrap());
            !golden(record.id.component(), record.kind).iter().any(|path| form(&read(path)) == written)
        });
        if std::env::var_os("GOLDEN_UPDATE").is_some() {
            records.iter().for_each(add);
        }
        let new: Vec<String> = records.iter().map(|record| serde_json::to_string_pretty(record).unwrap()).collect();
        assert!(
            new.is_empty(),
            "records of a form that no golden record has. Leave the golden records as they are, and add those of the new \
             form by GOLDEN_UPDATE=1:\n{}",
            new.join("\n")
        );
    });
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Keeps a record as the next golden one of its kind, unless one of its form was just added.
fn add(record: &Record) {
    let known = golden(record.id.component(), record.kind);
    let value = serde_json::to_value(record).unwrap();
    if known.iter().any(|path| form(&read(path)) == form(&value)) {
        return;
    }
    let folder = folder(record.id.component());
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}.{}.json", record.kind, known.len() + 1));
    std::fs::write(path, serde_json::to_string_pretty(&value).unwrap() + "\n").unwrap();
}
