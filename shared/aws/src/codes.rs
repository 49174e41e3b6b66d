//! The table from AWS's error codes to faults.
//!
//! Sources: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html>.

use domain::{AwsAnswer, Fault, FaultName};
use engine::CallError;

/// What a call was to do: it decides the fault where the code does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To look.
    Read,
    /// To make.
    Create,
    /// To change.
    Change,
    /// To take away.
    Delete,
}

/// What AWS's answer "no" means. `action` is the call as IAM names it (`ec2:CreateVpc`), `detail` is AWS's own text with
/// the request id.
///
/// `status` is the HTTP status, where there is one: it decides only for codes that the table does not know.
pub fn refused(verb: Verb, action: &str, code: &str, status: Option<u16>, detail: &str) -> CallError {
    match judged(verb, action, code, status, detail) {
        CallError::Fault(fault) => {
            let (action, code) = (action.to_owned(), Some(code.to_owned()));
            CallError::Fault(fault.answered(AwsAnswer { action, code, request: None }))
        }
        other => other,
    }
}

fn judged(verb: Verb, action: &str, code: &str, status: Option<u16>, detail: &str) -> CallError {
    let fault = |name| CallError::Fault(Fault::new(name, format!("{action} answered {code}: {detail}")));
    match code {
        code if is_throttling(code) => fault(FaultName::Throttled),
        // The credentials of a function come with its environment: only a call in another one has others.
        code if is_server_error(code) || is_expired(code) => fault(FaultName::ServiceUnavailable),
        code if is_denial(code) => denied(action, code, detail),
        code if is_not_found(code) => CallError::NotFound,
        code if is_quota(code) => CallError::Fault(
            Fault::new(FaultName::QuotaExceeded, format!("{action} answered {code}: {detail}"))
                .next("raise the quota in the Service Quotas console, then retry"),
        ),
        code if is_in_use(code) && verb == Verb::Delete => fault(FaultName::DependencyStillThere),
        code if is_busy(code) || is_in_use(code) => fault(FaultName::UpdateInProgress),
        // It may be ours, from an attempt whose answer was lost: looking again decides.
        code if is_duplicate(code) && verb == Verb::Create => fault(FaultName::UpdateInProgress),
        _ if status.is_some_and(|status| status >= 500) => fault(FaultName::ServiceUnavailable),
        _ if status == Some(429) => fault(FaultName::Throttled),
        // An answer to HEAD has no body, so no code.
        _ if status == Some(403) => denied(action, code, detail),
        _ if status == Some(404) => CallError::NotFound,
        _ => match verb {
            Verb::Read => fault(FaultName::Internal),
            Verb::Create => fault(FaultName::CreateFailed),
            Verb::Change => fault(FaultName::UpdateFailed),
            Verb::Delete => fault(FaultName::DeleteFailed),
        },
    }
}

fn denied(action: &str, code: &str, detail: &str) -> CallError {
    let fault = Fault::new(FaultName::AccessDenied, format!("AWS denied {action} ({code}): {detail}"));
    CallError::Fault(fault.next(format!("allow {action} to the function's role, then retry")))
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "BandwidthLimitExceeded"
            | "EC2ThrottledException"
            | "ProvisionedThroughputExceededException"
    )
}

fn is_server_error(code: &str) -> bool {
    matches!(
        code,
        "InternalError"
            | "InternalFailure"
            | "InternalServerError"
            | "InternalServiceError"
            | "ServiceFailure"
            | "ServiceFailureException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "Unavailable"
            | "RequestTimeout"
            | "RequestTimeoutException"
            // Lambda, of a function that was not called for weeks: this call wakes it.
            // <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>
            | "CodeArtifactUserPendingException"
            | "ENINotReadyException"
            | "ResourceNotReadyException"
    )
}

/// Temporary credentials past their time. EC2 has a code of its own for it.
fn is_expired(code: &str) -> bool {
    matches!(code, "ExpiredToken" | "ExpiredTokenException" | "RequestExpired")
}

fn is_denial(code: &str) -> bool {
    matches!(
        code,
        "UnauthorizedOperation"
            | "AuthFailure"
            | "AccessDenied"
            | "AccessDeniedException"
            | "OptInRequired"
            | "PendingVerification"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
    )
}

fn is_not_found(code: &str) -> bool {
    code.ends_with(".NotFound")
        || code.ends_with(".NotFoundException")
        || matches!(
            code,
            "NatGatewayNotFound"
                | "NoSuchEntity"
                | "ResourceNotFoundException"
                | "ResourceNotFound"
                | "NoSuchKey"
                | "NoSuchVersion"
                | "NotFound"
                | "NotFoundException"
                | "ExecutionDoesNotExist"
        )
}

fn is_quota(code: &str) -> bool {
    let says_limit = code.ends_with("LimitExceeded") || code.ends_with("LimitExceededException");
    says_limit || matches!(code, "ServiceQuotaExceededException" | "InsufficientFreeAddressesInSubnet")
}

