//! What the machines ask for, and the command.

use lambda::Task;
use serde::{Deserialize, Serialize};

/// The input: a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Input {
    /// Of a run: look for what stands in the way, before anything is touched.
    Inspect(Task),
    /// Of a run: take away what EKS made again, and prove that nothing is left.
    Proof(Task),
    /// At any time: list what the ledger does not name.
    Orphans {},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_inputs_and_a_step_of_a_run_needs_one() {
        let read = |text: &str| serde_json::from_str::<Input>(text);
        assert!(matches!(read(include_str!("../../../events/teardown/inspect.json")), Ok(Input::Inspect(_))));
        assert!(matches!(read(include_str!("../../../events/teardown/proof.json")), Ok(Input::Proof(_))));
        assert!(matches!(read(include_str!("../../../events/teardown/orphans.json")), Ok(Input::Orphans {})));
        let refused = read(r#"{"step": "proof"}"#).unwrap_err();
        assert_eq!(refused.to_string(), "missing field `platform`");
    }
}
