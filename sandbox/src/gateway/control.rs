//! `/_sandbox/…`: how tests and `xtask` steer the gateway.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::Gateway;
use super::calls::Call;
use super::chaos::Chaos;
use super::rules::Rule;

type Shared = State<Arc<Gateway>>;

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

/// `GET calls?since=N`; `GET`, `POST` (a rule) and `DELETE rules`; `POST chaos`; `GET faults`; `POST reset`,
/// `POST stop`; `GET health`; `POST eks/<region>/<cluster>/authenticate`, which takes a TokenReview of that cluster.
pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/_sandbox/health", get(async || "ok"))
        .route("/_sandbox/calls", get(calls))
        .route("/_sandbox/rules", get(rules).post(add_rule).delete(clear_rules))
        .route("/_sandbox/chaos", post(add_chaos))
        .route("/_sandbox/faults", get(struck))
        .route("/_sandbox/reset", post(reset))
        .route("/_sandbox/eks/{region}/{cluster}/authenticate", post(authenticate))
        .route("/_sandbox/stop", post(stop))
}

async fn calls(State(gateway): Shared, Query(Since { since }): Query<Since>) -> Json<Vec<Call>> {
    Json(gateway.calls.since(since))
}

async fn rules(State(gateway): Shared) -> Json<Vec<Rule>> {
    Json(gateway.faults.rules())
}

async fn add_rule(State(gateway): Shared, Json(rule): Json<Rule>) {
    gateway.faults.add(rule);
}

async fn clear_rules(State(gateway): Shared) {
    gateway.faults.end();
}

async fn add_chaos(State(gateway): Shared, Json(chaos): Json<Chaos>) {
    gateway.faults.add_chaos(chaos);
}

async fn struck(State(gateway): Shared) -> Json<Vec<Rule>> {
    Json(gateway.faults.struck_since(0))
}

async fn reset(State(gateway): Shared) {
    gateway.calls.clear();
    gateway.faults.clear();
}

async fn stop(State(gateway): Shared) {
    gateway.stop.notify_one();
}

async fn authenticate(
    State(gateway): Shared,
    Path((region, cluster)): Path<(String, String)>,
    Json(review): Json<Value>,
) -> Json<Value> {
    Json(gateway.authenticate(&region, &cluster, &review).await)
}
