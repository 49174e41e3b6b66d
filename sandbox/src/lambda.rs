//! The functions that are in a VPC: with which interfaces, and what becomes of these.
//!
//! MiniStack keeps and runs the functions; this keeps what MiniStack does not know of them, because the network is the
//! gateway's. It guarantees that an interface is there from before its function can be called until after the function is
//! gone, as long as on AWS, and that nobody but the function gets its way into the VPC.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::durations::Durations;
use crate::ec2::random_uuid;

mod asked;

pub(crate) use asked::{Asked, VpcConfig, name_in};

/// Where a function is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) vpc: String,
    pub(crate) config: VpcConfig,
    /// The ids of its interfaces, one for each subnet.
    pub(crate) interfaces: Vec<String>,
}

/// A function in a VPC, and which interfaces Lambda made for it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) region: String,
    pub(crate) interfaces: Vec<String>,
}

/// Interfaces that no function uses any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) region: String,
    /// In whose name Lambda deletes them.
    pub(crate) role: String,
    pub(crate) interfaces: Vec<String>,
}

/// What is to be done to interfaces that are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Nothing uses them any more.
    Detach(Left),
    /// Lambda deletes them, if it may.
    Delete(Left),
}

/// A change of a function that Lambda has accepted.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) creates: bool,
    pub(crate) role: String,
    pub(crate) secret: String,
    /// Where it is from now on, if that changes; nowhere is an answer too.
    pub(crate) network: Option<Option<Network>>,
}

/// All functions that are, or have been, in a VPC.
#[derive(Debug)]
pub(crate) struct Functions {
    attached: Mutex<HashMap<Key, Attached>>,
    chores: Mutex<Vec<(Instant, Chore)>>,
    durations: Durations,
}

/// Region and name.
type Key = (String, String);

#[derive(Debug)]
struct Attached {
    role: String,
    secret: String,
    now: Option<Network>,
    /// Until then calls go by the network of before.
    coming: Option<(Instant, Option<Network>)>,
}

impl Functions {
    pub(crate) fn new(durations: Durations) -> Self {
        Self { attached: Mutex::default(), chores: Mutex::default(), durations }
    }

    /// Where a function was last put, whether or not it is there yet.
    pub(crate) fn network(&self, region: &str, name: &str) -> Option<Network> {
        let attached = self.lock();
        let function = attached.get(&key(region, name))?;
        function.coming.as_ref().map_or(&function.now, |(_, network)| network).clone()
    }

    /// What tells a function from who only knows its name: as long as it is in a VPC, the same.
    pub(crate) fn secret(&self, region: &str, name: &str) -> String {
        let known = self.lock().get(&key(region, name)).map(|function| function.secret.clone());
        known.unwrap_or_else(random_uuid)
    }

    /// How long it takes to put a function into a VPC.
    pub(crate) fn attaching(&self) -> Duration {
        self.durations.function_attaching()
    }

    /// Keeps what Lambda has accepted. A function that is there goes on by its old network until the new one is ready.
    pub(crate) fn change(&self, region: &str, name: &str, change: Change) {
        let Change { creates, role, secret, network } = change;
        let mut attached = self.lock();
        let key = key(region, name);
        match (network, attached.get_mut(&key)) {
            (Some(now), _) if creates => {
                attached.insert(key, Attached { role, secret, now, coming: None });
            }
            (network, Some(function)) => {
                function.role = role;
                if let Some(network) = network {
                    function.coming = Some((self.ready(), network));
                }
            }
            (Some(network), None) => {
                let coming = Some((self.ready(), network));
                attached.insert(key, Attached { role, secret, now: None, coming });
            }
            (None, None) => {}
        }
    }

    /// The function is gone.
    pub(crate) fn remove(&self, region: &str, name: &str) {
        let Some(function) = self.lock().remove(&key(region, name)) else { return };
        let networks = [function.now, function.coming.and_then(|(_, network)| network)];
        for network in networks.into_iter().flatten() {
            self.leave(region, &function.role, network);
        }
    }

    /// Where the function of this name and secret is; none if there is none, or it is in no VPC.
    pub(crate) fn placed(&self, name: &str, secret: &str) -> Option<Placed> {
        let attached = self.lock();
        let is = |entry: &(&Key, &Attached)| entry.0.1 == name && entry.1.secret == secret;
        let ((region, _), function) = attached.iter().find(is)?;
        Some(Placed { region: region.clone(), interfaces: function.now.as_ref()?.interfaces.clone() })
    }

