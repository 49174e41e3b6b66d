//! Errors in the protocol of each service, so that SDKs read the code that a rule asks for.
//!
//! <https://smithy.io/2.0/aws/protocols/index.html> (awsQuery, ec2Query, awsJson, restJson1, restXml)

use axum::body::Body;
use axum::http::{Response, StatusCode};

/// Where SDKs read the id of a request: <https://docs.rs/aws-types/latest/aws_types/request_id/trait.RequestId.html>
pub(crate) const REQUEST_ID: &str = "x-amzn-requestid";

/// An error before it takes a protocol's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Problem {
    /// A missing permission, as the service says it.
    pub(crate) fn denied(service: &str, action: &str, caller: &str) -> Self {
        let (status, code) = match service {
            "ec2" => (403, "UnauthorizedOperation"),
            "s3" | "iam" | "sts" | "cloudformation" => (403, "AccessDenied"),
            "sns" => (403, "AuthorizationError"),
            "eks" => (403, "AccessDeniedException"),
            _ => (400, "AccessDeniedException"),
        };
        Self::new(status, code, &format!("User: {caller} is not authorized to perform: {service}:{action}"))
    }

    /// Called too often, as the service says it.
    pub(crate) fn throttled(service: &str) -> Self {
        let (status, code) = match service {
            "ec2" => (503, "RequestLimitExceeded"),
            "s3" => (503, "SlowDown"),
            "lambda" => (429, "TooManyRequestsException"),
            "eks" => (429, "ThrottlingException"),
            "iam" | "sts" | "sns" | "cloudformation" => (400, "Throttling"),
            _ => (400, "ThrottlingException"),
        };
        Self::new(status, code, "Rate exceeded")
    }

    /// Temporary credentials past their time, as the service says it. EC2 has a code of its own for it.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> (`RequestExpired`),
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html> (`ExpiredToken`),
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html> (`ExpiredTokenException`)
    pub(crate) fn expired(service: &str) -> Self {
        let (status, code) = match service {
            "ec2" => (400, "RequestExpired"),
            "s3" => (400, "ExpiredToken"),
            "iam" | "sts" | "sns" | "cloudformation" => (403, "ExpiredToken"),
            "lambda" | "eks" => (403, "ExpiredTokenException"),
            _ => (400, "ExpiredTokenException"),
        };
        Self::new(status, code, "The security token included in the request is expired")
    }

    /// A failure of the service itself.
    pub(crate) fn internal(service: &str) -> Self {
        let code = match service {
            "ec2" | "s3" => "InternalError",
            "iam" | "sts" | "sns" | "cloudformation" => "InternalFailure",
            "lambda" => "ServiceException",
            "eks" => "ServerException",
            _ => "InternalServerError",
        };
        Self::new(500, code, "An internal error has occurred")
    }

    pub(crate) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }

    /// The answer in the protocol of the service.
    pub(crate) fn answer(&self, service: &str) -> Response<Body> {
        let (code, message) = (escape(&self.code), escape(&self.message));
        let request = ulid::Ulid::generate();
        let (kind, text) = match service {
            "ec2" => (
                "text/xml",
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{request}</RequestID></Response>"
                ),
            ),
            "s3" => (
                "application/xml",
                format!(
                    "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request}</RequestId></Error>"
                ),
            ),
            "iam" | "sts" | "sns" | "cloudformation" | "route53" | "autoscaling" | "elasticloadbalancing" => (
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>"
                ),
            ),
            _ => (
                "application/x-amz-json-1.0",
                serde_json::json!({"__type": self.code, "message": self.message, "Message": self.message}).to_string(),
            ),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let request = request.to_string();
        for (name, value) in
            [("content-type", kind), ("x-amzn-errortype", self.code.as_str()), (REQUEST_ID, request.as_str())]
        {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
