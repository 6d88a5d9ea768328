//! People who mean harm, at an honest server: a member's device, and strangers. They speak MLS without our rules.

use ed25519_dalek::{Signer as _, SigningKey};
use openmls::{
    framing::{MlsMessageBodyIn, MlsMessageIn, MlsMessageOut},
    group::{
        CommitBuilder, GroupId, Initial, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
        PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    },
    key_packages::{KeyPackage, KeyPackageIn, Lifetime},
    messages::proposals::ProposalType,
    prelude::{
        Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension, ExtensionType,
        Extensions, LeafNodeIndex, LeafNodeParameters, ProtocolVersion, RatchetTreeIn,
        RequiredCapabilitiesExtension, UnknownExtension,
        tls_codec::{Deserialize as _, Serialize as _, VLByteSlice},
    },
};
use openmls_traits::{
    OpenMlsProvider as _,
    crypto::OpenMlsCrypto as _,
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use subrosa_engine::NewProfile;
use subrosa_mls::{
    CERTIFICATE_CREDENTIAL, GroupPolicy, LogClaim, LogHash, POLICY_EXTENSION, UnverifiedCertificate,
};
use subrosa_server::session::Session;
use subrosa_wire::{
    AccountId, ConversationId, DeviceId, SendId,
    frames::{
        Append, ClaimKeyPackages, ClientFrame, Commit, CreateConversation, FetchGroup, PublishKeyPackages,
        append, client_frame::Request, server_frame::Body,
    },
};

use crate::{
    server::Server,
    spoilt::{Spoilt, SpoiltProvider},
};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $name:ident = $word:literal;)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $kind {
            $($(#[$doc])* $name,)*
        }

        impl $kind {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }

        impl std::str::FromStr for $kind {
            type Err = String;

            fn from_str(name: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().copied().find(|it| it.name() == name);
                found.ok_or_else(|| format!("{name:?} is not known"))
            }
        }
    };
}

named! {
    /// What a device of a member does, right after it has joined by an external commit.
    Malice {
        /// A message that nobody can decrypt.
        Undecryptable = "undecryptable";
        /// A message comes twice, as two entries.
        Doubled = "doubled";
        /// A message without padding.
        BadPadding = "bad-padding";
        /// A message with a content that is none.
        BadContent = "bad-content";
        /// A message that says that the log is another one.
        FalseClaim = "false-claim";
        /// A commit whose confirmation tag is another one.
        BrokenTag = "broken-tag";
        /// A commit that does not verify, with a tag that no member would make.
        BrokenMac = "broken-mac";
        /// A commit that one member cannot open.
        UnopenablePath = "unopenable-path";
        /// A commit that half of the members cannot open.
        HalfPath = "half-path";
        /// An ordinary commit.
        Update = "update";
        /// A commit after which nobody can open what comes from outside: the group info has somebody else's key.
        FalseExternalKey = "false-external-key";
        /// A commit with public keys that are none.
        NoKeys = "no-keys";
        /// Another device of the account is removed.
        RemoveSibling = "remove-sibling";
        /// The same, and it is let in again with a Welcome that does not open.
        BadWelcome = "bad-welcome";
    }
}

named! {
    /// What a stranger does to somebody.
    Stranger {
        /// Begins a conversation.
        Begins = "begins";
        /// Begins one with a Welcome that does not open.
        BadWelcome = "bad-welcome";
        /// Begins one with public keys that are none.
        NoKeys = "no-keys";
        /// Has key packages with public keys that are none, and is written to.
        NoKeyPackages = "no-key-packages";
    }
}

struct RawSigner(SigningKey);

