//! Wiring.
// The SDK's futures nest more deeply than the compiler expects.
#![recursion_limit = "256"]

use teardown::Teardown;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Teardown::start, Teardown::handle).await
}
