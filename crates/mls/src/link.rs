//! Invite links: the secret that a link consists of, and what is signed with it.
//!
//! The secret is a seed, from which a signing key and a wrapping key are derived with HKDF-SHA-256. The public half of the
//! signing key stands in the group's policy (see [`InviteLink`](crate::InviteLink)). So members and server can check whoever
//! comes by the link, and neither a server nor a former member of another group can make up such a signature. The wrapping
//! key opens what those inside leave for those outside.
//!
//! Text form: base64url without padding of version (1), seed (32) and checksum (4). The checksum is the first bytes of
//! SHA-256 over a label, version and seed; in every later version, too, it ends the text and covers all that precedes it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use openmls::group::GroupContext;
use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use subrosa_wire::{AccountId, ConversationId, DeviceId, LinkId, ids::ID_LEN};
use zeroize::Zeroizing;

use crate::{
    certificate::DeviceCertificate,
    chain::LogClaim,
    keys::{InvalidSignature, KEY_LEN, LinkPublicKey, LinkSigningKey, SIGNATURE_LEN, labelled},
    policy::GroupPolicy,
};

/// The length of the seed of a link, in bytes.
pub const LINK_SEED_LEN: usize = 32;
/// The length of an encoded [`LinkSignature`], in bytes.
pub const LINK_SIGNATURE_LEN: usize = KEY_LEN + SIGNATURE_LEN;

const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 4;
const CHECKSUM_LABEL: &str = "subrosa invite link checksum";
const ID_LABEL: &str = "subrosa invite link id v1";
const SIGNING_KEY_LABEL: &[u8] = b"subrosa invite link signing key v1";
const WRAPPING_KEY_LABEL: &[u8] = b"subrosa invite link wrapping key v1";
const JOIN_LABEL: &str = "subrosa join by link v1";
const ACCESS_LABEL: &str = "subrosa access by link v1";
const REQUEST_LABEL: &str = "subrosa request to join v1";

/// Why a text is not an invite link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLink {
    /// Some of it is missing or wrong.
    #[error("the link is cut or mistyped")]
    Damaged,
    /// It is whole, and this build cannot read it.
    #[error("the link was made by a newer version of Subrosa")]
    NewerVersion(u8),
}

/// The secret of an invite link. Whoever has it can join, or ask to. Zeroized when dropped.
#[derive(Clone)]
pub struct LinkSecret(Zeroizing<[u8; LINK_SEED_LEN]>);