fn is_in_use(code: &str) -> bool {
    code.ends_with(".InUse")
        || matches!(code, "DependencyViolation" | "DeleteConflict" | "ResourceInUse" | "ResourceInUseException")
}

fn is_busy(code: &str) -> bool {
    matches!(
        code,
        "IncorrectState"
            | "InvalidStateTransition"
            | "InvalidVpcState"
            | "ConcurrentModification"
            | "ConcurrentModificationException"
            | "ConcurrentTagAccess"
            | "OperationAbortedException"
            // Of Lambda: it is being made or changed, or is there already.
            | "ResourceConflictException"
            | "EntityTemporarilyUnmodifiable"
            | "ConflictException"
    )
}

fn is_duplicate(code: &str) -> bool {
    code.ends_with(".Duplicate")
        // A launch template, a KMS alias.
        || code.ends_with("AlreadyExistsException")
        || matches!(
            code,
            "RouteAlreadyExists"
                | "FlowLogAlreadyExists"
                | "EntityAlreadyExists"
                | "DuplicateTransitGatewayAttachment"
                | "InvalidSubnet.Conflict"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_verbs() {
        use FaultName::*;
        for (verb, code, status, expected) in [
            // EC2 throttles with a 503: the code decides.
            (Verb::Create, "RequestLimitExceeded", Some(503), Some(Throttled)),
            (Verb::Read, "ThrottlingException", Some(400), Some(Throttled)),
            (Verb::Create, "InternalError", Some(500), Some(ServiceUnavailable)),
            (Verb::Create, "NobodyKnows", Some(502), Some(ServiceUnavailable)),
            (Verb::Create, "RequestExpired", Some(400), Some(ServiceUnavailable)),
            (Verb::Read, "ExpiredTokenException", Some(400), Some(ServiceUnavailable)),
            (Verb::Create, "UnauthorizedOperation", Some(403), Some(AccessDenied)),
            (Verb::Read, "AccessDeniedException", Some(400), Some(AccessDenied)),
            (Verb::Read, "no code", Some(403), Some(AccessDenied)),
            (Verb::Read, "no code", Some(404), None),
            (Verb::Create, "AddressLimitExceeded", Some(400), Some(QuotaExceeded)),
            (Verb::Create, "LimitExceededException", Some(400), Some(QuotaExceeded)),
            (Verb::Create, "InvalidVpcID.NotFound", Some(400), None),
            (Verb::Delete, "NatGatewayNotFound", Some(400), None),
            (Verb::Delete, "NoSuchEntity", Some(404), None),
            (Verb::Read, "NoSuchKey", Some(404), None),
            // KMS and launch templates.
            (Verb::Read, "NotFoundException", Some(400), None),
            (Verb::Read, "InvalidLaunchTemplateName.NotFoundException", Some(400), None),
            (Verb::Read, "ExecutionDoesNotExist", Some(400), None),
            (Verb::Delete, "DependencyViolation", Some(400), Some(DependencyStillThere)),
            (Verb::Delete, "InvalidIPAddress.InUse", Some(400), Some(DependencyStillThere)),
            (Verb::Create, "InvalidIPAddress.InUse", Some(400), Some(UpdateInProgress)),
            (Verb::Change, "IncorrectState", Some(400), Some(UpdateInProgress)),
            (Verb::Create, "RouteAlreadyExists", Some(400), Some(UpdateInProgress)),
            (Verb::Change, "RouteAlreadyExists", Some(400), Some(UpdateFailed)),
            (Verb::Create, "InvalidLaunchTemplateName.AlreadyExistsException", Some(400), Some(UpdateInProgress)),
            (Verb::Create, "ResourceAlreadyExistsException", Some(400), Some(UpdateInProgress)),
            (Verb::Create, "ResourceConflictException", Some(409), Some(UpdateInProgress)),
            (Verb::Change, "ResourceConflictException", Some(409), Some(UpdateInProgress)),
            (Verb::Create, "InvalidParameterValue", Some(400), Some(CreateFailed)),
            (Verb::Change, "InvalidParameterValue", Some(400), Some(UpdateFailed)),
            (Verb::Delete, "InvalidParameterValue", None, Some(DeleteFailed)),
            (Verb::Read, "InvalidParameterValue", Some(400), Some(Internal)),
        ] {
            let found = match refused(verb, "ec2:Something", code, status, "why") {
                CallError::Fault(fault) => Some(fault.name),
                CallError::NotFound => None,
                CallError::Unknown(fault) => panic!("{code}: {fault}"),
            };
            assert_eq!(found, expected, "{verb:?} {code}");
        }
    }

    #[test]
    fn a_denial_names_the_action() {
        let CallError::Fault(fault) = refused(Verb::Create, "ec2:CreateVpc", "UnauthorizedOperation", Some(403), "no")
        else {
            panic!("a fault");
        };
        assert_eq!(
            fault.to_string(),
            "AWS denied ec2:CreateVpc (UnauthorizedOperation): no \
             Next: allow ec2:CreateVpc to the function's role, then retry"
        );
    }
}
