//! Contents of inputs: made, and looked at.

use std::fs;
use std::process::Command;

use proto::stage::InputReport;

/// Bytes that are nowhere like themselves.
#[must_use]
pub fn bytes(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(next).collect()
}

fn sha256(path: &str) -> String {
    let said = Command::new("sha256sum").arg(path).output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    format!("sha256:{}", said.split(' ').next().unwrap())
}

/// The file of an input is whole, and is what the report says.
///
/// # Panics
/// When it is not.
pub fn assert_whole(report: &InputReport, content: &[u8]) {
    assert!(fs::read(&report.text).unwrap() == content, "other bytes");
    assert_eq!(report.digest.as_deref(), Some(&*sha256(&report.text)));
    assert_eq!(report.bytes, Some(content.len() as u64));
}
