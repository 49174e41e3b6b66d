//! Which calls go wrong: by script, by chance, and which ones did.
//!
//! It guarantees that each fault that strikes is written down as the rule that makes it strike again: the same call of
//! the same caller, counted from the time when the rules were given.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::chaos::Chaos;
use super::request::Identity;
use super::rules::{Effect, Rule};

/// A call that has arrived, as far as rules look at it.
pub(super) struct Arrived<'a> {
    pub(super) identity: &'a Identity,
    pub(super) caller: &'a str,
    /// Whether the request, or a tag of what it names, holds a text.
    pub(super) holds: &'a dyn Fn(&str) -> bool,
}

/// What goes wrong, and what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// The rules in force, first come first served, with the number of calls that each has seen.
    rules: Vec<(Rule, u32)>,
    /// Sources of chance, with the number of faults that each has made.
    chaos: Vec<(Chaos, u32)>,
    /// Calls of each caller, by service, action and what they are about.
    counts: HashMap<(String, String, String, Option<String>), u32>,
    struck: Vec<Rule>,
}

impl Arrived<'_> {
    /// Whether the call is about what this text names.
    pub(super) fn is_about(&self, text: &str) -> bool {
        (self.holds)(text)
    }
}

impl Faults {
    pub(crate) fn add(&self, rule: Rule) {
        self.lock().rules.push((rule, 0));
    }

    pub(crate) fn add_chaos(&self, chaos: Chaos) {
        self.lock().chaos.push((chaos, 0));
    }

