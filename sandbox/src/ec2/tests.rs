use std::thread::sleep;
use std::time::Duration;

use super::*;

/// 105 s of AWS take 420 ms.
const SCALE: f64 = 0.004;

struct Region(Ec2);

impl Region {
    fn new() -> Self {
        Self(Ec2::new(Durations::at(SCALE)))
    }

    fn request(action: &str, parameters: &[(&str, &str)]) -> Request {
        Request {
            id: ulid::Ulid::generate(),
            action: action.into(),
            region: "eu-west-1".into(),
            parameters: parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        }
    }

    fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String, String> {
        self.answer(action, parameters, &Aftermath::None)
    }

    fn answer(&self, action: &str, parameters: &[(&str, &str)], aftermath: &Aftermath) -> Result<String, String> {
        self.0.answer(&Self::request(action, parameters), aftermath).map_err(|refusal| refusal.code)
    }

    /// Calls, and reads one element of the answer.
    fn get(&self, action: &str, parameters: &[(&str, &str)], element: &str) -> String {
        let answer = self.call(action, parameters).unwrap_or_else(|code| panic!("{action}: {code}"));
        let start = answer.split_once(&format!("<{element}>")).unwrap_or_else(|| panic!("no {element} in {answer}")).1;
        start.split_once('<').unwrap().0.to_owned()
    }

    /// A VPC with a subnet, an internet gateway, and a NAT gateway that is pending.
    fn with_nat(&self) -> (String, String, String, String) {
        let vpc = self.get("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId");
        let subnet = self.get("CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", "10.0.0.0/24")], "subnetId");
        let gateway = self.get("CreateInternetGateway", &[], "internetGatewayId");
        self.call("AttachInternetGateway", &[("InternetGatewayId", &gateway), ("VpcId", &vpc)]).unwrap();
        let address = self.get("AllocateAddress", &[], "allocationId");
        let nat = self.get(
            "CreateNatGateway",
            &[("SubnetId", &subnet), ("AllocationId", &address), ("ClientToken", "t")],
            "natGatewayId",
        );
        (subnet, gateway, address, nat)
    }
}

#[test]
fn a_nat_gateway_takes_its_time_and_holds_what_it_uses() {
    let region = Region::new();
    let (subnet, _, address, nat) = region.with_nat();
    let state = || region.get("DescribeNatGateways", &[("NatGatewayId.1", &nat)], "state");
    assert_eq!(state(), "pending");
    assert_eq!(region.call("ReleaseAddress", &[("AllocationId", &address)]), Err("AuthFailure".into()));
    assert_eq!(region.call("DeleteSubnet", &[("SubnetId", &subnet)]), Err("DependencyViolation".into()));
    sleep(Duration::from_millis(440));
    assert_eq!(state(), "available");
    region.call("DeleteNatGateway", &[("NatGatewayId", &nat)]).unwrap();
    assert_eq!(state(), "deleting");
    sleep(Duration::from_millis(220));
    assert_eq!(state(), "deleted");
    region.call("ReleaseAddress", &[("AllocationId", &address)]).unwrap();
    region.call("DeleteSubnet", &[("SubnetId", &subnet)]).unwrap();
}

#[test]
fn a_token_is_answered_once_and_for_one_request() {
    let region = Region::new();
    let (subnet, _, address, nat) = region.with_nat();
    let again = [("SubnetId", subnet.as_str()), ("AllocationId", &address), ("ClientToken", "t")];
    assert_eq!(region.get("CreateNatGateway", &again, "natGatewayId"), nat);
    let other = [("SubnetId", subnet.as_str()), ("AllocationId", "eipalloc-other"), ("ClientToken", "t")];
    assert_eq!(region.call("CreateNatGateway", &other), Err("IdempotentParameterMismatch".into()));
}

#[test]
fn a_token_of_what_was_deleted_makes_nothing_new() {
    let region = Region::new();
    let (subnet, _, address, nat) = region.with_nat();
    region.call("DeleteNatGateway", &[("NatGatewayId", &nat)]).unwrap();
    sleep(Duration::from_millis(220));
    let again = [("SubnetId", subnet.as_str()), ("AllocationId", &address), ("ClientToken", "t")];
    assert_eq!(region.get("CreateNatGateway", &again, "natGatewayId"), nat);
    assert_eq!(region.get("CreateNatGateway", &again, "state"), "deleted");

    let vpc = region.get("CreateVpc", &[("CidrBlock", "10.1.0.0/16")], "vpcId");
    let again = [("VpcId", vpc.as_str()), ("ServiceName", "com.amazonaws.eu-west-1.s3"), ("ClientToken", "e")];
    let endpoint = region.get("CreateVpcEndpoint", &again, "vpcEndpointId");
    region.call("DeleteVpcEndpoints", &[("VpcEndpointId.1", &endpoint)]).unwrap();
    assert_eq!(region.get("CreateVpcEndpoint", &again, "vpcEndpointId"), endpoint);
    assert_eq!(region.get("CreateVpcEndpoint", &again, "state"), "deleted");
    assert_eq!(
        region.call("DescribeVpcEndpoints", &[("VpcEndpointId.1", &endpoint)]),
        Err("InvalidVpcEndpointId.NotFound".into())
    );
}

