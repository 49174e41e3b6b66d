//! SDK errors, as the engine understands them.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use domain::{AwsAnswer, Fault, FaultName};
use engine::CallError;

use crate::codes::{Verb, refused};

/// For `map_err` on a call that only looks. `action` is the call as IAM names it, such as `ec2:DescribeVpcs`.
pub fn reading<E: ProvideErrorMetadata>(action: &str) -> impl FnOnce(SdkError<E, Response>) -> CallError {
    move |error| call_error(Verb::Read, action, &error)
}

/// For `map_err` on a call that makes something. An answer that did not come is [`CallError::Unknown`].
pub fn creating<E: ProvideErrorMetadata>(action: &str) -> impl FnOnce(SdkError<E, Response>) -> CallError {
    move |error| call_error(Verb::Create, action, &error)
}

/// For `map_err` on a call that changes something.
pub fn changing<E: ProvideErrorMetadata>(action: &str) -> impl FnOnce(SdkError<E, Response>) -> CallError {
    move |error| call_error(Verb::Change, action, &error)
}

/// For `map_err` on a call that takes something away. What is not there is [`CallError::NotFound`], which counts as done.
pub fn deleting<E: ProvideErrorMetadata>(action: &str) -> impl FnOnce(SdkError<E, Response>) -> CallError {
    move |error| call_error(Verb::Delete, action, &error)
}

fn call_error<E: ProvideErrorMetadata>(verb: Verb, action: &str, error: &SdkError<E, Response>) -> CallError {
    let lost = |how: &str| {
        let answer = AwsAnswer { action: action.to_owned(), code: None, request: None };
        let fault = Fault::new(FaultName::ConnectionLost, format!("{action}: {how}")).answered(answer);
        if verb == Verb::Read { CallError::Fault(fault) } else { CallError::Unknown(fault) }
    };
    match error {
        // What looks like success and cannot be read, the SDK reports as the service's error without a code.
        SdkError::ServiceError(service)
            if service.err().meta().code().is_none() && service.raw().status().is_success() =>
        {
            lost("the answer cannot be read")
        }
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let status = service.raw().status().as_u16();
            let text = meta.message().unwrap_or("AWS gave no reason");
            let request = meta.request_id().or_else(|| error.request_id());
            let detail = format!("{text} (request {})", request.unwrap_or("unknown"));
            in_request(refused(verb, action, meta.code().unwrap_or("no code"), Some(status), &detail), request)
        }
        SdkError::TimeoutError(_) => lost("no answer in time"),
        SdkError::DispatchFailure(_) => lost("the connection failed"),
        SdkError::ResponseError(_) => lost("the answer cannot be read"),
        _ => CallError::Fault(Fault::new(FaultName::Internal, format!("{action}: the request could not be built"))),
    }
}

fn in_request(mut error: CallError, request: Option<&str>) -> CallError {
    if let CallError::Fault(fault) = &mut error
        && let Some(answer) = &mut fault.answer
    {
        answer.request = request.map(str::to_owned);
    }
    error
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[derive(Debug)]
    struct Answer(ErrorMetadata);

    impl ProvideErrorMetadata for Answer {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    impl fmt::Display for Answer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    fn response(status: u16) -> Response {
        let mut response = Response::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        response.headers_mut().insert("x-amzn-requestid", "req-7");
        response
    }

    fn answered(status: u16, code: &str) -> SdkError<Answer, Response> {
        let meta = ErrorMetadata::builder().code(code).message("because").build();
        SdkError::service_error(Answer(meta), response(status))
    }

    #[test]
    fn code_and_request_id_stand_in_the_message_and_beside_it() {
        let CallError::Fault(fault) = creating("ec2:CreateVpc")(answered(400, "VpcLimitExceeded")) else {
            panic!("a fault")
        };
        assert_eq!(fault.name, FaultName::QuotaExceeded);
        assert_eq!(fault.message, "ec2:CreateVpc answered VpcLimitExceeded: because (request req-7)");
        let answer = AwsAnswer {
            action: "ec2:CreateVpc".into(),
            code: Some("VpcLimitExceeded".into()),
            request: Some("req-7".into()),
        };
        assert_eq!(fault.answer, Some(Box::new(answer)));
    }

    #[test]
    fn a_lost_answer_is_unknown_unless_it_was_a_read() {
        let lost: fn() -> SdkError<Answer, Response> = || SdkError::timeout_error("slow");
        let refused: fn() -> SdkError<Answer, Response> =
            || SdkError::dispatch_failure(ConnectorError::io("reset".into()));
        for error in [lost, refused] {
            assert!(matches!(reading("a:B")(error()), CallError::Fault(f) if f.name == FaultName::ConnectionLost));
            for mapped in [creating("a:B")(error()), changing("a:B")(error()), deleting("a:B")(error())] {
                assert!(matches!(mapped, CallError::Unknown(f) if f.name == FaultName::ConnectionLost));
            }
        }
        let garbled = SdkError::<Answer, Response>::response_error("no XML", response(200));
        assert!(matches!(creating("a:B")(garbled), CallError::Unknown(_)));
        let cut_off = SdkError::service_error(Answer(ErrorMetadata::builder().build()), response(200));
        assert!(matches!(creating("a:B")(cut_off), CallError::Unknown(_)));
        let by_status = SdkError::service_error(Answer(ErrorMetadata::builder().build()), response(503));
        assert!(matches!(creating("a:B")(by_status), CallError::Fault(f) if f.name == FaultName::ServiceUnavailable));
    }

    #[test]
    fn a_request_that_cannot_be_built_is_a_defect() {
        let error = SdkError::<Answer, Response>::construction_failure("no region");
        assert!(matches!(creating("a:B")(error), CallError::Fault(f) if f.name == FaultName::Internal));
    }
}
