//! Wiring.

use teardown::Teardown;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Teardown::start, Teardown::handle).await
}
