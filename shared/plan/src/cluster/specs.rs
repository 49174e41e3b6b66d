//! The spec of every kind of the cluster.

use std::collections::BTreeMap;

use domain::Tags;
use ipnet::Ipv4Net;
use serde_json::Value;

use crate::Ref;
use crate::specs::{kinds, specs};

specs! {
    /// [`domain::Kind::KmsKey`]: symmetric, for encryption, rotated each year, with the policy that leaves permissions to
    /// IAM. Its deletion is only ever scheduled. Outputs: `arn`, `id`.
    ///
    /// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
    KmsKeySpec {
        /// Its alias, with `alias/` before it: by this it is found.
        alias: String,
        /// What it is for.
        description: String,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::ControlPlane`]: authentication by access entries alone (`API`), no rights for who creates it, no
    /// add-ons of its own, reachable from its VPC. Outputs: `name`, `arn`, `version` (the minor that runs), `endpoint`,
    /// `certificateAuthority` (base64), `issuer` (the URL), `securityGroup` (the id of the one that EKS makes).
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html>
    ControlPlaneSpec {
        /// Its name.
        name: String,
        /// The minor, such as `1.35`. An update goes one minor at a time; the plan sees to that.
        version: String,
        /// Whether another minor is asked for although readiness checks of EKS speak against it: `force` of UpdateClusterVersion.
        #[serde(default)]
        force_upgrade: bool,
        /// The ARN of its role.
        role: Ref,
        /// The VPC, in which EKS leaves it for life.
        vpc: Ref,
        /// The subnets of its interfaces, one a zone.
        subnets: Vec<Ref>,
        /// The zones of these, by id, in order. EKS moves no control plane to other zones.
        zones: Vec<String>,
        /// Further groups of its interfaces.
        security_groups: Vec<Ref>,
        /// From where the public endpoint may be reached; with none there is no public endpoint. The private one is always on.
        public_access_cidrs: Vec<Ipv4Net>,
        /// The block of services.
        service_ipv4_cidr: Ipv4Net,
        /// The ARN of the key that encrypts what Kubernetes stores.
        key: Ref,
        /// The log types that are on, as EKS names them: `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`.
        logging: Vec<String>,
        /// `STANDARD` or `EXTENDED`.
        support_type: String,
        /// Whether EKS refuses to delete it. Turned off before it is deleted on purpose.
        deletion_protection: bool,
        /// Auto Mode: compute, block storage and load balancing at once, as EKS asks for. None: off.
        auto_mode: Option<AutoMode>,
        /// The user's tags.
        tags: Tags,
    }
    /// EKS Auto Mode.
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_ComputeConfigRequest.html>
    AutoMode {
        /// The built-in node pools: `general-purpose`, `system`.
        node_pools: Vec<String>,
        /// The ARN of the nodes' role; none without node pools.
        node_role: Option<Ref>,
    }
    /// [`domain::Kind::OidcProvider`], for the audience `sts.amazonaws.com`. Outputs: `arn`, `host` (the issuer without
    /// `https://`, as it stands in the conditions of a trust document).
    OidcProviderSpec {
        /// The URL of the issuer.
        issuer: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::AccessEntry`] of the type `STANDARD`, with its access policies. Outputs: `arn`.
    AccessEntrySpec {
        /// The name of the control plane.
        cluster: Ref,
        /// The ARN of the role or user.
        principal: String,
        /// The Kubernetes groups that it is a member of.
        groups: Vec<String>,
        /// What it may do.
        policies: Vec<AccessPolicy>,
        /// The user's tags.
        tags: Tags,
    }
    /// One access policy of an entry.
    AccessPolicy {
        /// Its ARN, such as `arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy`.
        arn: String,
        /// The namespaces in which it holds; none: in all of the cluster.
        namespaces: Vec<String>,
    }
    /// [`domain::Kind::LaunchTemplate`]: metadata by IMDSv2 alone and over one hop, so that no pod takes on the node's
    /// role; encrypted gp3 volumes; the user's tags and the platform's on instances, volumes and interfaces. A change is a
    /// new version. Outputs: `id`, `version` (the newest, as text).
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/userguide/launch-templates.html>
    LaunchTemplateSpec {
        /// Its name, unique in its account and region.
        name: String,
        /// The sizes of the volumes in GiB, by device (`/dev/xvda`).
        volumes: BTreeMap<String, u32>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::NodeGroup`]. Outputs: `arn`, `name`, `version`.
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>
    NodeGroupSpec {
        /// The name of the control plane.
        cluster: Ref,
        /// Its name. What EKS cannot change is part of it, so that a replacement stands beside it.
        name: String,
        /// The ARN of the nodes' role.
        role: Ref,
        /// Where nodes may stand.
        subnets: Vec<Ref>,
        /// As EKS names it, such as `BOTTLEROCKET_ARM_64`.
        ami_type: String,
        /// `ON_DEMAND` or `SPOT`.
        capacity_type: String,
        /// In order of preference.
        instance_types: Vec<String>,
        /// The least nodes.
        min_size: u32,
        /// The most nodes.
        max_size: u32,
        /// How many nodes there are now; none: whoever scales decides, and it begins with the least. Show none then.
        desired_size: Option<u32>,
        /// The labels of the nodes.
        labels: BTreeMap<String, String>,
        /// The taints of the nodes.
        taints: Vec<Taint>,
        /// How many nodes an update may take away at a time.
        max_unavailable: u32,
        /// The minor: what the control plane runs.
        version: Ref,
        /// The id of the launch template.
        launch_template: Ref,
        /// Its version.
        launch_template_version: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// A taint of nodes.
    Taint {
        /// Its key.
        key: String,
        /// Its value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// As EKS names it: `NO_SCHEDULE`, `NO_EXECUTE` or `PREFER_NO_SCHEDULE`.
        effect: String,
    }
    /// [`domain::Kind::FargateProfile`]. Outputs: `arn`, `name`. EKS makes and deletes one at a time in a cluster.
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateFargateProfile.html>
    FargateProfileSpec {
        /// The name of the control plane.
        cluster: Ref,
        /// Its name. What EKS cannot change, which is all of it, is part of it, so that a replacement stands beside it.
        name: String,
        /// The ARN of the role by which pods are started.
        execution_role: Ref,
        /// Where pods may stand: private subnets.
        subnets: Vec<Ref>,
        /// Which pods.
        selectors: Vec<FargateSelector>,
        /// The user's tags.
        tags: Tags,
    }
    /// Which pods run on Fargate.
    FargateSelector {
        /// Their namespace; `*` and `?` stand for any characters.
        namespace: String,
        /// Labels that they must have.
        labels: BTreeMap<String, String>,
    }
    /// [`domain::Kind::Addon`]; what others changed in its objects is overwritten. Outputs: `arn`, `version`.
    ///
    /// Source: <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html>
    AddonSpec {
        /// The name of the control plane.
        cluster: Ref,
        /// Its name, such as `vpc-cni`.
        name: String,
        /// Its version, such as `v1.20.4-eksbuild.1`.
        version: String,
        /// Its configuration, by the schema of DescribeAddonConfiguration; null: as it comes. Compare it as JSON.
        configuration: Value,
        /// The ARNs of roles by its service accounts' names: its Pod Identity associations.
        roles: BTreeMap<String, Ref>,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::PodIdentityAssociation`]. Outputs: `id`, `arn`.
    PodIdentityAssociationSpec {
        /// The name of the control plane.
        cluster: Ref,
        /// The namespace of the service account.
        namespace: String,
        /// Its name.
        service_account: String,
        /// The ARN of the role.
        role: Ref,
        /// The user's tags.
        tags: Tags,
    }
    /// [`domain::Kind::Function`]: a copy of a function of the installation, in the platform's VPC, as our programs are
    /// built: `provided.al2023` on arm64. Outputs: `arn`, `name`.
    ///
    /// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
    FunctionSpec {
        /// Its name, unique in its account and region.
        name: String,
        /// What it is for.
        description: String,
        /// The ARN of its role.
        role: Ref,
        /// The name of the log group that it writes to.
        log_group: Ref,
        /// Where its interfaces stand.
        subnets: Vec<Ref>,
        /// Their groups.
        security_groups: Vec<Ref>,
        /// The digest of its code: as Lambda tells it, the SHA-256 in base64. What the installation has by now is as good:
        /// no code but that can be had.
        code: String,
        /// The ARNs of its layers, which run beside its code and see what it sees.
        layers: Vec<String>,
        /// The variables of its environment.
        environment: BTreeMap<String, String>,
        /// Its memory in MiB.
        memory: u32,
        /// For how many seconds it may work on one request.
        timeout: u32,
        /// The user's tags.
        tags: Tags,
    }
}

kinds! {
    KmsKeySpec: KmsKey,
    ControlPlaneSpec: ControlPlane,
    OidcProviderSpec: OidcProvider,
    AccessEntrySpec: AccessEntry,
    LaunchTemplateSpec: LaunchTemplate,
    NodeGroupSpec: NodeGroup,
    FargateProfileSpec: FargateProfile,
    AddonSpec: Addon,
    PodIdentityAssociationSpec: PodIdentityAssociation,
    FunctionSpec: Function,
}
