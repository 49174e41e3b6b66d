//! The functions' way into their VPCs: an HTTP proxy that stands for each VPC's network.
//!
//! A function in a VPC is given it as `HTTPS_PROXY`, with a secret of its own. It guarantees that a function reaches an API
//! server only where it would on AWS: in the VPC of both, by the private endpoint, through the security groups of both. What
//! AWS would let vanish is answered with a reason here, so that nobody waits for it.
//! <https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>,
//! <https://www.rfc-editor.org/rfc/rfc9110.html#section-9.3.6> (`CONNECT`)

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Gateway;
use super::door::splice;
use crate::ec2::{Bar, End};

/// Where an API server listens in its VPC.
const PORT: u16 = 443;
/// How long a client may take to say where it wants to go, and how much it may say.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST: usize = 16 * 1024;

/// Where a client wants to go, and who it is.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// `host:port`.
    authority: String,
    function: String,
    secret: String,
    /// What it has sent already for the other end.
    rest: Vec<u8>,
}

/// Why a client gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Malformed,
    /// Not a function in a VPC, or no longer.
    Unknown,
    NoCluster,
    NotPrivate,
    Barred(Bar),
    /// There is no control plane to talk to.
    Down,
}

impl Refused {
    fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::Unknown => "407 Proxy Authentication Required",
            Self::NoCluster | Self::NotPrivate | Self::Barred(_) => "403 Forbidden",
            Self::Down => "502 Bad Gateway",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "say CONNECT host:port, with a Proxy-Authorization",
            Self::Unknown => "no function in a VPC has this name and secret",
            Self::NoCluster => "no cluster has this endpoint, and nothing else can be reached from a VPC here",
            Self::NotPrivate => "the cluster's private endpoint is off",
            Self::Barred(Bar::Vpc) => "the cluster is in another VPC than the function",
            Self::Barred(Bar::Outbound) => {
                "no rule of the function's security groups lets TCP 443 out to the control plane"
            }
            Self::Barred(Bar::Inbound) => "no rule of the cluster's security groups lets TCP 443 in from the function",
            Self::Down => "no API server runs there",
        }
    }
}

/// Serves all functions.
pub(super) async fn serve(gateway: Arc<Gateway>, listener: TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move {
            if let Err(error) = pass(&gateway, client).await {
                tracing::debug!(%error, "a connection into a VPC");
            }
        });
    }
}

async fn pass(gateway: &Gateway, mut client: TcpStream) -> io::Result<()> {
    let asked = tokio::time::timeout(PATIENCE, read(&mut client)).await??;
    match asked.as_ref().ok_or(Refused::Malformed).and_then(|asked| way(gateway, asked)) {
        Ok(inner) => {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            splice(client, &asked.map(|asked| asked.rest).unwrap_or_default(), inner).await
        }
        Err(refused) => {
            let (status, reason) = (refused.status(), refused.reason());
            let known = asked.map(|asked| (asked.function, asked.authority));
            tracing::info!(?known, "no way into the VPC: {reason}");
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", reason.len());
            client.write_all(format!("{head}{reason}").as_bytes()).await?;
            client.shutdown().await
        }
    }
}

fn way(gateway: &Gateway, asked: &Asked) -> Result<SocketAddr, Refused> {
    let function = gateway.functions.placed(&asked.function, &asked.secret).ok_or(Refused::Unknown)?;
    let cluster = gateway.eks.inside(&asked.authority).ok_or(Refused::NoCluster)?;
    let from = gateway.ec2.ends(&function.region, &function.interfaces);
    let to = gateway.ec2.ends(&cluster.region, &cluster.interfaces);
    decide(&from, &to, cluster.private)?;
    gateway.planes.inner(&cluster.region, &cluster.cluster).ok_or(Refused::Down)
}

// Which of its interfaces a function sends from, it cannot choose, so each must reach the API server. Of the control plane's
// interfaces one is enough: a client tries all addresses of a name.
fn decide(from: &[End], to: &[End], private: bool) -> Result<(), Refused> {
    let (Some(here), Some(there)) = (from.first(), to.first()) else { return Err(Refused::Barred(Bar::Vpc)) };
    if here.vpc != there.vpc {
        return Err(Refused::Barred(Bar::Vpc));
    }
    if !private {
        return Err(Refused::NotPrivate);
    }
    from.iter().try_for_each(|end| {
        let tries = to.iter().map(|other| end.reaches(other, PORT));
        tries.reduce(Result::or).unwrap_or(Err(Bar::Vpc)).map_err(Refused::Barred)
    })
}

/// Reads the head of a request; none if it is not one for a proxy.
async fn read(client: &mut TcpStream) -> io::Result<Option<Asked>> {
    let mut read = Vec::new();
    let mut part = [0; 1024];
    loop {
        let count = client.read(&mut part).await?;
        read.extend_from_slice(&part[..count]);
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok(std::str::from_utf8(&read).ok().and_then(|head| parse(head, rest)));
        }
        if count == 0 || read.len() > LONGEST {
            return Ok(None);
        }
    }
}

