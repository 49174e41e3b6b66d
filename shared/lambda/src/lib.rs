//! What every function shares. The only crate that knows the Lambda runtime.
//!
//! - [`run`] serves invocations: input by serde, a [`Fault`](domain::Fault) becomes `errorType` (its name) and
//!   `errorMessage` (its sentence), JSON logs with masked account ids, one span an invocation.
//! - [`Variables`] is the environment, read once; [`Services`] what nearly every function needs of it.
//! - [`visit`] opens a call on a run: the run still holds its epoch and its deadline, and its phase is noted;
//!   [`noted`] closes it.
//! - [`ComponentFunction`] is the function of a component: the engine with the component's kinds, and [`Health`].
//! - [`PlanStore`] keeps plans, [`Machines`] starts executions, [`StateError`] and [`ExecutionEnded`] read what Step
//!   Functions says of failures.

mod component;
mod failure;
mod logs;
mod machines;
mod pass;
mod plans;
mod runtime;
mod services;
mod task;
mod visit;

pub use component::{ComponentFunction, Examined, Health, Parts};
pub use failure::{ExecutionEnded, StateError, execution_name};
pub use machines::{Machines, Started, stop_execution};
pub use pass::{PassInput, PassName};
pub use plans::PlanStore;
pub use runtime::{Error, Invocation, run};
pub use services::{Services, Variables, call_fault};
pub use task::Task;
pub use visit::{Status, Triple, Visit, noted, visit};
