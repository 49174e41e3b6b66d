//! A client of one cluster's Kubernetes API. Requests are built by kube-core and carried by the gate.
//!
//! It guarantees: every failure is a fault of the one list, by the codes of Lambda and of the API server, never by their
//! texts; what is not there yet, or gone already, is an answer and no failure.

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use domain::{Class, Fault, FaultName, Region};
use engine::CallError;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use k8s_openapi::apimachinery::pkg::version::Info;
use kube_core::object::ObjectList;
use kube_core::params::{DeleteParams, GetParams, ListParams, PostParams};
use kube_core::response::Status;
use kube_core::{Request, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{GateRequest, GateResponse};
use crate::{TokenError, token};

/// Objects of one page: a node takes up to 30 kB, and an answer must go through Lambda.
const PAGE: u32 = 100;

/// Where a cluster is, as EKS tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The cluster's name.
    pub cluster: String,
    /// Its region.
    pub region: Region,
    /// The endpoint of its API server.
    pub endpoint: String,
    /// The authority of that, PEM in base64.
    pub certificate_authority: String,
}

/// The way to the Kubernetes API of one cluster: through its gate, with a token of its own for each request.
#[derive(Debug, Clone)]
pub struct Client {
    /// AWS Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// By which EKS knows the caller.
    pub credentials: SharedCredentialsProvider,
    /// The name of the gate.
    pub gate: String,
    /// The cluster.
    pub address: Address,
}

impl Client {
    /// The object of that name, if it is there.
    ///
    /// # Errors
    /// As all calls: [`FaultName::ConnectionLost`], [`FaultName::ServiceUnavailable`] and [`FaultName::Throttled`] if it
    /// is worth another try, [`FaultName::Unverified`] if there is no gate, [`FaultName::AccessDenied`] if AWS or the API
    /// server refuses the caller.
    pub async fn get<K: Object>(&self, namespace: Option<&str>, name: &str) -> Result<Option<K>, Fault> {
        let request = request::<K>(namespace).get(name, &GetParams::default()).map_err(unbuilt)?;
        let answer = self.send(request).await?;
        if answer.status == 404 { Ok(None) } else { self.read(&answer).map(Some) }
    }

    /// All objects that the parameters select, of all pages.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn list<K: Object>(&self, namespace: Option<&str>, params: &ListParams) -> Result<Vec<K>, Fault> {
        let mut params = params.clone().limit(PAGE);
        let mut all = Vec::new();
        loop {
            let request = request::<K>(namespace).list(&params).map_err(unbuilt)?;
            let page: ObjectList<K> = self.read(&self.send(request).await?)?;
            all.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }

