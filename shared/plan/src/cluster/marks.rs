//! By what EKS and its agents mark what they make of their own: no record names it, and it may outlive its cluster.

/// The tag, with the cluster's name, of every network interface that the VPC CNI or EKS's VPC resource controller makes.
/// Source: <https://github.com/aws/amazon-vpc-cni-k8s#eni-tags-related-to-allocation>
pub const INTERFACE_MARK: &str = "cluster.k8s.amazonaws.com/name";
/// How the description of such an interface begins, in whatever case.
pub const INTERFACE_DESCRIPTION: &str = "aws-k8s-";
/// The tag, with the cluster's name, of the security group that EKS makes. Nobody else can set it.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html>
pub const GROUP_MARK: &str = "aws:eks:cluster-name";
/// The tag, with the cluster's name, of what EKS makes for a managed node group.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html>
pub const NODE_MARK: &str = "eks:cluster-name";
/// The tag, with the cluster's name, of what EKS Auto Mode makes.
/// Source: <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEKSComputePolicy.html>
pub const AUTO_MODE_MARK: &str = "eks:eks-cluster-name";
/// Where the control planes of a region log.
pub const LOG_GROUPS: &str = "/aws/eks/";

/// How the name of the security group that EKS makes for a cluster begins.
pub fn group_prefix(cluster: &str) -> String {
    format!("eks-cluster-sg-{cluster}-")
}

/// How EKS describes a control plane's own network interfaces.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>
pub fn control_plane_interface(cluster: &str) -> String {
    format!("Amazon EKS {cluster}")
}

/// The tag that Kubernetes on AWS puts on what belongs to a cluster; its value is then `owned`.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html>
pub fn owned_mark(cluster: &str) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}

/// The log group of a cluster's control plane.
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html>
pub fn log_group(cluster: &str) -> String {
    format!("{LOG_GROUPS}{cluster}/cluster")
}

/// The cluster whose control plane logs there.
pub fn cluster_of_log_group(name: &str) -> Option<&str> {
    name.strip_prefix(LOG_GROUPS)?.strip_suffix("/cluster").filter(|cluster| !cluster.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_group_names_its_cluster() {
        assert_eq!(cluster_of_log_group(&log_group("demo")), Some("demo"));
        for other in ["/aws/eks/demo/other", "/aws/eks/a/b/cluster", "/aws/eks/cluster", "/aws/lambda/demo"] {
            assert_eq!(cluster_of_log_group(other), None, "{other}");
        }
    }
}