impl Signer for RawSigner {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A device without an engine.
pub(crate) struct RawDevice {
    session: Session,
    signer: RawSigner,
    credential: CredentialWithKey,
    sends: u64,
}

/// What the server is to add to a log.
type Messages = (MlsMessageOut, Option<MlsMessageOut>, Option<MlsMessageOut>);

impl RawDevice {
    pub(crate) fn new(profile: &NewProfile) -> Self {
        let certificate = &profile.identity.certificate;
        let key = SigningKey::from_bytes(profile.identity.signing_key.seed());
        Self {
            session: Session {
                account_id: certificate.account_id(),
                device_id: certificate.device_id(),
            },
            credential: CredentialWithKey {
                credential: Credential::new(
                    CredentialType::Other(CERTIFICATE_CREDENTIAL),
                    certificate.encode(),
                ),
                signature_key: key.verifying_key().to_bytes().to_vec().into(),
            },
            signer: RawSigner(key),
            sends: 0,
        }
    }

    fn ask(&self, server: &mut Server, request: Request) -> Body {
        let frame = ClientFrame {
            request_id: 1,
            request: Some(request),
        };
        server
            .handle(self.session, frame)
            .body
            .expect("an answer has a body")
    }

    fn append(&mut self, server: &mut Server, id: ConversationId, payload: append::Payload) -> bool {
        self.sends += 1;
        let mut send_id = *self.session.device_id.as_bytes();
        send_id[..8].copy_from_slice(&self.sends.to_be_bytes());
        let request = Request::Append(Append {
            conversation_id: id.to_vec().into(),
            send_id: SendId::from_bytes(send_id).to_vec().into(),
            send_number: self.sends,
            payload: Some(payload),
        });
        let is_accepted = matches!(self.ask(server, request), Body::Appended(_));
        if !is_accepted {
            self.sends -= 1;
        }
        is_accepted
    }

    fn append_message(&mut self, server: &mut Server, id: ConversationId, message: &[u8]) -> bool {
        let payload = append::Payload::ApplicationMessage(message.to_vec().into());
        self.append(server, id, payload)
    }

    fn append_commit(&mut self, server: &mut Server, id: ConversationId, commit: Commit) -> bool {
        self.append(server, id, append::Payload::Commit(commit))
    }

    /// What it says about the log with what it sends next: nothing.
    fn log_claim(&self) -> Vec<u8> {
        LogClaim::of_no_place(self.sends + 1).encode().to_vec()
    }

    // ---- as a member ----

    /// Joins a conversation of its account by an external commit, whether it is in it or not.
    fn enter(
        &mut self,
        server: &mut Server,
        provider: &SpoiltProvider,
        id: ConversationId,
    ) -> Option<MlsGroup> {
        let fetch = Request::FetchGroup(FetchGroup {
            conversation_id: id.to_vec().into(),
        });
        let Body::GroupState(state) = self.ask(server, fetch) else {
            return None;
        };
        let MlsMessageBodyIn::GroupInfo(group_info) = decode(&state.group_info) else {
            panic!("not a group info");
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(&state.ratchet_tree[..]).expect("a tree");
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build();
        // Somebody has put keys into the group that are none: OpenMLS has no way in.
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(config)
            .with_aad(self.log_claim())
            .build_group(provider, group_info, self.credential.clone())
            .ok()?
            .leaf_node_parameters(
                LeafNodeParameters::builder()
                    .with_capabilities(capabilities())
                    .build(),
            )
            .load_psks(provider.storage())
            .ok()?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), &self.signer, |_| true)
            .ok()?
            .finalize(provider)
            .ok()?;
        let commit = commit_of(bundle.into_messages());
        self.append_commit(server, id, commit).then_some(group)
    }

