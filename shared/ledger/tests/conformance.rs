//! Both implementations of the table pass one suite.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use ledger::{Dynamo, Memory};

#[tokio::test]
async fn in_memory() {
    testkit::ledger_conformance(Arc::new(Memory::default())).await;
}

/// The end-to-end tests run the same suite in the sandbox, on the table of the template.
#[tokio::test]
#[ignore = "needs a DynamoDB: AWS_ENDPOINT_URL_DYNAMODB, AWS_REGION and credentials"]
async fn on_dynamodb() {
    let client = aws_sdk_dynamodb::Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await);
    let table = format!("conformance-{}", domain::RunId::random());
    create(&client, &table).await;
    testkit::ledger_conformance(Arc::new(Dynamo::new(client.clone(), &table))).await;
    client.delete_table().table_name(table).send().await.unwrap();
}

async fn create(client: &aws_sdk_dynamodb::Client, table: &str) {
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("open")
        .key_schema(key("open", KeyType::Hash))
        .key_schema(key("openKey", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build());
    client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(["pk", "sk", "open", "openKey"].map(attribute).to_vec()))
        .set_key_schema(Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]))
        .global_secondary_indexes(index.build().unwrap())
        .send()
        .await
        .unwrap();
}