#[test]
fn what_is_told_to_fail_fails_after_a_while() {
    let region = Region::new();
    let (subnet, _, _, _) = region.with_nat();
    let failing = Aftermath::Failing("InternalError".into(), "by a rule".into());
    let address = region.get("AllocateAddress", &[], "allocationId");
    let create = [("SubnetId", subnet.as_str()), ("AllocationId", &address)];
    let answer = region.answer("CreateNatGateway", &create, &failing).unwrap();
    let nat = answer.split_once("<natGatewayId>").unwrap().1.split_once('<').unwrap().0.to_owned();
    let read = |element: &str| region.get("DescribeNatGateways", &[("NatGatewayId.1", &nat)], element);
    assert_eq!(read("state"), "pending");
    sleep(Duration::from_millis(440));
    assert_eq!((read("state").as_str(), read("failureMessage").as_str()), ("failed", "by a rule"));
}

#[test]
fn a_nat_gateway_that_failed_gives_up_its_address_when_it_goes_by_itself() {
    // An hour of AWS takes 360 ms.
    let region = Region(Ec2::new(Durations::at(0.0001)));
    let (subnet, _, _, _) = region.with_nat();
    let failing = Aftermath::Failing("InternalError".into(), "by a rule".into());
    let address = region.get("AllocateAddress", &[], "allocationId");
    let create = [("SubnetId", subnet.as_str()), ("AllocationId", &address)];
    region.answer("CreateNatGateway", &create, &failing).unwrap();
    sleep(Duration::from_millis(100));
    assert!(region.call("DescribeNatGateways", &[]).unwrap().contains("<state>failed</state>"));
    assert_eq!(region.call("ReleaseAddress", &[("AllocationId", &address)]), Err("AuthFailure".into()));
    sleep(Duration::from_millis(400));
    assert!(!region.call("DescribeNatGateways", &[]).unwrap().contains("<state>failed</state>"));
    region.call("ReleaseAddress", &[("AllocationId", &address)]).unwrap();
}

#[test]
fn a_nat_gateway_without_a_way_out_fails() {
    let region = Region::new();
    let vpc = region.get("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId");
    let subnet = region.get("CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", "10.0.0.0/24")], "subnetId");
    let address = region.get("AllocateAddress", &[], "allocationId");
    region.call("CreateNatGateway", &[("SubnetId", &subnet), ("AllocationId", &address)]).unwrap();
    sleep(Duration::from_millis(440));
    assert_eq!(region.get("DescribeNatGateways", &[], "failureCode"), "Gateway.NotAttached");
}

#[test]
fn filters_are_applied_and_wrong_ones_refused() {
    let region = Region::new();
    let tag = [
        ("CidrBlock", "10.0.0.0/16"),
        ("TagSpecification.1.ResourceType", "vpc"),
        ("TagSpecification.1.Tag.1.Key", "a"),
        ("TagSpecification.1.Tag.1.Value", "b"),
    ];
    let vpc = region.get("CreateVpc", &tag, "vpcId");
    region.call("CreateVpc", &[("CidrBlock", "10.1.0.0/16")]).unwrap();
    let tagged = region.call("DescribeVpcs", &[("Filter.1.Name", "tag:a"), ("Filter.1.Value.1", "b")]).unwrap();
    assert!(tagged.contains(&vpc) && !tagged.contains("10.1.0.0/16"));
    let wrong = region.call("DescribeVpcs", &[("Filter.1.Name", "tags"), ("Filter.1.Value.1", "b")]);
    assert_eq!(wrong, Err("InvalidParameterValue".into()));
    assert_eq!(region.call("DescribeVpcs", &[("VpcId.1", "vpc-0")]), Err("InvalidVpcID.NotFound".into()));
}