    /// Makes a commit in a group that it has just entered.
    fn commit(
        &self,
        provider: &SpoiltProvider,
        group: &mut MlsGroup,
        fill: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
    ) -> Option<Commit> {
        group.set_aad(self.log_claim());
        let bundle = fill(group.commit_builder())
            .load_psks(provider.storage())
            .ok()?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), &self.signer, |_| true)
            .ok()?
            .stage_commit(provider)
            .ok()?;
        Some(commit_of(bundle.into_messages()))
    }

    /// Does harm in a conversation. Returns whether the server let it.
    pub(crate) fn harm(&mut self, server: &mut Server, id: ConversationId, what: Malice) -> bool {
        let provider = SpoiltProvider::default();
        let Some(mut group) = self.enter(server, &provider, id) else {
            return false;
        };
        let claim = match what {
            Malice::FalseClaim => {
                let (seq, hash) = (1, LogHash::from_bytes([9; 32]));
                let send_number = self.sends + 1;
                LogClaim {
                    seq,
                    hash,
                    send_number,
                }
                .encode()
                .to_vec()
            }
            _ => self.log_claim(),
        };
        group.set_aad(claim);
        let mut message = |content: &[u8]| {
            let message = group
                .create_message(&provider, &self.signer, content)
                .expect("a message");
            encode(message)
        };
        match what {
            Malice::Undecryptable => {
                let mut message = message(&padded(b"whatever"));
                let last = message.len() - 1;
                message[last] ^= 1;
                self.append_message(server, id, &message)
            }
            Malice::Doubled => {
                let message = message(&padded(b"no content"));
                self.append_message(server, id, &message);
                // It claims the number of the first one.
                self.append_message(server, id, &message)
            }
            Malice::BadPadding => {
                let message = message(b"no padding");
                self.append_message(server, id, &message)
            }
            Malice::BadContent | Malice::FalseClaim => {
                let message = message(&padded(b"no content"));
                self.append_message(server, id, &message)
            }
            Malice::BrokenTag => self.spoilt_commit(server, id, &mut group, &provider, Spoilt::NextTag),
            Malice::UnopenablePath => {
                self.spoilt_commit(server, id, &mut group, &provider, Spoilt::NextCiphertext)
            }
            Malice::HalfPath => {
                self.spoilt_commit(server, id, &mut group, &provider, Spoilt::EveryOtherCiphertext)
            }
            Malice::Update => self.spoilt_commit(server, id, &mut group, &provider, Spoilt::Nowhere),
            Malice::FalseExternalKey => {
                let commit = self.commit(&provider, &mut group, |it| it.force_self_update(true));
                let Some(mut commit) = commit else { return false };
                commit.group_info = self.with_false_external_key(&commit.group_info).into();
                self.append_commit(server, id, commit)
            }
            Malice::NoKeys => self.spoilt_commit(server, id, &mut group, &provider, Spoilt::PublicKeys),
            Malice::BrokenMac => {
                let Some(mut commit) = self.commit(&provider, &mut group, |it| it.force_self_update(true))
                else {
                    return false;
                };
                let mut bytes = commit.commit.to_vec();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                commit.commit = bytes.into();
                self.append_commit(server, id, commit)
            }
            Malice::RemoveSibling => self.remove_sibling(server, id, &mut group, &provider).is_some(),
            Malice::BadWelcome => {
                let Some(sibling) = self.remove_sibling(server, id, &mut group, &provider) else {
                    return false;
                };
                let packages = self.claim(server, self.session.account_id);
                let Some(package) = packages.into_iter().find(|(device, _)| *device == sibling) else {
                    return false;
                };
                group.merge_pending_commit(&provider).expect("its own commit");
                let commit = self.commit(&provider, &mut group, |it| it.propose_adds([package.1]));
                let Some(mut commit) = commit else { return false };
                commit.welcome = spoil_last(&commit.welcome).into();
                self.append_commit(server, id, commit)
            }
        }
    }

    fn spoilt_commit(
        &mut self,
        server: &mut Server,
        id: ConversationId,
        group: &mut MlsGroup,
        provider: &SpoiltProvider,
        what: Spoilt,
    ) -> bool {
        provider.spoil(what);
        let commit = self.commit(provider, group, |it| it.force_self_update(true));
        provider.spoil(Spoilt::Nowhere);
        commit.is_some_and(|commit| self.append_commit(server, id, commit))
    }

    /// The same group info with an external key whose private part is not the group's, signed again (RFC 9420,
    /// section 12.4.3).
    fn with_false_external_key(&self, group_info: &[u8]) -> Vec<u8> {
        /// Protocol version and wire format.
        const HEADER_BYTES: usize = 4;
        /// A signature of 64 bytes, with its length.
        const SIGNATURE_BYTES: usize = 66;
        let MlsMessageBodyIn::GroupInfo(info) = decode(group_info) else {
            panic!("not a group info");
        };
        let key = info.extensions().external_pub().expect("it has the key");
        let key = key.external_pub().as_slice();
        let place = group_info.windows(key.len()).position(|window| window == key);
        let place = place.expect("the key is in the encoding");
        let other = SpoiltProvider::default()
            .crypto()
            .derive_hpke_keypair(SUITE.hpke_config(), b"another group")
            .expect("a pair of keys");
        let mut bytes = group_info[..group_info.len() - SIGNATURE_BYTES].to_vec();
        bytes[place..place + key.len()].copy_from_slice(&other.public);
        let signed = (
            VLByteSlice(b"MLS 1.0 GroupInfoTBS"),
            VLByteSlice(&bytes[HEADER_BYTES..]),
        );
        let signed = signed.tls_serialize_detached().expect("it can be encoded");
        let signature = self.signer.0.sign(&signed).to_bytes();
        let signature = VLByteSlice(&signature).tls_serialize_detached();
        bytes.extend(signature.expect("it can be encoded"));
        bytes
    }

    /// Removes another device of the account.
    fn remove_sibling(
        &mut self,
        server: &mut Server,
        id: ConversationId,
        group: &mut MlsGroup,
        provider: &SpoiltProvider,
    ) -> Option<DeviceId> {
        let (leaf, sibling) = group.members().find_map(|member| {
            let certificate = UnverifiedCertificate::decode(member.credential.serialized_content()).ok()?;
            let certificate = certificate.verify_signature().ok()?;
            let device = certificate.device_id();
            let is_sibling =
                certificate.account_id() == self.session.account_id && device != self.session.device_id;
            is_sibling.then_some((member.index, device))
        })?;
        let leaf: LeafNodeIndex = leaf;
        let commit = self.commit(provider, group, |it| it.propose_removals([leaf]))?;
        self.append_commit(server, id, commit).then_some(sibling)
    }

    fn claim(&self, server: &mut Server, account: AccountId) -> Vec<(DeviceId, KeyPackage)> {
        let claim = Request::ClaimKeyPackages(ClaimKeyPackages {
            account_id: account.to_vec().into(),
        });
        let Body::KeyPackages(packages) = self.ask(server, claim) else {
            return Vec::new();
        };
        let crypto = SpoiltProvider::default();
        let packages = packages.devices.iter().filter_map(|device| {
            let MlsMessageBodyIn::KeyPackage(package) = decode(&device.key_package) else {
                return None;
            };
            let package: KeyPackageIn = package;
            let package = package.validate(crypto.crypto(), ProtocolVersion::Mls10).ok()?;
            Some((DeviceId::try_from(&device.device_id[..]).ok()?, package))
        });
        packages.collect()
    }

    // ---- as a stranger ----

    /// Begins a conversation with somebody in some way. Returns whether the server let it.
    pub(crate) fn begin(&mut self, server: &mut Server, victim: AccountId, how: Stranger) -> bool {
        let packages = self.claim(server, victim);
        if packages.is_empty() {
            return false;
        }
        let provider = SpoiltProvider::default();
        if how == Stranger::NoKeys {
            provider.spoil(Spoilt::PublicKeys);
        }
        let id = ConversationId::from_bytes(*self.session.device_id.as_bytes());
        let policy = GroupPolicy::direct(self.session.account_id, victim).expect("two accounts");
        let Some(mut group) = self.found(&provider, id, &policy) else {
            return false;
        };
        let group_info = group
            .export_group_info(provider.crypto(), &self.signer, false)
            .expect("a group info");
        let ratchet_tree = group
            .export_ratchet_tree()
            .tls_serialize_detached()
            .expect("a tree");
        let packages = packages.into_iter().map(|(_, package)| package);
        let commit = self.commit(&provider, &mut group, |it| it.propose_adds(packages));
        let Some(mut commit) = commit else { return false };
        if how == Stranger::BadWelcome {
            commit.welcome = spoil_last(&commit.welcome).into();
        }
        let create = Request::CreateConversation(CreateConversation {
            conversation_id: id.to_vec().into(),
            send_id: id.to_vec().into(),
            group_info: encode(group_info).into(),
            ratchet_tree: ratchet_tree.into(),
            commit: Some(commit),
        });
        matches!(self.ask(server, create), Body::Appended(_))
    }

    fn found(&self, provider: &SpoiltProvider, id: ConversationId, policy: &GroupPolicy) -> Option<MlsGroup> {
        let extensions = vec![
            Extension::RequiredCapabilities(RequiredCapabilitiesExtension::new(
                &[ExtensionType::Unknown(POLICY_EXTENSION)],
                &[ProposalType::SelfRemove],
                &[CredentialType::Other(CERTIFICATE_CREDENTIAL)],
            )),
            Extension::Unknown(POLICY_EXTENSION, UnknownExtension(policy.encode())),
        ];
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .capabilities(capabilities())
            .lifetime(Lifetime::init(0, u64::MAX))
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .with_group_context_extensions(Extensions::from_vec(extensions).ok()?)
            .build();
        let group = MlsGroup::new_with_group_id(
            provider,
            &self.signer,
            &config,
            GroupId::from_slice(id.as_bytes()),
            self.credential.clone(),
        );
        group.ok()
    }

    /// Publishes a key package with public keys that are none. Returns whether the server took it.
    pub(crate) fn publish_no_keys(&self, server: &mut Server) -> bool {
        let provider = SpoiltProvider::default();
        provider.spoil(Spoilt::PublicKeys);
        let package = KeyPackage::builder()
            .key_package_lifetime(Lifetime::init(0, u64::MAX))
            .leaf_node_capabilities(capabilities())
            .build(SUITE, &provider, &self.signer, self.credential.clone())
            .expect("a key package");
        let publish = Request::PublishKeyPackages(PublishKeyPackages {
            one_time: vec![encode(package.into_key_package()).into()],
            ..PublishKeyPackages::default()
        });
        matches!(self.ask(server, publish), Body::KeyPackagesPublished(_))
    }
}

/// The capabilities of an honest leaf.
fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE, Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519]),
        Some(&[
            ExtensionType::Unknown(POLICY_EXTENSION),
            ExtensionType::LastResort,
        ]),
        Some(&[ProposalType::SelfRemove]),
        Some(&[CredentialType::Other(CERTIFICATE_CREDENTIAL)]),
    )
}

fn encode(message: impl Into<MlsMessageOut>) -> Vec<u8> {
    message
        .into()
        .tls_serialize_detached()
        .expect("a message can be encoded")
}

fn decode(bytes: &[u8]) -> MlsMessageBodyIn {
    MlsMessageIn::tls_deserialize_exact(bytes)
        .expect("a message of a device or the server")
        .extract()
}

fn commit_of((commit, welcome, group_info): Messages) -> Commit {
    Commit {
        commit: encode(commit).into(),
        group_info: encode(group_info.expect("it was asked for")).into(),
        welcome: welcome.map(encode).unwrap_or_default().into(),
    }
}

fn spoil_last(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}

/// A short content, padded as it has to be.
fn padded(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short");
    let mut padded = length.to_be_bytes().to_vec();
    padded.extend_from_slice(content);
    padded.resize(256, 0);
    padded
}
