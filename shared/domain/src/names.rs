//! Names that people write: a platform, a region, an account. A value of these types is valid.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a name was refused: what it is for, the text, and the rule that it broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}`: {rule}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
    rule: &'static str,
}

/// The name of a platform: unique in an installation, 1 to 32 lowercase letters, digits and inner hyphens, first a letter.
///
/// The length leaves room for what derives from it: the tightest is a load balancer's 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlatformName(String);

impl PlatformName {
    /// The most characters that a platform's name may have.
    pub const MAX_LENGTH: usize = 32;

    /// Checks `text` and makes a name of it.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let bytes = text.as_bytes();
        let refuse = |rule| Err(InvalidName { what: "platform name", text: text.to_owned(), rule });
        if bytes.is_empty() || bytes.len() > Self::MAX_LENGTH {
            return refuse("use 1 to 32 characters");
        }
        if !bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-') {
            return refuse("use lowercase letters, digits and hyphens");
        }
        if !bytes[0].is_ascii_lowercase() || bytes.ends_with(b"-") {
            return refuse("begin with a letter and do not end with a hyphen");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An AWS region such as `eu-west-1` or `us-gov-west-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Region {
    /// Checks the shape of `text`; whether the account may use the region, only AWS knows.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let parts: Vec<&str> = text.split('-').collect();
        let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        match parts.split_last() {
            Some((number, words))
                if words.len() >= 2
                    && words.iter().all(letters)
                    && number.len() <= 2
                    && number.parse::<u8>().is_ok_and(|n| n > 0) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidName { what: "region", text: text.to_owned(), rule: "write it like eu-west-1" }),
        }
    }

    /// The region as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The twelve digits of an AWS account. Shown in full only inside the account: see [`crate::mask_accounts`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// Checks that `text` is twelve digits.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName { what: "account", text: text.to_owned(), rule: "an account id is twelve digits" })
        }
    }

    /// All twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_like {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }
    )*};
}
text_like!(PlatformName, Region, AccountId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_names() {
        for good in ["a", "demo", "dai-prod-2", &"a".repeat(32)] {
            assert!(PlatformName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "Demo", "1st", "-a", "a-", "a_b", "a.b", "ä", &"a".repeat(33)] {
            assert!(PlatformName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions() {
        for good in ["eu-west-1", "us-gov-west-1", "ap-southeast-5", "mx-central-1"] {
            assert!(Region::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "eu", "eu-west", "eu-west-1a", "EU-west-1", "eu--1", "eu-west-0"] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
    }
}
