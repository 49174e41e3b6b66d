//! The ledger keeps its word in memory and on a model of DynamoDB; the end-to-end tests run the same suite on the
//! sandbox's DynamoDB.

use std::sync::Arc;

use jiff::SignedDuration;
use ledger::Memory;
use testkit::{Clock, ModelTable, Turns};

#[tokio::test]
async fn in_memory() {
    testkit::ledger_conformance(Arc::new(Memory::default())).await;
}

#[tokio::test(start_paused = true)]
async fn on_a_model_of_dynamodb() {
    let turns = Arc::new(Turns::taking(2, 10, 0));
    let table = Arc::new(ModelTable::new(Arc::new(Clock::following()), turns, SignedDuration::ZERO));
    testkit::ledger_conformance(table).await;
}
