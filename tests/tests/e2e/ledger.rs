//! The ledger's table passes the same suite on DynamoDB as in memory.

use std::sync::Arc;

use ledger::Dynamo;

use crate::support::scenario;

#[test]
fn the_ledger_keeps_its_word_on_dynamodb() {
    scenario(async |world| {
        // A table of its own, made like the template's: the fleet would settle what the suite leaves open.
        let template = world.dynamo.describe_table().table_name(world.table()).send().await.unwrap().table.unwrap();
        let indexes = template.global_secondary_indexes().iter().map(|index| {
            aws_sdk_dynamodb::types::GlobalSecondaryIndex::builder()
                .set_index_name(index.index_name.clone())
                .set_key_schema(index.key_schema.clone())
                .set_projection(index.projection.clone())
                .build()
                .unwrap()
        });
        world
            .dynamo
            .create_table()
            .table_name("conformance")
            .billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest)
            .set_attribute_definitions(template.attribute_definitions.clone())
            .set_key_schema(template.key_schema.clone())
            .set_global_secondary_indexes(Some(indexes.collect()))
            .send()
            .await
            .unwrap();
        testkit::ledger_conformance(Arc::new(Dynamo::new(world.dynamo.clone(), "conformance"))).await;
    });
}
