//! Whether the world is as a plan wants it.

use domain::{Outputs, Record, ResourceId, State};
use plan::{Plan, resolve};

use crate::World;

/// Everything that the plan wants is recorded once, as ready, and is there as wanted; and nothing else is recorded. The
/// error names the first resource of which that is not so.
pub fn as_planned(world: &World, records: &[Record], plan: &Plan) -> Result<(), String> {
    let outputs = |id: &ResourceId| -> Option<&Outputs> {
        records.iter().find(|record| record.id == *id).map(|record| &record.outputs)
    };
    for (id, desired) in &plan.resources {
        let of: Vec<_> = records.iter().filter(|record| record.id == *id).collect();
        let [record] = of[..] else { return Err(format!("{id} has {} records", of.len())) };
        let wanted = resolve(&desired.spec, &outputs).map_err(|error| format!("{id}: {error}"))?;
        let there = record.locator.as_ref().and_then(|locator| world.spec(&locator.0));
        if record.state != State::Ready || record.spec != wanted || there.as_ref() != Some(&wanted) {
            return Err(format!("{id} is not as planned: {record:?}, in AWS {there:?}, wanted {wanted}"));
        }
    }
    match records.iter().find(|record| !plan.resources.contains_key(&record.id)) {
        Some(record) => Err(format!("{} is not wanted and has a record: {record:?}", record.id)),
        None => Ok(()),
    }
}
