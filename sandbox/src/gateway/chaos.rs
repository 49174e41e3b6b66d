//! Faults by chance, and yet repeatable: whether and how a call goes wrong follows from a seed, from who calls what, and
//! from how often it did so before. Neither the time nor what others call plays a part.

use serde::{Deserialize, Serialize};

use super::request::Identity;
use super::rules::Effect;

/// Makes some calls of Landfall's functions go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Chaos {
    /// What decides.
    pub seed: u64,
    /// Only calls about this platform (see [`super::Rule::about`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How many of a thousand calls go wrong.
    pub per_mille: u32,
    /// After so many faults there are no more.
    pub faults: u32,
}

/// How a call that changes something goes wrong, and how often in relation to the others.
const CHANGES: &[(u32, Effect)] = &[
    (18, Effect::Throttle),
    (14, Effect::ServerError),
    (14, Effect::ServerErrorAfter),
    (18, Effect::DropAnswer),
    (8, Effect::HideFor { milliseconds: 2_000 }),
    (6, Effect::Hang { milliseconds: 400 }),
    (6, Effect::HangThenDo { milliseconds: 400 }),
    // Longer than an attempt may take: the caller gives up, and the effect comes all the same.
    (4, Effect::Hang { milliseconds: 9_000 }),
    (4, Effect::HangThenDo { milliseconds: 9_000 }),
    (4, Effect::Deny),
    (4, Effect::Expired),
];

/// The same for a call that only looks.
const LOOKS: &[(u32, Effect)] = &[
    (40, Effect::Throttle),
    (30, Effect::ServerError),
    (14, Effect::DropAnswer),
    (6, Effect::Hang { milliseconds: 400 }),
    (2, Effect::Hang { milliseconds: 9_000 }),
    (4, Effect::Deny),
    (4, Effect::Expired),
];

impl Chaos {
    /// What happens to the call before which the same caller made `count` like it; nothing for calls of others than
    /// functions.
    pub(super) fn decide(&self, identity: &Identity, caller: &str, count: u32) -> Option<Effect> {
        // A function's ARN ends in its name; before that stands the role, whose name differs from sandbox to sandbox.
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (assumed-role)
        let (_, function) = caller.split_once(":assumed-role/")?.1.rsplit_once('/')?;
        let draw = |what: &str| {
            let text = format!("{}/{function}/{}/{}/{count}/{what}", self.seed, identity.service, identity.action);
            mixed(text.as_bytes())
        };
        if draw("whether") % 1000 >= u64::from(self.per_mille) {
            return None;
        }
        let table = if identity.mutating { CHANGES } else { LOOKS };
        let all: u32 = table.iter().map(|(weight, _)| weight).sum();
        let mut left = draw("how") % u64::from(all);
        for (weight, effect) in table {
            match left.checked_sub(u64::from(*weight)) {
                Some(less) => left = less,
                None => return Some(effect.clone()),
            }
        }
        None
    }
}

/// FNV-1a of 64 bits (<https://www.rfc-editor.org/rfc/rfc9923>), its bits stirred by the last step of SplitMix64, since
/// texts that differ only at their ends are to differ everywhere. A seed must mean the same for ever, so it may be no
/// hasher of the standard library.
fn mixed(text: &[u8]) -> u64 {
    let sum = text
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(action: &str, mutating: bool) -> Identity {
        Identity {
            service: "ec2".into(),
            action: action.into(),
            region: "eu-west-1".into(),
            access_key: String::new(),
            mutating,
        }
    }

    fn decisions(seed: u64, role: &str) -> Vec<Option<Effect>> {
        let chaos = Chaos { seed, about: None, per_mille: 50, faults: u32::MAX };
        let caller = format!("arn:aws:sts::111122223333:assumed-role/{role}/landfall-network");
        (0..4000).map(|count| chaos.decide(&identity("CreateVpc", true), &caller, count)).collect()
    }

    #[test]
    fn a_seed_decides_whatever_the_role_is_called() {
        assert_eq!(decisions(1, "NetworkRole-AAAA"), decisions(1, "NetworkRole-BBBB"));
        assert_ne!(decisions(1, "role"), decisions(2, "role"));
    }

    #[test]
    fn the_rate_is_kept_and_every_effect_comes_up() {
        let struck: Vec<Effect> = decisions(3, "role").into_iter().flatten().collect();
        assert!((140..260).contains(&struck.len()), "{}", struck.len());
        for (_, effect) in CHANGES {
            assert!(struck.contains(effect), "{effect:?}");
        }
    }

    #[test]
    fn only_functions_suffer() {
        let chaos = Chaos { seed: 1, about: None, per_mille: 1000, faults: 1 };
        let vpcs = identity("DescribeVpcs", false);
        assert_eq!(chaos.decide(&vpcs, "arn:aws:iam::111122223333:root", 0), None);
        assert!(chaos.decide(&vpcs, "arn:aws:sts::111122223333:assumed-role/r/landfall-admit", 0).is_some());
    }
}
