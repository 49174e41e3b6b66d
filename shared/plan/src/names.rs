//! Names of what an account has only once, in all its regions.

use domain::{PlatformName, Region};

/// The end of the name of every role of a platform. A role is named in at most 64 characters, so a check sum stands for
/// what tells platforms of the same name in other installations and regions apart.
pub fn role_mark(installation: &str, region: &Region, platform: &PlatformName) -> String {
    format!("{:08x}", check_sum(&format!("{installation}/{region}/{platform}")))
}

/// FNV-1a of 32 bits: <https://www.rfc-editor.org/rfc/rfc9923>. Names must never change, so it may be no hasher of the
/// standard library, which may.
fn check_sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