fn parse(head: &str, rest: Vec<u8>) -> Option<Asked> {
    let mut lines = head.lines();
    let mut request = lines.next()?.split(' ');
    let authority = request.next().filter(|method| *method == "CONNECT").and(request.next())?.to_owned();
    let credentials = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization").then_some(value.trim())
    })?;
    let (scheme, encoded) = credentials.split_once(' ')?;
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (function, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(Asked { authority, function: function.to_owned(), secret: secret.to_owned(), rest })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::durations::Durations;
    use crate::ec2::{Aftermath, Ec2, Request};

    /// A region with a VPC, and what a function and a control plane have in it.
    struct Region {
        ec2: Ec2,
        vpc: String,
    }

    impl Region {
        fn new() -> Self {
            let ec2 = Ec2::new(Durations::at(1.0));
            let vpc = made(&ec2, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId");
            Self { ec2, vpc }
        }

        fn make(&self, action: &str, parameters: &[(&str, &str)], element: &str) -> String {
            made(&self.ec2, action, &[&[("VpcId", self.vpc.as_str())], parameters].concat(), element)
        }

        fn subnet(&self, block: &str) -> String {
            self.make("CreateSubnet", &[("CidrBlock", block)], "subnetId")
        }

        fn group(&self, name: &str) -> String {
            self.make("CreateSecurityGroup", &[("GroupName", name), ("GroupDescription", "of a test")], "groupId")
        }

        fn admit(&self, group: &str, source: (&str, &str)) {
            let (field, value) = (format!("IpPermissions.1.{}", source.0), source.1);
            let rule = [
                ("GroupId", group),
                ("IpPermissions.1.IpProtocol", "tcp"),
                ("IpPermissions.1.FromPort", "443"),
                ("IpPermissions.1.ToPort", "443"),
                (field.as_str(), value),
            ];
            made(&self.ec2, "AuthorizeSecurityGroupIngress", &rule, "securityGroupRuleId");
        }

        fn function(&self, subnets: &[String], group: &str) -> Vec<End> {
            let made = self.ec2.add_function_interfaces("eu-west-1", "gate", subnets, &[group.to_owned()]);
            self.ec2.ends("eu-west-1", &made.unwrap())
        }

        fn plane(&self, subnet: &str, group: &str) -> Vec<End> {
            let made = self.ec2.add_interface("eu-west-1", subnet, "Amazon EKS demo", &[group.to_owned()]).unwrap();
            self.ec2.ends("eu-west-1", &[made.id])
        }
    }

    fn made(ec2: &Ec2, action: &str, parameters: &[(&str, &str)], element: &str) -> String {
        let parameters: BTreeMap<String, String> =
            parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let request =
            Request { id: ulid::Ulid::generate(), action: action.into(), region: "eu-west-1".into(), parameters };
        let answer = ec2.answer(&request, &Aftermath::None).unwrap();
        answer.split_once(&format!("<{element}>")).unwrap().1.split_once('<').unwrap().0.to_owned()
    }

    #[test]
    fn a_function_reaches_the_private_endpoint_of_its_vpc_if_the_clusters_groups_let_it_in() {
        let region = Region::new();
        let (first, second) = (region.subnet("10.0.0.0/24"), region.subnet("10.0.1.0/24"));
        let (gate, cluster) = (region.group("gate"), region.group("cluster"));
        let function = region.function(&[first.clone(), second], &gate);
        assert_eq!(decide(&function, &region.plane(&first, &cluster), true), Err(Refused::Barred(Bar::Inbound)));
        // One of two subnets is not enough: the function may send from the other.
        region.admit(&cluster, ("IpRanges.1.CidrIp", "10.0.0.0/24"));
        assert_eq!(decide(&function, &region.plane(&first, &cluster), true), Err(Refused::Barred(Bar::Inbound)));
        region.admit(&cluster, ("Groups.1.GroupId", &gate));
        let plane = region.plane(&first, &cluster);
        assert_eq!(decide(&function, &plane, true), Ok(()));
        assert_eq!(decide(&function, &plane, false), Err(Refused::NotPrivate));
        assert_eq!(decide(&[], &plane, true), Err(Refused::Barred(Bar::Vpc)));
    }

    #[test]
    fn a_cluster_of_another_vpc_is_out_of_reach() {
        let (here, there) = (Region::new(), Region::new());
        let function = here.function(&[here.subnet("10.0.0.0/24")], &here.group("gate"));
        let (subnet, group) = (there.subnet("10.0.0.0/24"), there.group("cluster"));
        there.admit(&group, ("IpRanges.1.CidrIp", "0.0.0.0/0"));
        assert_eq!(decide(&function, &there.plane(&subnet, &group), true), Err(Refused::Barred(Bar::Vpc)));
    }

    #[test]
    fn only_a_connect_with_a_name_and_a_secret_is_read() {
        let head = |method: &str, more: &str| format!("{method} api.example:443 HTTP/1.1\r\nHost: x\r\n{more}\r\n\r\n");
        let credentials = format!("proxy-authorization: Basic {}", BASE64_STANDARD.encode("gate:s3cret"));
        let asked = Asked {
            authority: "api.example:443".into(),
            function: "gate".into(),
            secret: "s3cret".into(),
            rest: b"hello".to_vec(),
        };
        assert_eq!(parse(&head("CONNECT", &credentials), b"hello".to_vec()), Some(asked));
        assert_eq!(parse(&head("GET", &credentials), Vec::new()), None);
        assert_eq!(parse(&head("CONNECT", "Accept: */*"), Vec::new()), None);
    }
}
