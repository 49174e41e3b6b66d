//! What a program asks of the machine that it is to run on, read from the file itself.

use object::read::elf::FileHeader;
use object::{Endianness, elf};

/// What a program needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Whether it is for arm64.
    pub(crate) arm64: bool,
    /// The newest version of glibc whose symbols it asks for; none for a static program.
    pub(crate) glibc: Option<(u32, u32)>,
}

/// Reads a 64 bit ELF program.
///
/// # Errors
/// If it is none.
pub(crate) fn needs(program: &[u8]) -> Result<Needs, object::Error> {
    let header = elf::FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let mut glibc = None;
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, program)? {
        let names = sections.strings(endian, program, link)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                glibc = glibc.max(glibc_version(version.name(endian, names)?));
            }
        }
    }
    Ok(Needs { arm64: header.e_machine(endian) == elf::EM_AARCH64, glibc })
}

/// `GLIBC_2.34` as numbers; none for the versions of other libraries.
fn glibc_version(name: &[u8]) -> Option<(u32, u32)> {
    let mut numbers = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(glibc_version(b"GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc_version(b"GLIBC_2.4") < glibc_version(b"GLIBC_2.34"));
        assert_eq!(glibc_version(b"GCC_3.0"), None);
    }

    /// This test itself is a program that asks for a glibc.
    #[test]
    #[cfg(target_env = "gnu")]
    fn a_program_of_this_machine_is_read() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = needs(&program).unwrap();
        assert_eq!(needs.arm64, cfg!(target_arch = "aarch64"));
        assert!(needs.glibc > Some((2, 2)), "{needs:?}");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(needs(b"#!/bin/sh\n").is_err());
    }
}
