//! Wiring.

use admit::Admit;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Admit::start, Admit::handle).await
}