impl LinkSecret {
    /// A new link.
    pub fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; LINK_SEED_LEN]);
        rng.fill_bytes(seed.as_mut());
        Self(seed)
    }

    /// The link of a stored seed. Every seed is valid.
    pub fn from_seed(seed: [u8; LINK_SEED_LEN]) -> Self {
        Self(Zeroizing::new(seed))
    }

    /// The seed, to be stored encrypted.
    pub fn seed(&self) -> &[u8; LINK_SEED_LEN] {
        &self.0
    }

    /// Reads the text form; only what [`LinkSecret::to_text`] writes is accepted.
    pub fn from_text(text: &str) -> Result<Self, InvalidLink> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidLink::Damaged)?;
        let bytes = Zeroizing::new(bytes);
        let (covered, sum) = bytes.split_last_chunk().ok_or(InvalidLink::Damaged)?;
        if checksum(covered) != *sum {
            return Err(InvalidLink::Damaged);
        }
        match covered.split_first() {
            Some((&VERSION, seed)) => seed
                .try_into()
                .map(Self::from_seed)
                .map_err(|_| InvalidLink::Damaged),
            Some((version, _)) => Err(InvalidLink::NewerVersion(*version)),
            None => Err(InvalidLink::Damaged),
        }
    }

    /// The text form: 50 characters.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([VERSION; 1 + LINK_SEED_LEN + CHECKSUM_LEN]);
        bytes[1..=LINK_SEED_LEN].copy_from_slice(self.seed());
        let sum = checksum(&bytes[..=LINK_SEED_LEN]);
        bytes[1 + LINK_SEED_LEN..].copy_from_slice(&sum);
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..]))
    }

    /// The key that signs for whoever comes by the link.
    pub fn signing_key(&self) -> LinkSigningKey {
        LinkSigningKey::from_seed(*self.derive(SIGNING_KEY_LABEL))
    }

    /// The key for the policy.
    pub fn public_key(&self) -> LinkPublicKey {
        self.signing_key().public()
    }

    /// The id under which a server knows the link.
    pub fn id(&self) -> LinkId {
        self.public_key().id()
    }

    /// The key under which those inside leave what those outside may read, and those outside what those inside may.
    pub fn wrapping_key(&self) -> Zeroizing<[u8; 32]> {
        self.derive(WRAPPING_KEY_LABEL)
    }

    /// Shows the server that a device has the link of a conversation.
    pub fn prove_access(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> LinkSignature {
        self.sign(ACCESS_LABEL, &access(conversation_id, account_id, device_id))
    }

    /// Signs a request to join that whoever may add people decides on. `sealed_note` goes along with it.
    pub fn sign_request(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        sealed_note: &[u8],
    ) -> LinkSignature {
        self.sign(REQUEST_LABEL, &request(conversation_id, account_id, sealed_note))
    }

    /// Signs the external commit by which a device joins.
    pub(crate) fn sign_join(&self, join: &JoinStatement<'_>) -> LinkSignature {
        self.sign(JOIN_LABEL, &join.encode())
    }

    fn sign(&self, label: &'static str, message: &[u8]) -> LinkSignature {
        let key = self.signing_key();
        LinkSignature {
            key: key.public(),
            signature: key.sign(label, message),
        }
    }

    fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        // HKDF-SHA-256 gives up to 255 × 32 bytes.
        #[expect(clippy::expect_used, reason = "32 bytes are within what HKDF can give")]
        Hkdf::<Sha256>::new(None, &self.0[..])
            .expand(label, derived.as_mut())
            .expect("32 bytes are a valid length");
        derived
    }
}

fn checksum(covered: &[u8]) -> [u8; CHECKSUM_LEN] {
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(labelled(CHECKSUM_LABEL, covered)));
    [a, b, c, d]
}

impl LinkPublicKey {
    /// The id of the link with this key: the first 16 bytes of SHA-256 over the length of the label as eight bytes, the
    /// label `subrosa invite link id v1` and the key.
    pub fn id(&self) -> LinkId {
        let hash = Sha256::digest(labelled(ID_LABEL, self.as_bytes()));
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&hash[..ID_LEN]);
        LinkId::from_bytes(id)
    }
}

/// A signature with the key of a link, beside the key. It proves nothing until it is verified for what it was made for.
///
/// Layout, [`LINK_SIGNATURE_LEN`] bytes: public key (32), signature (64).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSignature {
    key: LinkPublicKey,
    signature: [u8; SIGNATURE_LEN],
}

impl LinkSignature {
    /// The key of the link that is claimed to have signed.
    pub fn key(&self) -> LinkPublicKey {
        self.key
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; LINK_SIGNATURE_LEN] {
        let mut bytes = [0; LINK_SIGNATURE_LEN];
        bytes[..KEY_LEN].copy_from_slice(self.key.as_bytes());
        bytes[KEY_LEN..].copy_from_slice(&self.signature);
        bytes
    }

