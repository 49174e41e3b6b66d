//! What is shown to whoever is to approve a plan.

use super::paint::{Paint, Tone};
use super::plan::plan;
use super::time::{Clock, coarse};
use crate::decision::Question;

/// Which plan waits until when, and what it would do.
pub fn question(paint: Paint, clock: &Clock, question: &Question) -> String {
    let Question { name, plan: number, until, view } = question;
    let title = format!("Plan {number} of `{name}` waits for approval");
    let left = format!("until {}, {} left", clock.date(*until), coarse(clock.until(*until)));
    format!("{} {left}\n\n{}", paint.paint(Tone::Strong, &title), plan(paint, view))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::output::plan::PlanView;

    #[test]
    fn a_question() {
        let changes = fixtures::changes();
        let approval = vec!["Loosen safety.deletionProtection: true -> false".to_owned()];
        let view = PlanView::new("demo", 1, approval, changes);
        let until = fixtures::NOW + jiff::SignedDuration::from_mins(23 * 60 + 10);
        let asked = Question { name: fixtures::name(), plan: 2, until, view };
        insta::assert_snapshot!(question(Paint::PLAIN, &fixtures::clock(), &asked));
    }
}
