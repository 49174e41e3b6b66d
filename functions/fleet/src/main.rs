//! Wiring.

use fleet::Fleet;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Fleet::start, Fleet::handle).await
}