    /// Reads a signature; `None` if the bytes are not one, or the key is not a key.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (key, signature) = bytes.split_first_chunk()?;
        Some(Self {
            key: LinkPublicKey::from_bytes(key).ok()?,
            signature: signature.try_into().ok()?,
        })
    }

    /// Checks what [`LinkSecret::prove_access`] makes.
    pub fn verify_access(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        device_id: DeviceId,
    ) -> Result<(), InvalidSignature> {
        let message = access(conversation_id, account_id, device_id);
        self.key.verify(ACCESS_LABEL, &message, &self.signature)
    }

    /// Checks what [`LinkSecret::sign_request`] makes. The caller checks that the policy has the key.
    pub fn verify_request(
        &self,
        conversation_id: ConversationId,
        account_id: AccountId,
        sealed_note: &[u8],
    ) -> Result<(), InvalidSignature> {
        let message = request(conversation_id, account_id, sealed_note);
        self.key.verify(REQUEST_LABEL, &message, &self.signature)
    }

    pub(crate) fn verify_join(&self, join: &JoinStatement<'_>) -> Result<(), InvalidSignature> {
        self.key.verify(JOIN_LABEL, &join.encode(), &self.signature)
    }
}

fn access(conversation_id: ConversationId, account_id: AccountId, device_id: DeviceId) -> Vec<u8> {
    [
        &conversation_id.as_bytes()[..],
        account_id.as_bytes(),
        device_id.as_bytes(),
    ]
    .concat()
}

fn request(conversation_id: ConversationId, account_id: AccountId, sealed_note: &[u8]) -> Vec<u8> {
    let note: [u8; 32] = Sha256::digest(sealed_note).into();
    [
        &conversation_id.as_bytes()[..],
        account_id.as_bytes(),
        note.as_slice(),
    ]
    .concat()
}

/// What is signed for an external commit that joins by a link: it holds for one group, founding and epoch, and for one
/// device, whose id, account and key stand in the certificate.
///
/// Layout: conversation id (16), founding (8), epoch (8), SHA-256 of the certificate (32); numbers are big endian.
pub(crate) struct JoinStatement<'a> {
    group: &'a GroupContext,
    founding: u64,
    certificate: &'a DeviceCertificate,
}

impl<'a> JoinStatement<'a> {
    /// That a device with this certificate joins a group, in the epoch after this one.
    pub(crate) fn of(
        group: &'a GroupContext,
        policy: &GroupPolicy,
        certificate: &'a DeviceCertificate,
    ) -> Self {
        Self {
            group,
            founding: policy.founding(),
            certificate,
        }
    }

    pub(crate) fn account_id(&self) -> AccountId {
        self.certificate.account_id()
    }

    fn encode(&self) -> Vec<u8> {
        let certificate: [u8; 32] = Sha256::digest(self.certificate.encode()).into();
        [
            self.group.group_id().as_slice(),
            &self.founding.to_be_bytes(),
            &self.group.epoch().as_u64().to_be_bytes(),
            certificate.as_slice(),
        ]
        .concat()
    }
}

/// The authenticated data of a commit: what it claims about the log, and, if a device joins by a link with it, the link's
/// signature.
pub(crate) struct CommitData {
    pub(crate) claim: LogClaim,
    pub(crate) link: Option<LinkSignature>,
}

