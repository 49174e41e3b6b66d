//! What the machines ask of a component's function.

use domain::{Fault, FaultName};
use engine::Pass;
use plan::{Goal, PlanNumber};
use serde::{Deserialize, Serialize};

use crate::Task;

/// The input: a pass over a plan, of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassInput {
    /// What for.
    pub pass: PassName,
    /// Which goal of the plan; for `converge` alone.
    pub goal: Option<Goal>,
    /// Which plan.
    pub plan: PlanNumber,
    /// Of which run.
    #[serde(flatten)]
    pub task: Task,
}

/// The passes as they stand in inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PassName {
    /// Create and update what a goal names.
    Converge,
    /// Everything must be as planned.
    Verify,
    /// Take away what the plan does not want.
    Prune,
}

impl PassInput {
    /// The engine's pass; [`FaultName::InvalidInput`] for a `converge` of no goal.
    pub fn pass(&self) -> Result<Pass, Fault> {
        match (self.pass, self.goal) {
            (PassName::Converge, Some(goal)) => Ok(Pass::Converge(goal)),
            (PassName::Converge, None) => Err(Fault::new(FaultName::InvalidInput, "`converge` needs a goal")),
            (PassName::Verify, _) => Ok(Pass::Verify),
            (PassName::Prune, _) => Ok(Pass::Prune),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_inputs_name_their_passes() {
        for (sample, expected) in [
            (include_str!("../../../events/network/converge-foundation.json"), Pass::Converge(Goal::Foundation)),
            (include_str!("../../../events/network/converge-egress.json"), Pass::Converge(Goal::Egress)),
            (include_str!("../../../events/network/verify.json"), Pass::Verify),
            (include_str!("../../../events/network/prune.json"), Pass::Prune),
        ] {
            let input: PassInput = serde_json::from_str(sample).unwrap();
            assert_eq!(input.pass(), Ok(expected));
        }
    }

    #[test]
    fn a_converge_without_a_goal_is_the_callers_error() {
        let mut input: PassInput = serde_json::from_str(include_str!("../../../events/network/prune.json")).unwrap();
        input.pass = PassName::Converge;
        assert_eq!(input.pass().unwrap_err().name, FaultName::InvalidInput);
    }
}
