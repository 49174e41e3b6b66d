//! Which zones a platform uses, and which number each has.

use manifest::Zones;

use crate::{Facts, Problem, Slots};

/// Zones in which EKS places no control plane, by id:
/// <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html#network-requirements-subnets>.
const WITHOUT_EKS: &[&str] = &["use1-az3", "usw1-az2", "cac1-az3"];

/// A zone that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// Its id.
    pub(super) id: String,
    /// Its number.
    pub(super) slot: u32,
}

/// The numbers of `slots`, and the next free ones for those of `wanted` that have none yet, in the order of `wanted`.
pub fn assign_slots(wanted: &[String], slots: &Slots) -> Slots {
    let mut assigned = slots.clone();
    let mut next = slots.values().max().map_or(0, |last| last + 1);
    for zone in wanted {
        if !assigned.contains_key(zone) {
            assigned.insert(zone.clone(), next);
            next += 1;
        }
    }
    assigned
}

/// The ids of the zones that a manifest asks for. A number takes first the zones that were used before, in the order in
/// which they came, even one that AWS does not offer at the moment: an impaired zone is no reason to move out.
pub(super) fn choose(asked: &Zones, facts: &Facts) -> Result<Vec<String>, Vec<Problem>> {
    match asked {
        Zones::Count(count) => first(usize::from(*count), facts).map_err(|problem| vec![problem]),
        Zones::Names(names) => {
            let (found, problems): (Vec<_>, Vec<_>) =
                names.iter().enumerate().map(|(index, name)| named(index, name, facts)).partition(Result::is_ok);
            if problems.is_empty() {
                Ok(found.into_iter().flatten().collect())
            } else {
                Err(problems.into_iter().filter_map(Result::err).collect())
            }
        }
    }
}

/// Whether EKS works in a zone.
pub(super) fn hosts_eks(zone: &str) -> bool {
    !WITHOUT_EKS.contains(&zone)
}

/// The same zones with their numbers, in order of number.
pub(super) fn numbered(zones: &[String], slots: &Slots) -> Vec<Zone> {
    let with_slot = |id: &String| slots.get(id).map(|slot| Zone { id: id.clone(), slot: *slot });
    let mut numbered: Vec<Zone> = zones.iter().filter_map(with_slot).collect();
    numbered.sort_by_key(|zone| zone.slot);
    numbered.dedup();
    numbered
}

fn first(count: usize, facts: &Facts) -> Result<Vec<String>, Problem> {
    let mut known: Vec<(&u32, &String)> = facts.slots.iter().map(|(id, slot)| (slot, id)).collect();
    known.sort();
    let new = facts.zones.keys().filter(|id| !facts.slots.contains_key(*id));
    let usable = known.into_iter().map(|(_, id)| id).chain(new).filter(|id| hosts_eks(id));
    let chosen: Vec<String> = usable.take(count).cloned().collect();
    if chosen.len() == count {
        return Ok(chosen);
    }
    let message = format!("{count} zones are asked for, and EKS works in {} here", chosen.len());
    let fix = format!("write {} or choose another region", chosen.len());
    Err(problem("availabilityZones", message, fix))
}

fn named(index: usize, name: &str, facts: &Facts) -> Result<String, Problem> {
    let field = format!("availabilityZones.{index}");
    let usable = || {
        let names = facts.zones.iter().filter(|(id, _)| hosts_eks(id)).map(|(_, name)| name.as_str());
        format!("choose from {}", names.collect::<Vec<_>>().join(", "))
    };
    match facts.zones.iter().find(|(_, known)| *known == name) {
        None => Err(problem(&field, format!("there is no zone {name} here"), usable())),
        Some((id, _)) if !hosts_eks(id) => {
            Err(problem(&field, format!("EKS does not work in {name} ({id})"), usable()))
        }
        Some((id, _)) => Ok(id.clone()),
    }
}

fn problem(field: &str, message: String, fix: String) -> Problem {
    Problem::network("UnusableZone", field, message, fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(region: &str, zones: u32, slots: &[(&str, u32)]) -> Facts {
        Facts {
            zones: (1..=zones).map(|n| (format!("{region}-az{n}"), format!("{region}-{n}"))).collect(),
            slots: slots.iter().map(|(zone, slot)| ((*zone).to_owned(), *slot)).collect(),
            ..Facts::default()
        }
    }

    fn texts(zones: &[&str]) -> Vec<String> {
        zones.iter().map(|zone| (*zone).to_owned()).collect()
    }

    #[test]
    fn numbers_stay_and_are_never_given_twice() {
        let first = assign_slots(&texts(&["c", "a"]), &Slots::new());
        assert_eq!(first, Slots::from([("c".into(), 0), ("a".into(), 1)]));
        let second = assign_slots(&texts(&["b", "c"]), &first);
        assert_eq!(second, Slots::from([("c".into(), 0), ("a".into(), 1), ("b".into(), 2)]));
        assert_eq!(assign_slots(&texts(&["a", "b", "c"]), &second), second);
    }

    #[test]
    fn a_count_takes_the_zones_that_were_used_before() {
        let chosen = |count, facts: &Facts| choose(&Zones::Count(count), facts);
        assert_eq!(chosen(2, &facts("x", 3, &[])), Ok(texts(&["x-az1", "x-az2"])));
        assert_eq!(chosen(2, &facts("x", 3, &[("x-az3", 0)])), Ok(texts(&["x-az3", "x-az1"])));
        assert_eq!(chosen(2, &facts("x", 1, &[("x-az9", 0)])), Ok(texts(&["x-az9", "x-az1"])));
        assert!(chosen(4, &facts("x", 3, &[])).is_err());
    }

    #[test]
    fn zones_without_eks_are_left_out() {
        let virginia = facts("use1", 6, &[]);
        let five = choose(&Zones::Count(5), &virginia).unwrap();
        assert_eq!(five, texts(&["use1-az1", "use1-az2", "use1-az4", "use1-az5", "use1-az6"]));
        assert!(choose(&Zones::Count(6), &virginia).is_err());
        let named = choose(&Zones::Names(texts(&["use1-3", "use1-7", "use1-1"])), &virginia).unwrap_err();
        let messages: Vec<_> = named.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["EKS does not work in use1-3 (use1-az3)", "there is no zone use1-7 here"]);
    }
}
