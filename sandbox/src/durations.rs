//! How long AWS takes, and what of it a sandbox waits: one table of real durations, one scale.

use std::time::Duration;

/// Real durations of AWS, multiplied by a scale.
#[derive(Debug, Clone, Copy)]
pub struct Durations {
    scale: f64,
}

impl Durations {
    /// Durations at this scale: 1.0 is real time, 1/60 makes a minute a second.
    #[must_use]
    pub fn at(scale: f64) -> Self {
        Self { scale }
    }

    /// From `CreateNatGateway` to `available`: 105 s as measured.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html>
    #[must_use]
    pub fn nat_gateway_pending(self) -> Duration {
        self.real(105.0)
    }

    /// From `DeleteNatGateway` to `deleted`; its interface and address are held until then.
    #[must_use]
    pub fn nat_gateway_deleting(self) -> Duration {
        self.real(50.0)
    }

    /// How long a deleted or failed NAT gateway is still listed: about an hour.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>
    #[must_use]
    pub fn nat_gateway_listed(self) -> Duration {
        self.real(3600.0)
    }

    /// From `CreateVpcEndpoint` to `available`, for an interface endpoint.
    /// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
    #[must_use]
    pub fn endpoint_pending(self) -> Duration {
        self.real(60.0)
    }

    /// From `DeleteVpcEndpoints` until an interface endpoint and its interfaces are gone.
    #[must_use]
    pub fn endpoint_deleting(self) -> Duration {
        self.real(60.0)
    }

    /// From the creation or deletion of a transit gateway attachment to its end.
    #[must_use]
    pub fn attachment_changing(self) -> Duration {
        self.real(60.0)
    }

    fn real(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * self.scale)
    }
}
