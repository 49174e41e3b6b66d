//! Wiring.

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(gate::start, gate::handle).await
}
