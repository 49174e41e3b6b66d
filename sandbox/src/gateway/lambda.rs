//! Lambda behind the gateway: MiniStack keeps and runs the functions, and the network that they are in is made here.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::Gateway;
use super::request::Identity;
use super::upstream::Forwarded;
use crate::ec2::{ACCOUNT, Aftermath};
use crate::lambda::{Asked, Change, Chore, Left, Network, VpcConfig, name_in};

/// What a call makes of a function's network.
#[derive(Debug, Default)]
struct Plan {
    /// Where the function is from now on, if that changes.
    change: Option<Option<Network>>,
    secret: String,
    /// What MiniStack is told (`python/functions.py`).
    told: Value,
}

impl Gateway {
    pub(super) async fn answer_lambda(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        aftermath: &Aftermath,
    ) -> Result<Response<Body>, reqwest::Error> {
        match identity.action.as_str() {
            "CreateFunction" | "UpdateFunctionConfiguration" => self.configure(forwarded, identity, aftermath).await,
            "DeleteFunction" => self.delete_function(forwarded, identity).await,
            _ => self.upstream.forward(forwarded).await,
        }
    }

    /// Does what is due of the functions' interfaces.
    pub(super) async fn tidy(&self) {
        for chore in self.functions.settle() {
            match chore {
                Chore::Detach(left) => self.ec2.detach_function_interfaces(&left.region, &left.interfaces),
                Chore::Delete(left) => self.delete_interfaces(&left).await,
            }
        }
    }

    async fn configure(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
        aftermath: &Aftermath,
    ) -> Result<Response<Body>, reqwest::Error> {
        let path = forwarded.uri.path();
        let Some(asked) = Asked::read(&identity.action, &identity.region, path, &forwarded.body) else {
            return self.upstream.forward(forwarded).await;
        };
        if let Some(denial) = self.upstream.denial(forwarded.clone(), "lambda", &asked.checks()).await? {
            return Ok(denial);
        }
        let plan = self.plan(&asked, aftermath);
        let (answer, document) = parsed(self.upstream.forward(forwarded.with_network(&plan.told)).await?).await;
        if answer.status().is_success() {
            let role = document["Role"].as_str().unwrap_or_default().to_owned();
            let change = Change { creates: asked.creates, role, secret: plan.secret, network: plan.change };
            self.functions.change(&asked.region, &asked.name, change);
        } else if let Some(Some(network)) = plan.change {
            self.ec2.remove_interfaces(&asked.region, network.interfaces.iter().map(String::as_str));
        }
        Ok(answer)
    }

    fn plan(&self, asked: &Asked, aftermath: &Aftermath) -> Plan {
        let known = if asked.creates { None } else { self.functions.network(&asked.region, &asked.name) };
        let mut plan = match &asked.network {
            Some(config) => self.move_to(asked, config, known),
            None => Plan { told: known.as_ref().map_or_else(|| json!({}), in_network), ..Plan::default() },
        };
        if let Aftermath::Failing(code, message) = aftermath {
            plan.told["failure"] = json!({"code": code, "message": message});
        }
        plan
    }

    // Makes the interfaces: when Lambda then refuses the call, they go again.
    fn move_to(&self, asked: &Asked, config: &VpcConfig, known: Option<Network>) -> Plan {
        let seconds = self.functions.attaching().as_secs_f64();
        if config.is_empty() {
            let seconds = if known.is_some() { seconds } else { 0.0 };
            let told = json!({"vpc": "", "seconds": seconds});
            return Plan { change: known.is_some().then_some(None), told, ..Plan::default() };
        }
        let vpc = match self.ec2.vpc_of_function(&asked.region, &config.subnets, &config.groups) {
            Ok(vpc) => vpc,
            Err(refusal) => return Plan { told: json!({"vpc": "", "refusal": refusal}), ..Plan::default() },
        };
        let secret = self.functions.secret(&asked.region, &asked.name);
        let proxy = format!("http://{}:{secret}@{}", asked.name, self.passage);
        if let Some(known) = known.filter(|known| known.config == *config) {
            let told = merged(in_network(&known), json!({"proxy": proxy}));
            return Plan { told, secret, ..Plan::default() };
        }
        let made = self.ec2.add_function_interfaces(&asked.region, &asked.name, &config.subnets, &config.groups);
        let (interfaces, failure) = match made {
            Ok(interfaces) => (interfaces, Value::Null),
            // https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html (StateReasonCode)
            Err(refusal) => (Vec::new(), json!({"code": "SubnetOutOfIPAddresses", "message": refusal.message})),
        };
        let network = Network { vpc, config: config.clone(), interfaces };
        let own = json!({"seconds": seconds, "proxy": proxy, "failure": failure});
        Plan { told: merged(in_network(&network), own), change: Some(Some(network)), secret }
    }

    async fn delete_function(
        &self,
        forwarded: Forwarded,
        identity: &Identity,
    ) -> Result<Response<Body>, reqwest::Error> {
        // With a qualifier, only a version goes.
        let whole = !forwarded.uri.query().is_some_and(|query| query.contains("Qualifier="));
        let name = name_in(forwarded.uri.path()).unwrap_or_default();
        let answer = self.upstream.forward(forwarded).await?;
        if whole && answer.status().is_success() {
            self.functions.remove(&identity.region, &name);
        }
        Ok(answer)
    }

    // "If you delete the execution role before Lambda deletes the Hyperplane ENI, Lambda won't be able to delete the
    // Hyperplane ENI. You can manually perform the deletion."
    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    async fn delete_interfaces(&self, left: &Left) {
        let question = json!({
            "region": left.region,
            "role": left.role,
            "action": "ec2:DeleteNetworkInterface",
            "resource": format!("arn:aws:ec2:{}:{ACCOUNT}:network-interface/*", left.region),
        });
        match self.upstream.managed("may", &question).await {
            Ok(answer) if answer["may"] == true => {
                self.ec2.remove_interfaces(&left.region, left.interfaces.iter().map(String::as_str));
            }
            Ok(_) => tracing::warn!(role = left.role, "Lambda may not delete a function's interfaces any more"),
            Err(error) => tracing::error!(%error, "Lambda could not ask whether it may delete interfaces"),
        }
    }
}

/// What MiniStack is told of a function that is in a VPC.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#vpc-conditions>
fn in_network(network: &Network) -> Value {
    json!({"vpc": network.vpc, "context": {
        "lambda:VpcIds": network.vpc,
        "lambda:SubnetIds": network.config.subnets,
        "lambda:SecurityGroupIds": network.config.groups,
    }})
}

fn merged(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}

/// An answer and what it says.
async fn parsed(answer: Response<Body>) -> (Response<Body>, Value) {
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let document = serde_json::from_slice(&body).unwrap_or_default();
    (Response::from_parts(parts, Body::from(body)), document)
}
