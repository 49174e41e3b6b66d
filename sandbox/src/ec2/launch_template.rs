//! Launch templates with their versions.
//!
//! Corrects: client tokens, names and ids that do not exist, filters, tags that are changed later.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> (codes)

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::filter::{self, Field};
use super::listing::page;
use super::request::{Refusal, Request};
use super::store::{Kind, Record, Store, now};
use super::{ACCOUNT, Answer, Call, Ec2};

/// A launch template, as EKS looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) id: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// The tags that its newest version gives, by the type of what is started (`instance`, `volume`).
    pub(crate) gives: Vec<(String, BTreeMap<String, String>)>,
}

impl Ec2 {
    /// The launch template of this id or name.
    pub(crate) fn template(&self, region: &str, name: &str) -> Option<Template> {
        self.with_store(region, |store| {
            let record = store.find(Kind::LaunchTemplate, name).or_else(|| named(store, name))?;
            let newest = versions(record).last()?;
            let given = newest["launchTemplateData"]["tagSpecificationSet"].as_array();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let gives = given.into_iter().flatten().map(|one| {
                let tags = one["tagSet"].as_array().into_iter().flatten();
                (text(&one["resourceType"]), tags.map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect())
            });
            Some(Template { id: record.id.clone(), tags: record.tags.clone(), gives: gives.collect() })
        })
    }
}

const FIELDS: &[Field] = &[("create-time", "createTime"), ("launch-template-name", "launchTemplateName")];

pub(super) fn create(call: &mut Call<'_>) -> Answer {
    let name = call.request.required("LaunchTemplateName")?;
    let tags = call.request.new_tags(Kind::LaunchTemplate)?;
    if named(call.store, name).is_some() {
        let said = format!("Launch template name already in use: {name}");
        return Err(Refusal::new("InvalidLaunchTemplateName.AlreadyExistsException", said));
    }
    let first = json!({"versionNumber": 1, "createTime": now(), "launchTemplateData": data(call.request)});
    let document = json!({
        "launchTemplateName": name,
        "createTime": now(),
        "createdBy": format!("arn:aws:iam::{ACCOUNT}:root"),
        "defaultVersionNumber": 1,
        "latestVersionNumber": 1,
        "attributes": {"versions": [first]},
    });
    let id = call.store.add(Kind::LaunchTemplate, document, tags);
    Ok(json!({"launchTemplate": printed(call.store.get(Kind::LaunchTemplate, &id)?)}))
}

pub(super) fn create_version(call: &mut Call<'_>) -> Answer {
    let id = asked(call)?.id.clone();
    let data = data(call.request);
    let template = call.store.get_mut(Kind::LaunchTemplate, &id)?;
    let number = template.document["latestVersionNumber"].as_u64().unwrap_or_default() + 1;
    let version = json!({"versionNumber": number, "createTime": now(), "launchTemplateData": data});
    template.document["latestVersionNumber"] = json!(number);
    if let Some(versions) = template.document["attributes"]["versions"].as_array_mut() {
        versions.push(version.clone());
    }
    Ok(json!({"launchTemplateVersion": printed_version(template, version)}))
}

pub(super) fn modify(call: &mut Call<'_>) -> Answer {
    let id = asked(call)?.id.clone();
    let wanted = call.request.required("SetDefaultVersion")?;
    let number: u64 = wanted.parse().map_err(|_| no_version(wanted))?;
    let template = call.store.get_mut(Kind::LaunchTemplate, &id)?;
    if !versions(template).iter().any(|version| version["versionNumber"] == number) {
        return Err(no_version(wanted));
    }
    template.document["defaultVersionNumber"] = json!(number);
    Ok(json!({"launchTemplate": printed(template)}))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let template = asked(call)?;
    let (id, gone) = (template.id.clone(), printed(template));
    call.store.remove(&id);
    Ok(json!({"launchTemplate": gone}))
}

pub(super) fn describe(call: &mut Call<'_>) -> Answer {
    let (ids, names) = (call.request.list("LaunchTemplateId"), call.request.list("LaunchTemplateName"));
    for id in &ids {
        call.store.get(Kind::LaunchTemplate, id)?;
    }
    if let Some(unknown) = names.iter().find(|name| named(call.store, name).is_none()) {
        return Err(no_name(unknown));
    }
    let filters = filter::filters(call.request);
    filter::known(&filters, FIELDS)?;
    let mut found = Vec::new();
    for template in call.store.visible(Kind::LaunchTemplate) {
        let is_asked = (ids.is_empty() && names.is_empty())
            || ids.contains(&template.id.as_str())
            || names.contains(&template.text("launchTemplateName"));
        let document = printed(template);
        if is_asked && filter::passes(&document, &filters, FIELDS)? {
            found.push(document);
        }
    }
    let (page, next) = page(call.request, found);
    Ok(json!({"launchTemplates": page, "nextToken": next}))
}

