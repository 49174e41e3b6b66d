//! Wiring.

use settle::Settle;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Settle::start, Settle::handle).await
}
