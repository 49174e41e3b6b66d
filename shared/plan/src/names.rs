//! Names of what an account has only once, in all its regions, and ARNs that are known before the thing is there.

use domain::{PlatformName, Region, Target};

/// The end of the name of every role of a platform. A role is named in at most 64 characters, so a check sum stands for
/// what tells platforms of the same name in other installations and regions apart.
pub fn role_mark(installation: &str, region: &Region, platform: &PlatformName) -> String {
    check_sum(&format!("{installation}/{region}/{platform}"))
}

/// Eight digits for a text of any length. FNV-1a of 32 bits: <https://www.rfc-editor.org/rfc/rfc9923>. Names must never
/// change, so it may be no hasher of the standard library, which may.
pub(crate) fn check_sum(text: &str) -> String {
    let sum = text.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{sum:08x}")
}

/// What names are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) installation: &'a str,
    pub(crate) platform: &'a PlatformName,
    pub(crate) target: &'a Target,
}

impl Names<'_> {
    /// The path under which everything of the platform stands that has one: `/landfall/<installation>/<platform>/`.
    pub(crate) fn path(&self) -> String {
        format!("/landfall/{}/{}/", self.installation, self.platform)
    }

    /// A name for `what` that no other platform of the account has. Of a role's 64 characters, 13 are left for it beside a
    /// platform's name of 32.
    pub(crate) fn unique(&self, what: &str) -> String {
        let mark = role_mark(self.installation, &self.target.region, self.platform);
        format!("landfall-{}-{what}-{mark}", self.platform)
    }

    /// The name of a function of the platform: `<installation>_<platform>_<what>`. Neither name can hold an underscore, so no
    /// two installations mean the same function, and none is taken for an installation's own. Of Lambda's 64 characters, 10
    /// are left for `what`.
    pub(crate) fn function(&self, what: &str) -> String {
        format!("{}_{}_{what}", self.installation, self.platform)
    }

    /// The ARN of a policy of the account.
    pub(crate) fn policy(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:policy/{name}", self.partition(), self.target.account)
    }

    /// The ARN of a policy that AWS manages.
    pub(crate) fn managed_policy(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition())
    }

    /// The ARN of what `service` has in the platform's account and region.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        let Self { target, .. } = self;
        format!("arn:{}:{service}:{}:{}:{rest}", self.partition(), target.region, target.account)
    }

    /// The part of AWS in which the region lies.
    pub(crate) fn partition(&self) -> &'static str {
        match self.target.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}