impl CommitData {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.claim.encode().to_vec();
        if let Some(link) = &self.link {
            bytes.extend_from_slice(&link.encode());
        }
        bytes
    }

    /// Reads the data of an external commit or, which cannot have a link, of a member's. `None` if the bytes are not that.
    pub(crate) fn decode(bytes: &[u8], external: bool) -> Option<Self> {
        let (claim, link) = match bytes.split_last_chunk::<LINK_SIGNATURE_LEN>() {
            Some((claim, link)) if external => (claim, Some(LinkSignature::decode(link)?)),
            _ => (bytes, None),
        };
        Some(Self {
            claim: LogClaim::decode(claim)?,
            link,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONVERSATION: ConversationId = ConversationId::from_bytes([1; 16]);
    const ACCOUNT: AccountId = AccountId::from_bytes([2; 16]);
    const DEVICE: DeviceId = DeviceId::from_bytes([3; 16]);

    fn link() -> LinkSecret {
        LinkSecret::from_seed([7; LINK_SEED_LEN])
    }

    /// What [`LinkSecret::from_text`] says to these bytes, with a checksum that fits.
    fn refusal(covered: &[u8]) -> Option<InvalidLink> {
        let bytes = [covered, &checksum(covered)].concat();
        LinkSecret::from_text(&URL_SAFE_NO_PAD.encode(bytes)).err()
    }

    #[test]
    fn the_text_and_the_keys_of_a_link_keep_their_form() {
        let link = link();
        assert_eq!(*link.to_text(), TEXT);
        assert_eq!(hex::encode(link.public_key().as_bytes()), PUBLIC_KEY);
        assert_eq!(hex::encode(*link.wrapping_key()), WRAPPING_KEY);
        assert_eq!(link.id().to_string(), ID);
        let key = link.public_key();
        let input = [
            &25_u64.to_be_bytes()[..],
            b"subrosa invite link id v1",
            key.as_bytes(),
        ];
        assert_eq!(link.id().as_bytes()[..], Sha256::digest(input.concat())[..16]);
    }

    const TEXT: &str = "AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH_1WPsg";
    const PUBLIC_KEY: &str = "c4b49ac486dfd9c4e87854136929b1d37944fdc7deaa5d4fd22e93661e8c0d45";
    const WRAPPING_KEY: &str = "d5b5b7325fc85c1c14714d3e1df777afbd231f1a907806665d76b6963bba84f7";
    const ID: &str = "ed151e52d5c98f148d8b056e3e2a9e41";

    #[test]
    fn the_signatures_of_a_link_keep_their_form() {
        let access = link().prove_access(CONVERSATION, ACCOUNT, DEVICE);
        assert_eq!(hex::encode(access.signature), ACCESS);
        let request = link().sign_request(CONVERSATION, ACCOUNT, b"note");
        assert_eq!(hex::encode(request.signature), REQUEST);
        assert_eq!(LinkSignature::decode(&access.encode()), Some(access));
    }

    const ACCESS: &str = "d8948fa2cc77fc4eceeb326f7bd2cb227de43eb66b765d10360c805e5cea8154\
        46142467de0f7661dd9e23982b12938da0fe7f730041dd1bdacf6fb5c4361d0c";
    const REQUEST: &str = "640485483689aa51d1f4faf9fb7f51d525a6a2b1a1e655c39836349c6c1e1f29\
        83d8f79f1d29a3de90f178f6f9a96f4a9d111df4c231971714490d2cf2bd560a";

    #[test]
    fn a_signature_holds_for_what_it_was_made_for_and_for_nothing_else() {
        let (other_conversation, other_account) = (
            ConversationId::from_bytes([9; 16]),
            AccountId::from_bytes([9; 16]),
        );
        let access = link().prove_access(CONVERSATION, ACCOUNT, DEVICE);
        assert_eq!(access.verify_access(CONVERSATION, ACCOUNT, DEVICE), Ok(()));
        for refused in [
            access.verify_access(other_conversation, ACCOUNT, DEVICE),
            access.verify_access(CONVERSATION, other_account, DEVICE),
            access.verify_access(CONVERSATION, ACCOUNT, DeviceId::from_bytes([9; 16])),
            access.verify_request(CONVERSATION, ACCOUNT, DEVICE.as_bytes()),
        ] {
            assert_eq!(refused, Err(InvalidSignature));
        }
        let request = link().sign_request(CONVERSATION, ACCOUNT, b"note");
        assert_eq!(request.verify_request(CONVERSATION, ACCOUNT, b"note"), Ok(()));
        for refused in [
            request.verify_request(other_conversation, ACCOUNT, b"note"),
            request.verify_request(CONVERSATION, other_account, b"note"),
            request.verify_request(CONVERSATION, ACCOUNT, b"another note"),
            request.verify_access(CONVERSATION, ACCOUNT, DEVICE),
        ] {
            assert_eq!(refused, Err(InvalidSignature));
        }
        // Somebody else's link signs as itself.
        let other = LinkSecret::from_seed([8; LINK_SEED_LEN]);
        let mut forged = other.prove_access(CONVERSATION, ACCOUNT, DEVICE);
        forged.key = link().public_key();
        assert_eq!(
            forged.verify_access(CONVERSATION, ACCOUNT, DEVICE),
            Err(InvalidSignature)
        );
    }

    #[test]
    fn only_an_external_commit_can_carry_a_link() {
        let link = link().prove_access(CONVERSATION, ACCOUNT, DEVICE);
        let claim = LogClaim::of_no_place(5);
        let read = |bytes: &[u8], external| {
            let data = CommitData::decode(bytes, external)?;
            Some((data.claim, data.link))
        };
        let alone = CommitData { claim, link: None }.encode();
        assert_eq!(alone, claim.encode());
        for external in [false, true] {
            assert_eq!(read(&alone, external), Some((claim, None)));
        }
        let data = CommitData {
            claim,
            link: Some(link),
        };
        let both = data.encode();
        assert_eq!(read(&both, true), Some((claim, Some(link))));
        assert_eq!(read(&both, false), None);
        for len in (0..both.len()).filter(|len| *len != alone.len()) {
            assert_eq!(read(&both[..len], true), None, "{len}");
        }
        assert_eq!(read(&[&both[..], &[0]].concat(), true), None);
        let mut no_key = both;
        no_key[alone.len()..alone.len() + KEY_LEN].fill(0);
        assert_eq!(read(&no_key, true), None);
    }

    #[test]
    fn a_link_of_a_newer_version_is_named_as_such() {
        let seed = [7; LINK_SEED_LEN];
        assert_eq!(refusal(&[&[1][..], &seed].concat()), None);
        for (version, rest) in [(2, &seed[..]), (0, &seed), (255, &seed[..5]), (9, &[7; 90])] {
            let refused = refusal(&[&[version], rest].concat());
            assert_eq!(refused, Some(InvalidLink::NewerVersion(version)));
        }
        // Only the length is wrong.
        for seed in [&[7; LINK_SEED_LEN + 1][..], &seed[1..], &[]] {
            assert_eq!(refusal(&[&[1], seed].concat()), Some(InvalidLink::Damaged));
        }
        assert_eq!(refusal(&[]), Some(InvalidLink::Damaged));
    }

    #[test]
    fn every_beginning_of_a_link_and_everything_longer_is_refused() {
        let text = link().to_text();
        for len in 0..text.len() {
            let refused = LinkSecret::from_text(&text[..len]).err();
            assert_eq!(refused, Some(InvalidLink::Damaged), "{len}");
        }
        for more in ["=", "==", "A", " ", "\n", "."] {
            let refused = LinkSecret::from_text(&format!("{}{more}", *text)).err();
            assert_eq!(refused, Some(InvalidLink::Damaged), "{more:?}");
        }
    }

    #[test]
    fn every_other_character_in_every_place_of_a_link_is_refused() {
        let text = link().to_text();
        for place in 0..text.len() {
            for other in (0..=127_u8).filter(|other| *other != text.as_bytes()[place]) {
                let mut changed = text.as_bytes().to_vec();
                changed[place] = other;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(
                    LinkSecret::from_text(&changed).err(),
                    Some(InvalidLink::Damaged),
                    "{changed}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn a_link_reads_back_from_its_text(seed: [u8; LINK_SEED_LEN]) {
            let text = LinkSecret::from_seed(seed).to_text();
            prop_assert_eq!(text.len(), 50);
            let read = LinkSecret::from_text(&text).unwrap();
            prop_assert_eq!(read.seed(), &seed);
        }

        #[test]
        fn what_reads_as_a_link_is_written_the_same(text in "[A-Za-z0-9_-]{0,60}") {
            if let Ok(link) = LinkSecret::from_text(&text) {
                prop_assert_eq!(&*link.to_text(), &text);
            }
        }
    }
}
