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

    /// From `CreateCluster` to `ACTIVE`.
    /// <https://docs.aws.amazon.com/eks/latest/userguide/create-cluster.html>: "provisioning takes several minutes"
    #[must_use]
    pub fn control_plane_creating(self) -> Duration {
        self.real(540.0)
    }

    /// From `DeleteCluster` until nothing of it is left.
    #[must_use]
    pub fn control_plane_deleting(self) -> Duration {
        self.real(180.0)
    }

    /// From the end of a cluster until its control plane's last logs arrive. AWS does not say; users see it within minutes:
    /// <https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2763>
    #[must_use]
    pub fn last_logs(self) -> Duration {
        self.real(30.0)
    }

    /// One minor version up or down.
    /// <https://docs.aws.amazon.com/eks/latest/userguide/update-cluster.html>: "the update takes several minutes"
    #[must_use]
    pub fn control_plane_version(self) -> Duration {
        self.real(480.0)
    }

    /// A change of a cluster's configuration.
    #[must_use]
    pub fn control_plane_configuring(self) -> Duration {
        self.real(120.0)
    }

    /// How long after an upgrade it can be taken back: 7 days.
    /// <https://docs.aws.amazon.com/eks/latest/userguide/rollback-cluster.html>
    #[must_use]
    pub fn rollback_window(self) -> Duration {
        self.real(7.0 * 86_400.0)
    }

    /// From the creation, update or deletion of a managed node group to its end.
    #[must_use]
    pub fn node_group_changing(self) -> Duration {
        self.real(120.0)
    }

    /// From the launch of an instance of EKS Auto Mode until its node has joined. AWS does not say.
    #[must_use]
    pub fn auto_node_joining(self) -> Duration {
        self.real(40.0)
    }

    /// For how long a node of EKS Auto Mode may be empty: `consolidateAfter` of the built-in node pools, as in
    /// <https://dev.to/shiruta/aws-eks-auto-mode-node-lifecycle-eks-1jgk>.
    #[must_use]
    pub fn auto_node_idle(self) -> Duration {
        self.real(30.0)
    }

    /// From the creation or deletion of a Fargate profile to its end.
    #[must_use]
    pub fn fargate_profile_changing(self) -> Duration {
        self.real(90.0)
    }

    /// From the creation, update or deletion of an add-on to its end.
    #[must_use]
    pub fn addon_changing(self) -> Duration {
        self.real(30.0)
    }

    /// How often a young add-on is looked at. What it waits for are real pods, which take no modelled time: a look is
    /// never shorter than half a second.
    #[must_use]
    pub fn addon_look(self) -> Duration {
        self.addon_changing().max(Duration::from_millis(500))
    }

    /// After how long an add-on that is not healthy counts as degraded: about 20 minutes, and never less than a busy machine
    /// may take for real pods.
    #[must_use]
    pub fn addon_patience(self) -> Duration {
        self.real(1200.0).max(Duration::from_secs(90))
    }

    /// From the creation of a function in a VPC, or a change of its network, until its interfaces are there: "about a minute".
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>
    #[must_use]
    pub fn function_attaching(self) -> Duration {
        self.real(60.0)
    }

    /// From the end of a function in a VPC until nothing uses its interfaces any more: about 4 minutes, as seen in
    /// <https://github.com/alchemy-run/alchemy/pull/937>.
    #[must_use]
    pub fn function_detaching(self) -> Duration {
        self.real(240.0)
    }

    /// From the end of a function in a VPC until Lambda has deleted its interfaces: "up to 20 minutes".
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>
    #[must_use]
    pub fn function_interfaces_left(self) -> Duration {
        self.real(900.0)
    }

    fn real(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * self.scale)
    }
}
