//! Who somebody is to a cluster: an identity of AWS against the principals of its access entries.

/// Whether the caller with this ARN is this principal. The session of a role names no path, and a role's name is unique in
/// an account, so account and name decide.
///
/// <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names>
pub fn is(caller: &str, principal: &str) -> bool {
    match caller.split_once(":assumed-role/").and_then(|(_, session)| session.split('/').next()) {
        Some(role) => role_name(principal) == Some(role) && account(principal) == account(caller),
        None => caller == principal,
    }
}

/// The name of a role, from its ARN; none if it is a user's.
pub fn role_name(principal: &str) -> Option<&str> {
    principal.split_once(":role/").and_then(|(_, path)| path.rsplit('/').next())
}

/// Whether a role can be taken on by who is not there yet: not those of IAM Identity Center, which only it hands out, and
/// not Landfall's own.
///
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
pub fn can_be_assumed(principal: &str, own: &str) -> bool {
    role_name(principal).is_some() && !principal.contains(":role/aws-reserved/") && principal != own
}

/// A name for the session of a role that says in the logs who took it on.
///
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub fn session_name(caller: &str) -> String {
    let allowed = |letter: &char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(*letter);
    let name: String = caller.rsplit('/').next().unwrap_or_default().chars().filter(allowed).take(48).collect();
    format!("landfall-{name}")
}

fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYER: &str = "arn:aws:iam::123456789012:role/teams/deployer";
    const ADA: &str = "arn:aws:iam::123456789012:user/ada";
    const ADMIN: &str =
        "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0a";

    #[test]
    fn a_session_is_its_role_and_a_user_is_itself() {
        assert!(is("arn:aws:sts::123456789012:assumed-role/deployer/ada", DEPLOYER));
        assert!(is("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a/ada@example.com", ADMIN));
        assert!(is(ADA, ADA));
        assert!(!is("arn:aws:sts::210987654321:assumed-role/deployer/ada", DEPLOYER), "another account");
        assert!(!is("arn:aws:sts::123456789012:assumed-role/ada/deployer", DEPLOYER), "a session's own name");
        assert!(!is("arn:aws:sts::123456789012:assumed-role/ada/x", ADA), "a role that is called as a user is");
    }

    #[test]
    fn only_roles_of_the_account_itself_can_be_assumed() {
        assert!(can_be_assumed(DEPLOYER, ""));
        assert!(!can_be_assumed(DEPLOYER, DEPLOYER));
        assert!(!can_be_assumed(ADMIN, ""));
        assert!(!can_be_assumed(ADA, ""));
    }

    #[test]
    fn a_session_is_named_for_who_took_it_on() {
        assert_eq!(session_name(ADA), "landfall-ada");
        assert_eq!(
            session_name("arn:aws:sts::1:assumed-role/x/ada lovelace@example.com"),
            "landfall-adalovelace@example.com"
        );
        assert_eq!(session_name(&"x".repeat(100)).len(), 57);
    }
}