/// The newest first, unless versions are named.
pub(super) fn describe_versions(call: &mut Call<'_>) -> Answer {
    let template = asked(call)?;
    let of = |wanted: &str| match wanted {
        "$Latest" => template.document["latestVersionNumber"].as_u64(),
        "$Default" => template.document["defaultVersionNumber"].as_u64(),
        number => number.parse().ok(),
    };
    let mut found: Vec<Value> = Vec::new();
    let wanted = call.request.list("LaunchTemplateVersion");
    for name in &wanted {
        let version = versions(template).iter().find(|version| version["versionNumber"].as_u64() == of(name));
        found.push(version.cloned().ok_or_else(|| no_version(name))?);
    }
    if wanted.is_empty() {
        found = versions(template).iter().rev().cloned().collect();
    }
    let found = found.into_iter().map(|version| printed_version(template, version)).collect();
    let (page, next) = page(call.request, found);
    Ok(json!({"launchTemplateVersionSet": page, "nextToken": next}))
}

// The template that the call names, by id or by name.
fn asked<'a>(call: &'a Call<'_>) -> Result<&'a Record, Refusal> {
    match (call.request.get("LaunchTemplateId"), call.request.get("LaunchTemplateName")) {
        (Some(id), None) => call.store.get(Kind::LaunchTemplate, id),
        (None, Some(name)) => named(call.store, name).ok_or_else(|| no_name(name)),
        _ => {
            Err(Refusal::new("MissingParameter", "Name the launch template by its ID or by its name, and not by both"))
        }
    }
}

fn named<'a>(store: &'a Store, name: &str) -> Option<&'a Record> {
    store.all(Kind::LaunchTemplate).find(|template| template.has("launchTemplateName", name))
}

fn no_name(name: &str) -> Refusal {
    let said = format!("At least one of the launch templates specified in the request does not exist: {name}");
    Refusal::new("InvalidLaunchTemplateName.NotFoundException", said)
}

fn no_version(number: &str) -> Refusal {
    Refusal::new("InvalidLaunchTemplateId.VersionNotFound", format!("Could not find launch template version {number}"))
}

fn versions(template: &Record) -> &[Value] {
    template.document["attributes"]["versions"].as_array().map_or(&[], Vec::as_slice)
}

fn printed(template: &Record) -> Value {
    let mut document = template.document.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("attributes");
    }
    document["tagSet"] = template.tag_set();
    document
}

fn printed_version(template: &Record, mut version: Value) -> Value {
    version["launchTemplateId"] = json!(template.id);
    for field in ["launchTemplateName", "createdBy"] {
        version[field] = template.document[field].clone();
    }
    version["defaultVersion"] = json!(version["versionNumber"] == template.document["defaultVersionNumber"]);
    version
}

/// What instances are started from, as Describe prints it: `BlockDeviceMapping.1.Ebs.Encrypted` becomes
/// `blockDeviceMappingSet/item/ebs/encrypted`.
fn data(request: &Request) -> Value {
    let mut tree = Value::Object(Map::new());
    for (name, value) in &request.parameters {
        let Some(path) = name.strip_prefix("LaunchTemplateData.") else { continue };
        let mut at = &mut tree;
        for part in path.split('.') {
            at = &mut at[part];
        }
        *at = json!(value);
    }
    named_as_printed(tree)
}

fn named_as_printed(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let renamed = fields.into_iter().map(|(name, value)| {
        let mut letters = name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        let is_list = value.as_object().is_some_and(|items| items.keys().all(|key| key.parse::<u32>().is_ok()));
        if !is_list {
            return (name, named_as_printed(value));
        }
        let mut items: Vec<(u32, Value)> = value
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(number, item)| Some((number.parse().ok()?, named_as_printed(item.clone()))))
            .collect();
        items.sort_by_key(|(number, _)| *number);
        (format!("{name}Set"), items.into_iter().map(|(_, item)| item).collect())
    });
    Value::Object(renamed.collect())
}
