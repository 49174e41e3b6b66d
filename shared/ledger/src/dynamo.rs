//! The ledger on DynamoDB: partition key `pk`, sort key `sk`, sparse index `open` (`open`, `openKey`).

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, ConditionCheck, Delete, TransactWriteItem, Update};
use serde_json::Value;
use ulid::Ulid;

use crate::table::{Action, Condition, Direction, Item, Key, Table, TableError, Write};

const PARTITION: &str = "pk";
const SORT: &str = "sk";
const INDEX: &str = "open";

/// A DynamoDB table.
#[derive(Debug)]
pub struct Dynamo {
    client: Client,
    table: String,
}

impl Dynamo {
    /// The table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

#[async_trait]
impl Table for Dynamo {
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(PARTITION, AttributeValue::S(key.partition.clone()))
            .key(SORT, AttributeValue::S(key.sort.clone()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        answer.item.map(item_from).transpose()
    }

    async fn query(
        &self,
        partition: &str,
        prefix: &str,
        direction: Direction,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, TableError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(direction == Direction::Forward)
            .expression_attribute_names("#pk", PARTITION)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()))
            .set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        // An empty text is no valid operand of begins_with.
        let request = if prefix.is_empty() {
            request.key_condition_expression("#pk = :pk")
        } else {
            request
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#sk", SORT)
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
        };
        let mut pages = request.into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < limit.unwrap_or(usize::MAX) {
            match pages.next().await {
                Some(item) => found.push(item_from(item.map_err(unavailable)?)?),
                None => break,
            }
        }
        Ok(found)
    }

    async fn open(&self, value: &str) -> Result<Vec<Key>, TableError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#open = :open")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":open", AttributeValue::S(value.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(unavailable)?;
            let text = |field: &str| item.get(field).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            found.push(Key::new(text(PARTITION), text(SORT)));
        }
        Ok(found)
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let parts = writes.iter().map(|write| self.part(write)).collect::<Result<Vec<_>, _>>().map_err(unavailable)?;
        // One token for all that the SDK sends: an answer that is lost does not make a write happen twice.
        let request = self.client.transact_write_items().client_request_token(Ulid::generate().to_string());
        match request.set_transact_items(Some(parts)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(judged(error)),
        }
    }
}

impl Dynamo {
    fn part(&self, write: &Write) -> Result<TransactWriteItem, BuildError> {
        let mut words = Words::default();
        let condition = match &write.condition {
            Condition::Always => None,
            Condition::Absent => Some(format!("attribute_not_exists({})", words.name(PARTITION))),
            Condition::Fields(fields) => {
                let mut tests = vec![format!("attribute_exists({})", words.name(PARTITION))];
                for (field, value) in fields {
                    let name = words.name(field);
                    tests.push(match value {
                        Value::Null => format!("attribute_not_exists({name})"),
                        value => format!("{name} = {}", words.value(value)?),
                    });
                }
                Some(tests.join(" AND "))
            }
        };
        let part = TransactWriteItem::builder();
        let key = HashMap::from([
            (PARTITION.to_owned(), AttributeValue::S(write.key.partition.clone())),
            (SORT.to_owned(), AttributeValue::S(write.key.sort.clone())),
        ]);
        Ok(match &write.action {
            Action::Set(fields) => {
                let expression = words.update(fields)?;
                let update = Update::builder()
                    .table_name(&self.table)
                    .set_key(Some(key))
                    .update_expression(expression)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(words.names())
                    .set_expression_attribute_values(words.values());
                part.update(update.build()?).build()
            }
            Action::Delete => {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(words.names())
                    .set_expression_attribute_values(words.values());
                part.delete(delete.build()?).build()
            }
            Action::Check => {
                let check = ConditionCheck::builder()
                    .table_name(&self.table)
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(words.names())
                    .set_expression_attribute_values(words.values());
                part.condition_check(check.build()?).build()
            }
        })
    }
}

/// The placeholders of an expression: DynamoDB reserves many plain words.
#[derive(Default)]
struct Words {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Words {
    fn name(&mut self, field: &str) -> String {
        let placeholder = format!("#{field}");
        self.names.insert(placeholder.clone(), field.to_owned());
        placeholder
    }

    fn value(&mut self, value: &Value) -> Result<String, BuildError> {
        let placeholder = format!(":v{}", self.values.len());
        let value = serde_dynamo::to_attribute_value(value).map_err(BuildError::other)?;
        self.values.insert(placeholder.clone(), value);
        Ok(placeholder)
    }

    fn update(&mut self, fields: &Item) -> Result<String, BuildError> {
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for (field, value) in fields {
            let name = self.name(field);
            match value {
                Value::Null => remove.push(name),
                value => set.push(format!("{name} = {}", self.value(value)?)),
            }
        }
        let part = |word: &str, list: Vec<String>| {
            if list.is_empty() { String::new() } else { format!("{word} {} ", list.join(", ")) }
        };
        Ok(part("SET", set) + &part("REMOVE", remove))
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// What a failed transaction means: the reasons of a cancellation come one for each write, in order
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).
fn judged(error: SdkError<TransactWriteItemsError>) -> TableError {
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        // One that is still in progress, asked for again, among them: it may happen yet.
        _ => return unavailable(error),
    };
    let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
    let passing = ["None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    match reasons.iter().position(|reason| code(reason) == "ConditionalCheckFailed") {
        Some(index) => TableError::Refused(index),
        None if reasons.iter().all(|reason| passing.contains(&code(reason).as_str())) => {
            TableError::Busy(layers(&error))
        }
        None => unavailable(error),
    }
}

fn item_from(attributes: HashMap<String, AttributeValue>) -> Result<Item, TableError> {
    serde_dynamo::from_item(attributes).map_err(|error| TableError::Unavailable(error.to_string()))
}

fn unavailable(error: impl std::error::Error) -> TableError {
    TableError::Unavailable(layers(&error))
}

/// The whole chain of an SDK error, a layer after the other: the ledger is the edge beyond which nobody knows DynamoDB.
/// The SDK's own display of a chain adds the raw answer, which no person wants to read.
fn layers(error: &dyn std::error::Error) -> String {
    let mut layers = vec![error.to_string()];
    let mut below = error.source();
    while let Some(layer) = below {
        layers.push(layer.to_string());
        below = layer.source();
    }
    layers.join(": ")
}
