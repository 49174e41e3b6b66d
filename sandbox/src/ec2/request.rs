//! A call of the EC2 query protocol, and how it is refused.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use ulid::Ulid;

use super::store::Kind;

/// The parameters of one EC2 call.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// By what a person and AWS's support speak of it.
    pub(crate) id: Ulid,
    /// The name of the operation.
    pub(crate) action: String,
    /// The region that the caller signed for.
    pub(crate) region: String,
    /// Everything else, as on the wire (`Filter.1.Name`).
    pub(crate) parameters: BTreeMap<String, String>,
}

/// An error answer of EC2.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn dependency(noun: &str, id: &str) -> Self {
        Self::new("DependencyViolation", format!("The {noun} '{id}' has dependencies and cannot be deleted."))
    }
}

impl Request {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name)
            .ok_or_else(|| Refusal::new("MissingParameter", format!("The request must contain the parameter {name}")))
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `Name.1`, `Name.2`, … in order.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|index| self.get(&format!("{name}.{index}"))).collect()
    }

    pub(crate) fn cidr(&self, name: &str) -> Result<Ipv4Net, Refusal> {
        let text = self.required(name)?;
        text.parse::<Ipv4Net>().map(|cidr| cidr.trunc()).map_err(|_| {
            Refusal::invalid(format!("Value ({text}) for parameter {name} is invalid. This is not a valid CIDR block."))
        })
    }

    /// The tags of `Tag.N`.
    pub(crate) fn plain_tags(&self) -> BTreeMap<String, String> {
        self.tags_under("Tag")
    }

    /// The tags that this create gives to what it makes.
    pub(super) fn new_tags(&self, kind: Kind) -> Result<BTreeMap<String, String>, Refusal> {
        let mut tags = BTreeMap::new();
        for specification in self.specifications() {
            let of = self.get(&format!("{specification}.ResourceType")).unwrap_or_default();
            if of != kind.tag_type() {
                return Err(Refusal::invalid(format!(
                    "'{of}' is not a valid taggable resource type for this operation."
                )));
            }
            tags.extend(self.tags_under(&format!("{specification}.Tag")));
        }
        if tags.len() > 50 {
            return Err(Refusal::new("TagLimitExceeded", "The maximum number of tags for a resource is 50."));
        }
        Ok(tags)
    }

    /// All tags that the create asks for, whatever they are for.
    pub(crate) fn requested_tags(&self) -> BTreeMap<String, String> {
        self.specifications().iter().flat_map(|one| self.tags_under(&format!("{one}.Tag"))).collect()
    }

    // The transit gateway calls spell the list in the plural.
    fn specifications(&self) -> Vec<String> {
        ["TagSpecification", "TagSpecifications"]
            .iter()
            .flat_map(|name| (1..50).map(move |index| format!("{name}.{index}")))
            .filter(|name| self.get(&format!("{name}.ResourceType")).is_some())
            .collect()
    }

    fn tags_under(&self, prefix: &str) -> BTreeMap<String, String> {
        (1..)
            .map_while(|index| {
                let key = self.get(&format!("{prefix}.{index}.Key"))?;
                let value = self.get(&format!("{prefix}.{index}.Value")).unwrap_or_default();
                Some((key.to_owned(), value.to_owned()))
            })
            .collect()
    }
}
