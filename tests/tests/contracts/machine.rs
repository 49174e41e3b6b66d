//! A state machine as a graph.

use std::collections::BTreeSet;

use serde_json::Value;

/// One state of a machine.
pub(crate) struct State<'a> {
    /// Its name with the machine's, for messages.
    pub(crate) place: String,
    /// Its name.
    pub(crate) name: &'a str,
    /// Its definition.
    pub(crate) body: &'a Value,
}

impl<'a> State<'a> {
    /// Its `Type`.
    pub(crate) fn kind(&self) -> &'a str {
        self.body["Type"].as_str().unwrap()
    }

    /// The states that may follow it.
    pub(crate) fn followers(&self) -> Vec<&'a str> {
        let branches = list(self.body, "Choices").chain(list(self.body, "Catch"));
        let direct = ["Next", "Default"].into_iter().filter_map(|field| self.body[field].as_str());
        branches.filter_map(|branch| branch["Next"].as_str()).chain(direct).collect()
    }

    /// The entries of its `Catch`.
    pub(crate) fn catches(&self) -> Vec<&'a Value> {
        list(self.body, "Catch").collect()
    }

    /// The entries of its `Retry`.
    pub(crate) fn retries(&self) -> Vec<&'a Value> {
        list(self.body, "Retry").collect()
    }

    /// The function that a Lambda task calls: `network` for `${NetworkFunction}`.
    pub(crate) fn function(&self) -> Option<String> {
        substituted(&self.body["Arguments"]["FunctionName"], "Function")
    }

    /// The machine that a task runs as its child: `prune` for `${PruneMachine}`.
    pub(crate) fn child(&self) -> Option<String> {
        substituted(&self.body["Arguments"]["StateMachineArn"], "Machine")
    }

    /// Its `TimeoutSeconds`.
    pub(crate) fn timeout(&self) -> u64 {
        self.body["TimeoutSeconds"].as_u64().unwrap_or_else(|| panic!("{}: no TimeoutSeconds", self.place))
    }
}

/// Every state of a machine.
pub(crate) fn states<'a>(machine: &str, definition: &'a Value) -> Vec<State<'a>> {
    let states = definition["States"].as_object().unwrap();
    states.iter().map(|(name, body)| State { place: format!("{machine}, «{name}»"), name, body }).collect()
}

/// The tasks of a machine.
pub(crate) fn tasks<'a>(machine: &str, definition: &'a Value) -> Vec<State<'a>> {
    states(machine, definition).into_iter().filter(|state| state.kind() == "Task").collect()
}

/// The states that can be reached from its start.
pub(crate) fn reachable<'a>(states: &[State<'a>], start: &'a str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(states.iter().filter(|state| state.name == name).flat_map(State::followers));
        }
    }
    seen
}

fn list<'a>(body: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    body[field].as_array().into_iter().flatten()
}

fn substituted(value: &Value, suffix: &str) -> Option<String> {
    let name = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?.strip_suffix(suffix)?;
    Some(name.to_lowercase())
}