    pub(crate) fn rules(&self) -> Vec<Rule> {
        self.lock().rules.iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// Every fault that struck after the first so many, oldest first, each as the rule that makes it strike again.
    pub(crate) fn struck_since(&self, count: usize) -> Vec<Rule> {
        self.lock().struck.iter().skip(count).cloned().collect()
    }

    /// Ends all rules and all chaos; what struck stays on record.
    pub(crate) fn end(&self) {
        let mut inside = self.lock();
        inside.rules.clear();
        inside.chaos.clear();
        inside.counts.clear();
    }

    /// Ends all rules and chaos about this, and the rules for this caller.
    pub(crate) fn end_of(&self, text: &str) {
        let mut inside = self.lock();
        inside.rules.retain(|(rule, _)| rule.about.as_deref() != Some(text) && rule.caller.as_deref() != Some(text));
        inside.chaos.retain(|(chaos, _)| chaos.about.as_deref() != Some(text));
    }

    /// Ends and forgets everything.
    pub(crate) fn clear(&self) {
        *self.lock() = Inside::default();
    }

    /// What happens to this call; counts it.
    pub(super) fn strike(&self, call: &Arrived<'_>) -> Option<Effect> {
        let mut inside = self.lock();
        if inside.rules.is_empty() && inside.chaos.is_empty() {
            return None;
        }
        let counted = inside.count(call);
        let (effect, about) = inside.by_rule(call).or_else(|| inside.by_chance(call, &counted))?;
        let skip = counted.iter().find(|(known, _)| *known == about).map_or(0, |(_, count)| *count);
        inside.struck.push(Rule {
            service: call.identity.service.clone(),
            action: call.identity.action.clone(),
            caller: Some(call.caller.to_owned()),
            about,
            skip,
            times: 1,
            effect: effect.clone(),
        });
        Some(effect)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// How many calls like this one came before, for everything that it is about and that some rule looks at.
    fn count(&mut self, call: &Arrived<'_>) -> Vec<(Option<String>, u32)> {
        let named = self.rules.iter().map(|(rule, _)| &rule.about).chain(self.chaos.iter().map(|(one, _)| &one.about));
        let abouts: BTreeSet<Option<String>> =
            named.filter(|about| about.as_ref().is_none_or(|text| call.is_about(text))).cloned().collect();
        let mut counted = Vec::new();
        for about in abouts {
            let Identity { service, action, .. } = call.identity;
            let key = (service.clone(), action.clone(), call.caller.to_owned(), about.clone());
            let count = self.counts.entry(key).or_default();
            counted.push((about, *count));
            *count += 1;
        }
        counted
    }

    /// Every rule counts every call that it matches, whichever takes it: so what struck can be told by numbers.
    fn by_rule(&mut self, call: &Arrived<'_>) -> Option<(Effect, Option<String>)> {
        let mut struck = None;
        for (rule, seen) in self.rules.iter_mut().filter(|(rule, _)| rule.takes(call)) {
            *seen += 1;
            let strikes = *seen > rule.skip && (rule.times == 0 || *seen <= rule.skip + rule.times);
            if strikes && struck.is_none() {
                struck = Some((rule.effect.clone(), rule.about.clone()));
            }
        }
        struck
    }

    fn by_chance(&mut self, call: &Arrived<'_>, counted: &[(Option<String>, u32)]) -> Option<(Effect, Option<String>)> {
        for (chaos, spent) in &mut self.chaos {
            let Some((_, count)) = counted.iter().find(|(about, _)| *about == chaos.about) else { continue };
            if *spent >= chaos.faults {
                continue;
            }
            if let Some(effect) = chaos.decide(call.identity, call.caller, *count) {
                *spent += 1;
                return Some((effect, chaos.about.clone()));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(action: &str) -> Identity {
        Identity {
            service: "ec2".into(),
            action: action.into(),
            region: "eu-west-1".into(),
            access_key: String::new(),
            mutating: !action.starts_with("Describe"),
        }
    }

    fn strike(faults: &Faults, action: &str, caller: &str, text: &str) -> Option<Effect> {
        let identity = identity(action);
        faults.strike(&Arrived { identity: &identity, caller, holds: &|wanted| text.contains(wanted) })
    }

    const NETWORK: &str = "arn:aws:sts::111122223333:assumed-role/network/landfall-network";

    #[test]
    fn a_rule_skips_then_takes_then_ends() {
        let faults = Faults::default();
        faults.add(Rule::fail("ec2", "Create*", "Busy", "").after(1).times(2).by("network"));
        assert_eq!(strike(&faults, "CreateVpc", "role/admit", ""), None);
        let taken: Vec<bool> = (0..4).map(|_| strike(&faults, "CreateVpc", NETWORK, "").is_some()).collect();
        assert_eq!(taken, [false, true, true, false]);
    }

    #[test]
    fn a_rule_about_a_platform_leaves_the_others_alone() {
        let faults = Faults::default();
        faults.add(Rule::new("ec2", "*", Effect::Throttle).about("one"));
        assert_eq!(strike(&faults, "CreateVpc", NETWORK, "platform=two"), None);
        assert_eq!(strike(&faults, "CreateVpc", NETWORK, "platform=one"), Some(Effect::Throttle));
        faults.end_of("one");
        assert_eq!(strike(&faults, "CreateVpc", NETWORK, "platform=one"), None);
    }

    #[test]
    fn what_struck_is_a_script_that_strikes_again() {
        let calls: Vec<(&str, &str)> = (0..300)
            .map(|n| (["CreateVpc", "DescribeVpcs", "CreateTags"][n % 3], ["about a", "about b"][n % 2]))
            .collect();
        let run = |faults: &Faults| -> Vec<Option<Effect>> {
            calls.iter().map(|(action, text)| strike(faults, action, NETWORK, text)).collect()
        };
        let chance = Faults::default();
        chance.add_chaos(Chaos { seed: 7, about: Some("a".into()), per_mille: 100, faults: 9 });
        let by_chance = run(&chance);
        assert_eq!(by_chance.iter().flatten().count(), 9);

        let script = Faults::default();
        for rule in chance.struck_since(0) {
            let text = serde_json::to_string(&rule).unwrap();
            script.add(serde_json::from_str(&text).unwrap());
        }
        assert_eq!(run(&script), by_chance);
    }
}
