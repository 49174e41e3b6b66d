//! What a text must look like, by the `format` that its type names in the schema.

use std::str::FromStr;

use domain::{PlatformName, Region};
use ipnet::Ipv4Net;

/// What is wrong with `text` as a `format`, and what to write instead. Formats that are not listed allow anything.
pub(crate) fn check(format: &str, text: &str) -> Result<(), (String, String)> {
    let refuse = |message: String, fix: &str| Err((message, fix.to_owned()));
    match format {
        "platform-name" => match PlatformName::parse(text) {
            Ok(_) => Ok(()),
            Err(error) => refuse(error.to_string(), "write it like `dai-production`"),
        },
        "aws-region" => match Region::parse(text) {
            Ok(_) => Ok(()),
            Err(error) => refuse(error.to_string(), "`aws account list-regions` lists those that you may use"),
        },
        "cidr" => cidr(text),
        "date" => match jiff::civil::Date::from_str(text) {
            Ok(_) => Ok(()),
            Err(_) => refuse(format!("`{text}` is no date"), "write it like 2026-12-18"),
        },
        "time-zone" => match jiff::tz::TimeZone::get(text) {
            Ok(_) => Ok(()),
            Err(_) => refuse(format!("`{text}` is no time zone"), "write an IANA name like Europe/Berlin"),
        },
        "cron" => cron(text),
        "vpc-id" => id(text, "vpc-"),
        "subnet-id" => id(text, "subnet-"),
        "transit-gateway-id" => id(text, "tgw-"),
        "zone-name" if !zone(text) => refuse(format!("`{text}` is no zone name"), "write it like eu-west-1a"),
        "topic-name" if !word(text, 256, "-_") => {
            refuse(format!("`{text}` is no topic name"), "write the topic's name alone, not its ARN")
        }
        "policy-name" if !word(text, 128, "+=,.@-_") => {
            refuse(format!("`{text}` is no policy name"), "write the policy's name alone, not its ARN")
        }
        "iam-name" if !word(text, 128, "+=,.@-_") => {
            refuse(format!("`{text}` is no name in IAM"), "write the name alone, without a path, not the ARN")
        }
        "namespace-pattern" if !word(text, 63, "-*?") || text.contains(|c: char| c.is_ascii_uppercase()) => refuse(
            format!("`{text}` is no namespace"),
            "write its name, where `*` stands for any characters and `?` for one",
        ),
        "access-policy" if !(text.starts_with("AmazonEKS") && text.ends_with("Policy") && word(text, 128, "")) => {
            refuse(
                format!("`{text}` is no access policy of EKS"),
                "`aws eks list-access-policies` lists them, like AmazonEKSViewPolicy",
            )
        }
        "managed-policy" if !word(text, 512, "+=,.@-_/:") || (text.contains(':') && !text.starts_with("arn:")) => {
            refuse(
                format!("`{text}` is no managed policy"),
                "write the name of one that AWS manages, or the ARN of one of the account",
            )
        }
        "kms-key" if !text.starts_with("arn:") && !text.starts_with("alias/") => {
            refuse(format!("`{text}` is no key"), "write its ARN, or its alias like alias/dai-prod")
        }
        // The characters that the names of secrets may have:
        // https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
        "secrets-prefix" if !word(text, 256, "/_+=.@-") => refuse(
            format!("`{text}` is no beginning of a secret's name"),
            "write letters, digits and /_+=.@-, like apps/",
        ),
        "service-name" if !word(text, 64, ".-") || text.starts_with("com.amazonaws") => refuse(
            format!("`{text}` is no short service name"),
            "write what follows `com.amazonaws.<region>.`, like ecr.api",
        ),
        _ => Ok(()),
    }
}

/// A block must be written by its first address: anything else hides a mistake.
fn cidr(text: &str) -> Result<(), (String, String)> {
    match Ipv4Net::from_str(text) {
        Ok(block) if block.addr() == block.network() => Ok(()),
        Ok(block) => Err((format!("{text} does not begin at its first address"), format!("write {}", block.trunc()))),
        Err(_) => Err((format!("`{text}` is no IPv4 block"), "write it like 10.0.0.0/16".into())),
    }
}

fn cron(text: &str) -> Result<(), (String, String)> {
    let fields = text.split_whitespace().count();
    if fields != 5 {
        let message = format!("a schedule has five fields, and `{text}` has {fields}");
        return Err((message, "write minute, hour, day of month, month, day of week, like `0 10 * * 1-4`".into()));
    }
    if !text.starts_with(|c: char| c.is_ascii_digit())
        || text.split_whitespace().next().is_some_and(|minute| minute.contains([',', '-', '/']))
    {
        let message = format!("`{text}` is due more than once an hour");
        return Err((message, "write one minute of the hour, like `0 10 * * 1-4`".into()));
    }
    match croner::Cron::from_str(text) {
        Ok(schedule)
            if schedule
                .find_next_occurrence(&jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC), false)
                .is_err() =>
        {
            Err((format!("`{text}` names a day that never comes"), "write it like `0 10 * * 1-4`".into()))
        }
        Ok(_) => Ok(()),
        Err(error) => Err((format!("`{text}` is no schedule: {error}"), "write it like `0 10 * * 1-4`".into())),
    }
}

fn id(text: &str, prefix: &str) -> Result<(), (String, String)> {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    if (8..=17).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err((format!("`{text}` is no id of that kind"), format!("write it like {prefix}0123456789abcdef0")))
}

fn zone(text: &str) -> bool {
    let (region, letter) = text.split_at(text.len().saturating_sub(1));
    text.is_ascii() && Region::parse(region).is_ok() && letter.bytes().all(|b| b.is_ascii_lowercase())
}

fn word(text: &str, most: usize, further: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || further.contains(c);
    !text.is_empty() && text.len() <= most && text.chars().all(allowed)
}
