//! Cutting one IPv4 block into subnets.

use ipnet::Ipv4Net;

/// Why no subnet could be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{block} has no room for subnet number {index} of /{prefix}")]
pub struct CidrError {
    block: Ipv4Net,
    prefix: u8,
    index: u32,
}

/// A block, from which subnets of one size are cut by number. A number always gives the same subnet, so a zone that is
/// added later moves nothing.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    block: Ipv4Net,
    prefix: u8,
}

impl Pool {
    /// Subnets of `/prefix` in `block`.
    pub fn new(block: Ipv4Net, prefix: u8) -> Self {
        Self { block: block.trunc(), prefix }
    }

    /// The subnet with that number, counted from 0.
    pub fn subnet(&self, index: u32) -> Result<Ipv4Net, CidrError> {
        let error = CidrError { block: self.block, prefix: self.prefix, index };
        let bits = self.prefix.checked_sub(self.block.prefix_len()).ok_or(error.clone())?;
        if self.prefix > 32 || u64::from(index) >= 1u64 << bits {
            return Err(error);
        }
        let offset = u64::from(index) << (32 - u32::from(self.prefix));
        let base = u64::from(u32::from(self.block.network())) + offset;
        let address = u32::try_from(base).map_err(|_| error.clone())?;
        Ipv4Net::new(address.into(), self.prefix).map_err(|_| error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn subnets_fit_and_never_overlap(address: u32, prefix in 8u8..=24, extra in 1u8..=6, a in 0u32..64, b in 0u32..64) {
            let block = Ipv4Net::new(address.into(), prefix).unwrap().trunc();
            let pool = Pool::new(block, prefix + extra);
            match (pool.subnet(a), pool.subnet(b)) {
                (Ok(x), Ok(y)) => {
                    prop_assert!(block.contains(&x) && block.contains(&y));
                    prop_assert_eq!(a == b, x.contains(&y) || y.contains(&x));
                }
                _ => prop_assert!(a.max(b) >= 1 << extra),
            }
        }
    }
}
