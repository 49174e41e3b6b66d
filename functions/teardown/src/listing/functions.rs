//! Functions of Lambda.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::FunctionConfiguration;
use domain::{Fault, Tags};
use engine::CallError;
use lambda::call_fault;
use plan::cluster::is_gate;

use super::{Found, tagged};

const WHAT: &str = "Lambda function";

/// The gates of an installation's platforms: they are called so, and bear its tags. Its own functions are called otherwise.
/// Sources: <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>,
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html>
pub async fn gates(lambda: &Client, installation: &str) -> Result<Vec<Found>, Fault> {
    let listed: Result<Vec<FunctionConfiguration>, _> =
        lambda.list_functions().into_paginator().items().send().collect().await;
    let listed = listed.map_err(aws::reading("lambda:ListFunctions")).map_err(call_fault)?;
    let mut found = Vec::new();
    for function in listed {
        let (Some(name), Some(arn)) = (function.function_name(), function.function_arn()) else { continue };
        if !is_gate(installation, name) {
            continue;
        }
        let answer = lambda.list_tags().resource(arn).send().await;
        match answer.map_err(aws::reading("lambda:ListTags")) {
            Ok(answer) => {
                let tags: Tags = answer.tags.unwrap_or_default().into_iter().collect();
                found.push(tagged(WHAT, name, tags, None, "lambda delete-function --function-name"));
            }
            Err(CallError::NotFound) => {}
            Err(error) => return Err(call_fault(error)),
        }
    }
    found.retain(|found| found.is_of(installation));
    Ok(found)
}
