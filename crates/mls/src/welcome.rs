//! A Welcome cut into what all added devices share and what is for one of them (RFC 9420, section 12.4.3.1), so that
//! the server gives each device its own part only. Nothing in it is verified: the device does that.

use crate::{
    codec::Malformed,
    limits::{COMMIT_ADDS_MAX, MLS_MESSAGE_MAX},
    peek::{PeekError, Reader},
    suite::SUITE,
};

const MLS_10: u16 = 1;
const WELCOME: u16 = 3;
/// Version, wire format and suite.
const HEAD_LEN: usize = 6;
const EXPECTED: Malformed = Malformed("a welcome");

/// A Welcome in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeParts {
    shared: Vec<u8>,
    /// The reference of each key package with the secrets that are encrypted to it.
    secrets: Vec<(Vec<u8>, Vec<u8>)>,
}

impl WelcomeParts {
    /// Takes a Welcome apart: an `MLSMessage` of our suite with at most [`COMMIT_ADDS_MAX`] devices.
    pub fn read(welcome: &[u8]) -> Result<Self, Malformed> {
        if welcome.len() > MLS_MESSAGE_MAX {
            return Err(EXPECTED);
        }
        read(welcome).map_err(|_| EXPECTED)
    }

    /// What each device needs, whichever it is: the head and the encrypted group info.
    pub fn shared(&self) -> &[u8] {
        &self.shared
    }

    /// What only the device needs whose key package has this reference.
    pub fn secrets_for(&self, key_package_reference: &[u8]) -> Option<&[u8]> {
        let found = self
            .secrets
            .iter()
            .find(|(reference, _)| reference == key_package_reference);
        found.map(|(_, secrets)| &secrets[..])
    }

    /// The Welcome for one device, an `MLSMessage`, from what [`WelcomeParts::shared`] and
    /// [`WelcomeParts::secrets_for`] have returned.
    pub fn for_one(shared: &[u8], secrets: &[u8]) -> Vec<u8> {
        let (head, group_info) = shared.split_at(HEAD_LEN.min(shared.len()));
        let mut welcome = Vec::with_capacity(shared.len() + secrets.len() + 4);
        welcome.extend_from_slice(head);
        put_length(&mut welcome, secrets.len());
        welcome.extend_from_slice(secrets);
        welcome.extend_from_slice(group_info);
        welcome
    }
}

fn read(welcome: &[u8]) -> Result<WelcomeParts, PeekError> {
    let mut reader = Reader::new(welcome);
    if (reader.u16()?, reader.u16()?, reader.u16()?) != (MLS_10, WELCOME, SUITE) {
        return Err(PeekError::Malformed);
    }
    let all_secrets = reader.vector()?;
    let rest = welcome.len() - reader.remaining();
    reader.skip_vector()?; // encrypted_group_info
    if reader.remaining() != 0 {
        return Err(PeekError::Malformed);
    }
    let shared = [&welcome[..HEAD_LEN], &welcome[rest..]].concat();
    let mut reader = Reader::new(all_secrets);
    let mut secrets = Vec::new();
    while reader.remaining() != 0 {
        if secrets.len() == COMMIT_ADDS_MAX {
            return Err(PeekError::Malformed);
        }
        let begin = all_secrets.len() - reader.remaining();
        let reference = reader.vector()?.to_vec();
        reader.skip_vector()?; // kem_output
        reader.skip_vector()?; // ciphertext
        let end = all_secrets.len() - reader.remaining();
        secrets.push((reference, all_secrets[begin..end].to_vec()));
    }
    Ok(WelcomeParts { shared, secrets })
}

/// Writes the length of a vector, as short as it can be (RFC 9420, section 2.1.2).
fn put_length(bytes: &mut Vec<u8>, len: usize) {
    // A welcome is at most MLS_MESSAGE_MAX long, which is less than 2^30.
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    let [_, b, c, d] = len.to_be_bytes();
    match len {
        0..0x40 => bytes.push(d),
        0x40..0x4000 => bytes.extend_from_slice(&[c | 0x40, d]),
        _ => bytes.extend_from_slice(&[0x80, b, c, d]),
    }
}
