//! One permission less. `cargo xtask privileges` names it, and a scenario that needs it; what it waits for is that AWS
//! denies a call for want of it, for then `cargo xtask test` fails.

use std::time::Duration;

use serde_json::Value;

use crate::support::World;

/// Names the permission: `network MakeInside ec2:CreateSubnet`.
const WITHOUT: &str = "LANDFALL_WITHOUT";

/// The process ends with this when the permission was missed.
const MISSED: i32 = 70;

/// How often is looked.
const PAUSE: Duration = Duration::from_millis(300);

/// An action in a statement of a function's policy.
#[derive(Debug, Clone)]
pub(crate) struct Permission {
    role: String,
    statement: String,
    action: String,
}

impl Permission {
    /// The one that is to be taken away, if one is.
    pub(crate) fn to_take_away() -> Option<Self> {
        let named = std::env::var(WITHOUT).ok()?;
        let [function, statement, action] = named.split(' ').collect::<Vec<_>>()[..] else { panic!("{named}") };
        let (first, rest) = function.split_at(1);
        let role = format!("-{}{rest}Role-", first.to_uppercase());
        Some(Self { role, statement: statement.to_owned(), action: action.to_owned() })
    }

    /// Takes it out of the role's policy, in IAM.
    pub(crate) async fn take_away(&self, iam: &aws_sdk_iam::Client) {
        let roles = iam.list_roles().path_prefix("/landfall/landfall/").send().await.unwrap().roles;
        let role = roles.iter().find(|role| role.role_name().contains(&self.role)).unwrap().role_name();
        let mut taken = 0;
        for policy in iam.list_role_policies().role_name(role).send().await.unwrap().policy_names {
            let told = iam.get_role_policy().role_name(role).policy_name(&policy).send().await.unwrap();
            // IAM hands documents out in percent encoding.
            let (text, _) = url::form_urlencoded::parse(told.policy_document().as_bytes()).next().unwrap();
            let mut document: Value = serde_json::from_str(&text).unwrap();
            taken += self.taken_from(&mut document);
            let put = iam.put_role_policy().role_name(role).policy_name(&policy);
            put.policy_document(document.to_string()).send().await.unwrap();
        }
        assert_eq!(taken, 1, "{self:?} stands once in the policies of {role}");
    }

    /// How often it stood in the document. A statement that allows nothing any more goes.
    fn taken_from(&self, document: &mut Value) -> usize {
        let mut taken = 0;
        let statements = document["Statement"].as_array_mut().unwrap();
        statements.retain_mut(|statement| {
            if statement["Sid"] != self.statement {
                return true;
            }
            let actions = statement["Action"].as_array_mut().unwrap();
            let before = actions.len();
            actions.retain(|action| *action != self.action);
            taken += before - actions.len();
            !actions.is_empty()
        });
        taken
    }

    /// Ends the process once it was missed: how the scenario goes on, and how long it waits, says no more.
    pub(crate) async fn await_denial(self, world: &World) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let denied = world.sandbox.privileges().await.map(|known| known.denied).unwrap_or_default();
            if denied.iter().any(|denied| denied.action == self.action && denied.role.contains(&self.role)) {
                std::process::exit(MISSED);
            }
        }
    }
}
