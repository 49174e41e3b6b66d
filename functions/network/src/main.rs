//! Wiring.

use lambda::ComponentFunction;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(network::start, ComponentFunction::handle).await
}
