//! Wiring.

use alert::Alert;

#[tokio::main]
async fn main() -> Result<(), lambda::Error> {
    lambda::run(Alert::start, Alert::handle).await
}
