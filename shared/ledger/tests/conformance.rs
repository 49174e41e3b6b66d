//! The ledger in memory keeps its word; the end-to-end tests run the same suite on DynamoDB.

use std::sync::Arc;

use ledger::Memory;

#[tokio::test]
async fn in_memory() {
    testkit::ledger_conformance(Arc::new(Memory::default())).await;
}
