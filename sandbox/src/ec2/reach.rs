//! Which interface reaches which: what the security groups at both ends let through.
//!
//! A connection needs a rule that lets it out where it begins, and one that lets it in where it ends; answers need none.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>,
//! <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::Ec2;
use super::store::{Kind, Record, Store};

/// An interface, with the rules of its security groups.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) vpc: String,
    address: Ipv4Addr,
    groups: Vec<String>,
    rules: Vec<Value>,
}

/// What keeps one interface from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bar {
    /// They are in different VPCs.
    Vpc,
    /// No rule lets it out.
    Outbound,
    /// No rule lets it in.
    Inbound,
}

impl End {
    /// Whether TCP connections from here reach a port there.
    pub(crate) fn reaches(&self, other: &End, port: u16) -> Result<(), Bar> {
        if self.vpc != other.vpc {
            return Err(Bar::Vpc);
        }
        if !self.lets(true, port, other) {
            return Err(Bar::Outbound);
        }
        if other.lets(false, port, self) { Ok(()) } else { Err(Bar::Inbound) }
    }

    fn lets(&self, out: bool, port: u16, other: &End) -> bool {
        self.rules.iter().any(|rule| rule["isEgress"] == out && covers(rule, port) && other.is_in(rule))
    }

    fn is_in(&self, rule: &Value) -> bool {
        let block = rule["cidrIpv4"].as_str().and_then(|block| block.parse::<Ipv4Net>().ok());
        let group = &rule["referencedGroupInfo"]["groupId"];
        block.is_some_and(|block| block.contains(&self.address)) || self.groups.iter().any(|id| group == id)
    }

    fn of(store: &Store, interface: &Record) -> Option<Self> {
        let ids = interface.list("groupSet").iter().filter_map(|group| group["groupId"].as_str());
        let groups: Vec<String> = ids.map(str::to_owned).collect();
        let rules = store.all(Kind::SecurityGroupRule).filter(|rule| groups.iter().any(|id| rule.has("groupId", id)));
        Some(Self {
            vpc: interface.text("vpcId").to_owned(),
            address: interface.text("privateIpAddress").parse().ok()?,
            rules: rules.map(|rule| rule.document.clone()).collect(),
            groups,
        })
    }
}

impl Ec2 {
    /// The interfaces of these ids that are there.
    pub(crate) fn ends(&self, region: &str, interfaces: &[String]) -> Vec<End> {
        self.with_store(region, |store| {
            let known = interfaces.iter().filter_map(|id| store.find(Kind::Interface, id));
            known.filter_map(|interface| End::of(store, interface)).collect()
        })
    }
}

fn covers(rule: &Value, port: u16) -> bool {
    // All ports, too, are written as -1: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    let bound = |field: &str| rule[field].as_i64().filter(|port| *port >= 0);
    match rule["ipProtocol"].as_str() {
        Some("-1") => true,
        Some("tcp") => {
            let (port, from, to) = (i64::from(port), bound("fromPort"), bound("toPort"));
            from.is_none_or(|from| from <= port) && to.is_none_or(|to| port <= to)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn end(address: &str, group: &str, rules: Vec<Value>) -> End {
        End { vpc: "vpc-1".into(), address: address.parse().unwrap(), groups: vec![group.into()], rules }
    }

    fn rule(out: bool, ports: (i32, i32), whom: (&str, Value)) -> Value {
        json!({"isEgress": out, "ipProtocol": "tcp", "fromPort": ports.0, "toPort": ports.1, whom.0: whom.1})
    }

    fn function() -> End {
        end("10.0.1.9", "sg-gate", vec![json!({"isEgress": true, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"})])
    }

    fn let_in(rule: Value) -> Result<(), Bar> {
        function().reaches(&end("10.0.2.5", "sg-cluster", vec![rule]), 443)
    }

    #[test]
    fn a_rule_lets_in_by_address_or_by_group_and_only_at_its_ports() {
        let group = |id: &str| ("referencedGroupInfo", json!({"groupId": id}));
        let block = |block: &str| ("cidrIpv4", json!(block));
        assert_eq!(let_in(rule(false, (443, 443), group("sg-gate"))), Ok(()));
        assert_eq!(let_in(rule(false, (443, 443), group("sg-other"))), Err(Bar::Inbound));
        assert_eq!(let_in(rule(false, (400, 500), block("10.0.1.0/24"))), Ok(()));
        assert_eq!(let_in(rule(false, (443, 443), block("10.0.2.0/24"))), Err(Bar::Inbound));
        assert_eq!(let_in(rule(false, (80, 80), block("10.0.1.0/24"))), Err(Bar::Inbound));
        assert_eq!(let_in(rule(false, (-1, -1), block("10.0.1.9/32"))), Ok(()));
        assert_eq!(let_in(rule(true, (443, 443), block("10.0.1.0/24"))), Err(Bar::Inbound));
        let udp =
            json!({"isEgress": false, "ipProtocol": "udp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"});
        assert_eq!(let_in(udp), Err(Bar::Inbound));
    }

    #[test]
    fn what_is_not_let_out_reaches_nothing() {
        let open = vec![rule(false, (443, 443), ("cidrIpv4", json!("0.0.0.0/0")))];
        let there = end("10.0.2.5", "sg-cluster", open);
        let only_there = rule(true, (443, 443), ("referencedGroupInfo", json!({"groupId": "sg-cluster"})));
        assert_eq!(end("10.0.1.9", "sg-gate", Vec::new()).reaches(&there, 443), Err(Bar::Outbound));
        assert_eq!(end("10.0.1.9", "sg-gate", vec![only_there]).reaches(&there, 443), Ok(()));
        assert_eq!(function().reaches(&End { vpc: "vpc-2".into(), ..there }, 443), Err(Bar::Vpc));
    }
}