    /// Moves the functions whose new network is ready; what is due of the interfaces that are left, each once.
    pub(crate) fn settle(&self) -> Vec<Chore> {
        let now = Instant::now();
        for ((region, _), function) in self.lock().iter_mut() {
            if function.coming.as_ref().is_some_and(|(ready, _)| *ready <= now)
                && let Some((_, network)) = function.coming.take()
                && let Some(old) = std::mem::replace(&mut function.now, network)
            {
                self.leave(region, &function.role, old);
            }
        }
        let mut chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, later) = std::mem::take(&mut *chores).into_iter().partition(|(at, _)| *at <= now);
        *chores = later;
        let due: Vec<(Instant, Chore)> = due;
        due.into_iter().map(|(_, chore)| chore).collect()
    }

    fn leave(&self, region: &str, role: &str, network: Network) {
        let left = Left { region: region.to_owned(), role: role.to_owned(), interfaces: network.interfaces };
        let now = Instant::now();
        let mut chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        chores.push((now + self.durations.function_detaching(), Chore::Detach(left.clone())));
        chores.push((now + self.durations.function_interfaces_left(), Chore::Delete(left)));
    }

    fn ready(&self) -> Instant {
        Instant::now() + self.attaching()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Attached>> {
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(region: &str, name: &str) -> Key {
    (region.to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    /// 240 s of AWS take 240 ms.
    const SCALE: f64 = 0.001;

    fn network(interface: &str) -> Option<Network> {
        let config = VpcConfig { subnets: vec!["subnet-1".into()], groups: vec!["sg-1".into()] };
        Some(Network { vpc: "vpc-1".into(), config, interfaces: vec![interface.into()] })
    }

    fn change(creates: bool, network: Option<Option<Network>>) -> Change {
        Change { creates, role: "arn:aws:iam::111122223333:role/gate".into(), secret: "s".into(), network }
    }

    fn interfaces(functions: &Functions) -> Option<Vec<String>> {
        functions.placed("gate", "s").map(|placed| placed.interfaces)
    }

    fn wait_for(functions: &Functions, count: usize) -> Vec<Chore> {
        let mut chores = Vec::new();
        for _ in 0..500 {
            chores.extend(functions.settle());
            if chores.len() >= count {
                break;
            }
            sleep(Duration::from_millis(5));
        }
        chores
    }

    #[test]
    fn a_function_moves_when_its_new_interfaces_are_ready_and_leaves_the_old_ones() {
        let functions = Functions::new(Durations::at(SCALE));
        functions.change("eu-west-1", "gate", change(true, Some(network("eni-1"))));
        assert_eq!(interfaces(&functions), Some(vec!["eni-1".into()]));
        assert_eq!(functions.placed("gate", "other"), None);
        functions.change("eu-west-1", "gate", change(false, Some(network("eni-2"))));
        assert_eq!((interfaces(&functions), functions.settle()), (Some(vec!["eni-1".into()]), vec![]));
        assert_eq!(functions.network("eu-west-1", "gate"), network("eni-2"));
        sleep(Duration::from_millis(65));
        assert_eq!(functions.settle(), vec![]);
        assert_eq!(interfaces(&functions), Some(vec!["eni-2".into()]));
        let left = Left {
            region: "eu-west-1".into(),
            role: "arn:aws:iam::111122223333:role/gate".into(),
            interfaces: vec!["eni-1".into()],
        };
        assert_eq!(wait_for(&functions, 2), [Chore::Detach(left.clone()), Chore::Delete(left)]);
    }

    #[test]
    fn a_function_that_is_gone_has_no_way_and_leaves_all_its_interfaces() {
        let functions = Functions::new(Durations::at(SCALE));
        functions.change("eu-west-1", "gate", change(true, Some(network("eni-1"))));
        functions.change("eu-west-1", "gate", change(false, Some(network("eni-2"))));
        functions.remove("eu-west-1", "gate");
        assert_eq!((interfaces(&functions), functions.network("eu-west-1", "gate")), (None, None));
        let left = wait_for(&functions, 4);
        let deleted = left.iter().filter_map(|chore| match chore {
            Chore::Delete(left) => Some(left.interfaces[0].as_str()),
            Chore::Detach(_) => None,
        });
        assert_eq!(deleted.collect::<Vec<_>>(), ["eni-1", "eni-2"]);
    }
}
