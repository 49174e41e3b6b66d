//! Wiring.

use network::Network;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Network::start, Network::handle).await
}
