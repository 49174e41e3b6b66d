//! Wiring.

use lambda::ComponentFunction;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(cluster::start, ComponentFunction::handle).await
}