#[test]
fn what_is_created_may_stay_hidden_for_a_while() {
    let region = Region::new();
    let create = Region::request("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    region.0.answer(&create, &Aftermath::Hidden(Duration::from_millis(50))).unwrap();
    assert!(!region.call("DescribeVpcs", &[]).unwrap().contains("10.0.0.0/16"));
    sleep(Duration::from_millis(60));
    assert!(region.call("DescribeVpcs", &[]).unwrap().contains("10.0.0.0/16"));
}

#[test]
fn iam_is_asked_for_what_is_made_what_is_used_and_the_tags() {
    let region = Region::new();
    let (subnet, ..) = region.with_nat();
    let create = Region::request(
        "CreateNatGateway",
        &[
            ("SubnetId", &subnet),
            ("TagSpecification.1.ResourceType", "natgateway"),
            ("TagSpecification.1.Tag.1.Key", "k"),
            ("TagSpecification.1.Tag.1.Value", "v"),
        ],
    );
    let asked: Vec<(String, String)> =
        region.0.checks(&create).into_iter().map(|check| (check.action, check.resource)).collect();
    let arn = |kind: &str| format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:{kind}");
    assert_eq!(
        asked,
        [
            ("ec2:CreateNatGateway".into(), arn(&format!("subnet/{subnet}"))),
            ("ec2:CreateNatGateway".into(), arn("natgateway/*")),
            ("ec2:CreateTags".into(), arn("natgateway/*")),
        ]
    );
    let context = &region.0.checks(&create)[2].context;
    assert_eq!((context["ec2:CreateAction"].as_str(), context["aws:RequestTag/k"].as_str()), ("CreateNatGateway", "v"));
}

#[test]
fn a_route_whose_target_is_gone_is_a_black_hole() {
    let region = Region::new();
    let (subnet, .., nat) = region.with_nat();
    let vpc = region.get("DescribeSubnets", &[("SubnetId.1", &subnet)], "vpcId");
    let table = region.get("CreateRouteTable", &[("VpcId", &vpc)], "routeTableId");
    let route = [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "0.0.0.0/0"), ("NatGatewayId", &nat)];
    region.call("CreateRoute", &route).unwrap();
    assert_eq!(region.call("CreateRoute", &route), Err("RouteAlreadyExists".into()));
    region.call("DeleteNatGateway", &[("NatGatewayId", &nat)]).unwrap();
    assert!(region.call("DescribeRouteTables", &[("RouteTableId.1", &table)]).unwrap().contains("blackhole"));
}

#[test]
fn a_launch_template_has_versions_and_its_name_once() {
    let region = Region::new();
    let volume = |size| {
        [
            ("LaunchTemplateData.BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
            ("LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize", size),
            ("LaunchTemplateData.TagSpecification.1.Tag.1.Key", "owner"),
        ]
    };
    let new = |token, size| {
        let given = [("LaunchTemplateName", "nodes"), ("ClientToken", token)];
        [given.as_slice(), &volume(size)].concat()
    };
    let unknown = region.call("DescribeLaunchTemplates", &[("LaunchTemplateName.1", "nodes")]);
    assert_eq!(unknown, Err("InvalidLaunchTemplateName.NotFoundException".into()));
    let id = region.get("CreateLaunchTemplate", &new("a", "20"), "launchTemplateId");
    assert_eq!(region.get("CreateLaunchTemplate", &new("a", "20"), "launchTemplateId"), id);
    let again = region.call("CreateLaunchTemplate", &new("b", "20"));
    assert_eq!(again, Err("InvalidLaunchTemplateName.AlreadyExistsException".into()));
    let next = [[("LaunchTemplateId", id.as_str())].as_slice(), &volume("40")].concat();
    assert_eq!(region.get("CreateLaunchTemplateVersion", &next, "versionNumber"), "2");
    let size = |version| {
        let asked = [("LaunchTemplateId", id.as_str()), ("LaunchTemplateVersion.1", version)];
        region.get("DescribeLaunchTemplateVersions", &asked, "volumeSize")
    };
    assert_eq!((size("$Default"), size("$Latest"), size("1")), ("20".into(), "40".into(), "20".into()));
    region.call("ModifyLaunchTemplate", &[("LaunchTemplateId", &id), ("SetDefaultVersion", "2")]).unwrap();
    assert_eq!(size("$Default"), "40");
    region.call("CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")]).unwrap();
    let tagged = [("Filter.1.Name", "tag:a"), ("Filter.1.Value.1", "b")];
    assert_eq!(region.get("DescribeLaunchTemplates", &tagged, "latestVersionNumber"), "2");
    region.call("DeleteLaunchTemplate", &[("LaunchTemplateName", "nodes")]).unwrap();
    let gone = region.call("DeleteLaunchTemplate", &[("LaunchTemplateId", &id)]);
    assert_eq!(gone, Err("InvalidLaunchTemplateId.NotFoundException".into()));
}
