//! Which subnet gets which addresses.
//!
//! The block of a VPC is cut by its size alone, never by how many zones are in use. A zone's subnets follow from the
//! zone's number (see [`Slots`](crate::Slots)), so a zone that is added later renumbers nothing, and neither does
//! turning public subnets on or off.
//!
//! | block      | zones | private, a zone        | public, a zone                    | kept free            |
//! |------------|-------|------------------------|-----------------------------------|----------------------|
//! | /16 to /21 | 6     | an eighth (/19 to /24) | 1/64, from the seventh eighth     | the last eighth      |
//! | /22, /23   | 4     | an eighth (/25, /26)   | 1/16, from the third quarter      | the last quarter     |
//! | /24        | 2     | a quarter (/26)        | an eighth (/27), from the third quarter | the last quarter |
//!
//! Six is the most zones that any region has. Private subnets hold nodes and pods, public ones only load balancers and
//! NAT gateways. No subnet is smaller than /27, which is what a load balancer asks for:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer>.
//!
//! A block for pods, /16 to /24, gives an eighth to each of six zones, whatever the size.

use domain::{CidrError, Pool};
use ipnet::Ipv4Net;

/// How one VPC's block is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    zones: u32,
    private: Pool,
    public: Pool,
}

impl Layout {
    /// The layout of a block; none if it is larger than /16 or smaller than /24.
    pub(super) fn of(block: Ipv4Net) -> Option<Self> {
        let size = block.prefix_len();
        let (zones, private, public, publics) = match size {
            16..=21 => (6, size + 3, size + 6, Pool::new(block, size + 3).subnet(6)),
            22..=23 => (4, size + 3, size + 4, Pool::new(block, size + 2).subnet(2)),
            24 => (2, size + 2, size + 3, Pool::new(block, size + 2).subnet(2)),
            _ => return None,
        };
        Some(Self { zones, private: Pool::new(block, private), public: Pool::new(publics.ok()?, public) })
    }

    /// For how many zones there is room: their numbers are below this.
    pub(super) fn zones(&self) -> u32 {
        self.zones
    }

    /// The private subnet of the zone with that number.
    pub(super) fn private(&self, slot: u32) -> Result<Ipv4Net, CidrError> {
        self.private.subnet(slot)
    }

    /// The public subnet of the zone with that number.
    pub(super) fn public(&self, slot: u32) -> Result<Ipv4Net, CidrError> {
        self.public.subnet(slot)
    }
}

/// For how many zones a block of pods has room.
pub(super) const POD_ZONES: u32 = 6;

/// How a block of pods is cut; none if it is larger than /16 or smaller than /24.
pub(super) fn pods(block: Ipv4Net) -> Option<Pool> {
    (16..=24).contains(&block.prefix_len()).then(|| Pool::new(block, block.prefix_len() + 3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One line a size: the block, the subnets of its zones, and what no subnet takes.
    #[test]
    fn layouts() {
        let mut table = String::new();
        for size in 15..=25 {
            let block = Ipv4Net::new_assert([10, 40, 0, 0].into(), size);
            table.push_str(&format!("{block}\n"));
            for slot in 0..Layout::of(block).map_or(0, |layout| layout.zones()) {
                let layout = Layout::of(block).unwrap();
                let (private, public) = (layout.private(slot).unwrap(), layout.public(slot).unwrap());
                table.push_str(&format!("  {slot}: private {private}, public {public}\n"));
            }
        }
        insta::assert_snapshot!(table);
    }

    proptest! {
        #[test]
        fn subnets_fit_and_never_overlap(address: u32, size in 16u8..=24) {
            let block = Ipv4Net::new_assert(address.into(), size).trunc();
            let layout = Layout::of(block).unwrap();
            let slots = 0..layout.zones();
            let subnets: Vec<Ipv4Net> = slots
                .flat_map(|slot| [layout.private(slot).unwrap(), layout.public(slot).unwrap()])
                .collect();
            for (index, subnet) in subnets.iter().enumerate() {
                prop_assert!(block.contains(subnet) && subnet.prefix_len() <= 27);
                for other in &subnets[index + 1..] {
                    prop_assert!(!subnet.contains(other) && !other.contains(subnet));
                }
            }
            prop_assert!(layout.private(0).unwrap().prefix_len() < layout.public(0).unwrap().prefix_len());
        }
    }
}
