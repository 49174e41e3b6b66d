//! Arithmetic on address blocks.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

pub(super) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// Addresses that AWS gives out in a subnet: all but the first four and the last.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
pub(super) fn usable(cidr: Ipv4Net) -> u32 {
    2_u32.saturating_pow(u32::from(32 - cidr.prefix_len())).saturating_sub(5)
}

/// The lowest address that AWS gives out and nobody has.
pub(super) fn free_address(cidr: Ipv4Net, taken: &[String]) -> Option<Ipv4Addr> {
    let first = u32::from(cidr.network()) + 4;
    (first..first + usable(cidr)).map(Ipv4Addr::from).find(|address| !taken.contains(&address.to_string()))
}