    /// Makes the object, if none of its name is there.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn create<K: Object>(&self, namespace: Option<&str>, object: &K) -> Result<(), Fault> {
        let body = written(object)?;
        let request = request::<K>(namespace).create(&PostParams::default(), body).map_err(unbuilt)?;
        let answer = self.send(request).await?;
        if answer.status == 409 { Ok(()) } else { self.read::<K>(&answer).map(drop) }
    }

    /// Deletes the object, if it is there. It may go on being there for a while.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete<K: Object>(&self, namespace: Option<&str>, name: &str) -> Result<(), Fault> {
        let request = request::<K>(namespace).delete(name, &DeleteParams::default()).map_err(unbuilt)?;
        let answer = self.send(request).await?;
        match answer.status {
            404 => Ok(()),
            status if is_success(status) => Ok(()),
            _ => Err(self.refused(&answer)),
        }
    }

    /// Evicts the pod: it goes in its own time, unless a PodDisruptionBudget is against it. Answers why it stays for now;
    /// nothing if it goes, or is gone already.
    ///
    /// # Errors
    /// As [`Self::get`].
    ///
    /// <https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/>
    pub async fn evict(&self, pod: &Pod) -> Result<Option<String>, Fault> {
        let ObjectMeta { name, namespace, uid, .. } = &pod.metadata;
        // A pod that has the name now and is another one stays.
        let preconditions = Preconditions { uid: uid.clone(), ..Preconditions::default() };
        let eviction = Eviction {
            metadata: ObjectMeta { name: name.clone(), namespace: namespace.clone(), ..ObjectMeta::default() },
            delete_options: Some(DeleteOptions { preconditions: Some(preconditions), ..DeleteOptions::default() }),
        };
        let body = written(&eviction)?;
        let name = name.as_deref().unwrap_or_default();
        let request = request::<Pod>(namespace.as_deref());
        let request = request.create_subresource("eviction", name, &PostParams::default(), body).map_err(unbuilt)?;
        let answer = self.send(request).await?;
        let told: Status = serde_json::from_str(&answer.body).unwrap_or_default();
        match answer.status {
            404 | 409 => Ok(None),
            // Of a pod with several budgets the API server says with success that it has failed.
            429 | 500 => Ok(Some(against(told))),
            status if is_success(status) => Ok(told.is_failure().then(|| against(told))),
            _ => Err(self.refused(&answer)),
        }
    }

    /// The version of the API server, as it tells it: `v1.35.4-eks-7f9249a`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn version(&self) -> Result<String, Fault> {
        let request = http::Request::get("/version").body(Vec::new()).map_err(|error| defect(error.to_string()))?;
        let answer: Info = self.read(&self.send(request).await?)?;
        Ok(answer.git_version)
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<GateResponse, Fault> {
        let request = self.wrapped(request).await?;
        let payload = serde_json::to_vec(&request).map_err(|error| defect(error.to_string()))?;
        let call = self.lambda.invoke().function_name(&self.gate).payload(Blob::new(payload));
        let answer = call.send().await.map_err(aws::changing("lambda:InvokeFunction"));
        let answer = answer.map_err(|error| self.no_gate(error))?;
        self.answered(&answer)
    }

    async fn wrapped(&self, request: http::Request<Vec<u8>>) -> Result<GateRequest, Fault> {
        let (parts, body) = request.into_parts();
        let credentials = self.credentials.provide_credentials().await.map_err(|error| {
            Fault::new(FaultName::ServiceUnavailable, format!("the function has no credentials: {error}"))
        })?;
        let Address { cluster, region, endpoint, certificate_authority } = &self.address;
        let bearer = token(&credentials, region, cluster, Timestamp::now()).await.map_err(unsigned)?;
        let text = |value: &http::HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
        let mut headers: std::collections::BTreeMap<String, String> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        headers.insert("accept".to_owned(), "application/json".to_owned());
        headers.insert("authorization".to_owned(), format!("Bearer {}", bearer.reveal()));
        Ok(GateRequest {
            endpoint: endpoint.clone(),
            certificate_authority: certificate_authority.clone(),
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            headers,
            body: String::from_utf8(body).map_err(|error| defect(error.to_string()))?,
        })
    }

    /// What Lambda said instead of calling the gate. What the gate waits for itself (its interfaces, an update) passes.
    fn no_gate(&self, error: CallError) -> Fault {
        match error {
            CallError::NotFound => {
                let message = format!("there is no gate {}: no way to the Kubernetes API", self.gate);
                Fault::new(FaultName::Unverified, message).next("deploy the platform again, which makes the gate anew")
            }
            CallError::Unknown(fault) => fault,
            CallError::Fault(fault) if fault.class() == Class::Conflict => {
                Fault { name: FaultName::ServiceUnavailable, ..fault }
            }
            CallError::Fault(fault) => fault,
        }
    }

    /// What the gate answered, or why it could not: it fails with the names of faults, and Lambda with others.
    fn answered(&self, answer: &InvokeOutput) -> Result<GateResponse, Fault> {
        let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
        if answer.function_error().is_none() {
            return serde_json::from_slice(payload).map_err(|error| {
                Fault::new(
                    FaultName::ServiceUnavailable,
                    format!("{} answered what cannot be read: {error}", self.gate),
                )
            });
        }
        let Failed { error_type, error_message } = serde_json::from_slice(payload).unwrap_or_default();
        let known = FaultName::ALL.iter().copied().find(|name| name.as_str() == error_type);
        Err(match known {
            // It is we who wrote its input.
            Some(FaultName::InvalidInput) => defect(format!("{} did not understand: {error_message}", self.gate)),
            Some(name) => Fault::new(name, error_message),
            None => {
                let message = format!("{} failed ({error_type}): {error_message}", self.gate);
                Fault::new(FaultName::ServiceUnavailable, message)
            }
        })
    }

    fn read<T: DeserializeOwned>(&self, answer: &GateResponse) -> Result<T, Fault> {
        if !is_success(answer.status) {
            return Err(self.refused(answer));
        }
        serde_json::from_str(&answer.body).map_err(|error| {
            let message =
                format!("the Kubernetes API of {} answered what cannot be read: {error}", self.address.cluster);
            Fault::new(FaultName::ServiceUnavailable, message)
        })
    }

    /// Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/>
    fn refused(&self, answer: &GateResponse) -> Fault {
        let Status { message, reason, .. } = serde_json::from_str(&answer.body).unwrap_or_default();
        let (cluster, status) = (&self.address.cluster, answer.status);
        let message = format!("the Kubernetes API of {cluster} answered {status} {reason}: {message}");
        match status {
            401 | 403 => Fault::new(FaultName::AccessDenied, message)
                .next("Landfall's own access entry lets it in: see that nobody took it away, then retry"),
            429 => Fault::new(FaultName::Throttled, message),
            500.. => Fault::new(FaultName::ServiceUnavailable, message),
            _ => defect(message),
        }
    }
}

/// What Kubernetes types are that have a fixed place in the API.
pub trait Object: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone {}

impl<K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone> Object for K {}

#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Failed {
    error_type: String,
    error_message: String,
}

fn request<K: Object>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&(), namespace))
}

fn written(object: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(object).map_err(|error| defect(format!("the object cannot be written: {error}")))
}

/// Why a pod is not evicted: the causes name its budget.
fn against(told: Status) -> String {
    let causes = told.details.into_iter().flat_map(|details| details.causes).map(|cause| cause.message);
    let all: Vec<String> = [told.message].into_iter().chain(causes).filter(|text| !text.is_empty()).collect();
    if all.is_empty() { "no reason is given".to_owned() } else { all.join(" ") }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

fn defect(message: String) -> Fault {
    Fault::new(FaultName::Internal, message)
}

fn unbuilt(error: kube_core::request::Error) -> Fault {
    defect(format!("a request to Kubernetes could not be built: {error}"))
}

fn unsigned(error: TokenError) -> Fault {
    defect(format!("no token for Kubernetes: {error}"))
}

#[cfg(test)]
mod tests;
