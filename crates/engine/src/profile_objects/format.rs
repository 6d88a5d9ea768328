//! A profile object: what a person shows to those they write with, sealed and kept by the server.
//!
//! The contents are a protobuf message, signed by the account key: many people have the key that opens them, and none of
//! them can show something in the name of another. Their version grows with each change, so that a server can show an older
//! value, but not pass it off as a newer one. Padding leaves few sizes, and the seal binds them to the object's id.

use prost::Message as _;
use rand_core::CryptoRngCore;
use subrosa_mls::{AccountIdentity, AccountSigningKey, SuccessionKeyHash};
use subrosa_wire::{
    AccountId, ObjectId,
    limits::{OBJECT_MAX, SEQ_MAX},
};
use zeroize::Zeroizing;

use crate::{
    account::{
        secret::{BackupKey, SECRET_LEN, derive},
        wrap::{self, PaddedError, SealError},
    },
    content::DisplayName,
};

const ID_LABEL: &str = "subrosa profile object id v1";
const KEY_LABEL: &str = "subrosa profile object key v1";
const AAD: &[u8] = b"subrosa profile object v1";
const PICTURE_AAD: &[u8] = b"subrosa group picture v1";
const SIGNATURE_LABEL: &str = "subrosa profile object v1";
/// The smallest sealed size, in bytes; each larger one has twice as many, up to [`OBJECT_MAX`].
const SIZE_MIN: usize = 512;
/// The longest picture, in bytes.
pub const PICTURE_MAX: usize = 60 * 1024;
/// The longest side of a picture, in pixels.
pub const PICTURE_SIDE_MAX: usize = 1024;

/// Where a profile object is, and what opens it. Zeroized when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectKey {
    /// The object.
    pub id: ObjectId,
    /// Its key.
    pub key: Zeroizing<[u8; SECRET_LEN]>,
}

impl ObjectKey {
    /// The length of [`to_bytes`](Self::to_bytes).
    pub const LEN: usize = subrosa_wire::ids::ID_LEN + SECRET_LEN;

    /// That of this account, which every device derives from the vault. `generation` counts the objects that the account has
    /// had, one after the other.
    pub(crate) fn of_account(backup_key: &BackupKey, generation: u32) -> Self {
        let mut secret = Zeroizing::new(backup_key.as_bytes().to_vec());
        secret.extend_from_slice(&generation.to_be_bytes());
        let id = derive(&secret, ID_LABEL);
        let mut id_bytes = [0; subrosa_wire::ids::ID_LEN];
        id_bytes.copy_from_slice(&id[..subrosa_wire::ids::ID_LEN]);
        Self {
            id: ObjectId::from_bytes(id_bytes),
            key: derive(&secret, KEY_LABEL),
        }
    }

    /// The id, then the key.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.id.as_bytes()[..], &self.key[..]].concat())
    }

    /// The reverse of [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, key) = bytes.split_first_chunk()?;
        Some(Self {
            id: ObjectId::from_bytes(*id),
            key: Zeroizing::new(key.try_into().ok()?),
        })
    }
}

impl std::fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A picture in a format that browsers show, of a size that nobody suffers from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(Vec<u8>);

/// Why something is not a picture that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPicture {
    /// Too many bytes.
    #[error("the picture has {0} bytes, of at most {PICTURE_MAX}")]
    TooLong(usize),
    /// Not JPEG, PNG or WebP, or cut off.
    #[error("this is not a JPEG, PNG or WebP picture")]
    Format,
    /// Too many pixels, or none.
    #[error("the picture has {0} × {1} pixels, of at most {PICTURE_SIDE_MAX} on each side")]
    Size(usize, usize),
}

impl TryFrom<Vec<u8>> for Picture {
    type Error = InvalidPicture;

    fn try_from(bytes: Vec<u8>) -> Result<Self, InvalidPicture> {
        if bytes.len() > PICTURE_MAX {
            return Err(InvalidPicture::TooLong(bytes.len()));
        }
        let size = imagesize::blob_size(&bytes).map_err(|_| InvalidPicture::Format)?;
        let sides = 1..=PICTURE_SIDE_MAX;
        if !sides.contains(&size.width) || !sides.contains(&size.height) {
            return Err(InvalidPicture::Size(size.width, size.height));
        }
        Ok(Self(bytes))
    }
}

impl Picture {
    /// The file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals the picture of a group, for an object that holds nothing else. It is not signed: whoever announces it says which
    /// one it is.
    pub fn seal(&self, object: &ObjectKey, rng: &mut (impl CryptoRngCore + ?Sized)) -> Vec<u8> {
        let aad = [PICTURE_AAD, object.id.as_bytes()].concat();
        wrap::seal_padded(&object.key, &self.0, sealed_len, &aad, rng)
    }

    /// Opens what [`seal`](Self::seal) gave.
    pub fn open(sealed: &[u8], object: &ObjectKey) -> Result<Self, ProfileObjectError> {
        let aad = [PICTURE_AAD, object.id.as_bytes()].concat();
        let bytes = wrap::open_padded(&object.key, sealed, sealed_len, &aad)?;
        Self::try_from(bytes.to_vec()).map_err(|_| ProfileObjectError::Contents("picture"))
    }
}

/// What a person shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileObject {
    /// Grows with each change: the time of the change in milliseconds since 1970 UTC, or the next number if that is higher.
    pub version: u64,
    /// The display name.
    pub name: Option<DisplayName>,
    /// The picture.
    pub picture: Option<Picture>,
    /// When the picture was changed last, in the same measure.
    pub picture_changed: u64,
}

mod encoded {
    //! The protobuf message inside.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Profile {
        #[prost(uint64, tag = "1")]
        pub version: u64,
        #[prost(string, optional, tag = "2")]
        pub name: Option<String>,
        #[prost(bytes = "vec", optional, tag = "3")]
        pub picture: Option<Vec<u8>>,
        #[prost(uint64, tag = "4")]
        pub picture_changed: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Signed {
        #[prost(bytes = "vec", tag = "1")]
        pub profile: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub account_key: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        pub succession_key_hash: Vec<u8>,
        /// Over the id of the object and the profile.
        #[prost(bytes = "vec", tag = "4")]
        pub signature: Vec<u8>,
    }
}

/// Why a profile object does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileObjectError {
    /// The seal does not hold.
    #[error("the profile does not open: {0}")]
    Seal(#[from] SealError),
    /// The seal holds, but the contents are not what a device writes.
    #[error("the contents of the profile are not valid: {0}")]
    Contents(&'static str),
    /// The account has not signed it.
    #[error("the profile is not signed by the account")]
    NotSigned,
}

impl From<PaddedError> for ProfileObjectError {
    fn from(error: PaddedError) -> Self {
        match error {
            PaddedError::Seal(error) => Self::Seal(error),
            PaddedError::Padding(what) => Self::Contents(what),
        }
    }
}

impl ProfileObject {
    /// Signs and seals it.
    pub fn seal(
        &self,
        object: &ObjectKey,
        (signing_key, succession_key_hash): (&AccountSigningKey, SuccessionKeyHash),
        rng: &mut (impl CryptoRngCore + ?Sized),
    ) -> Vec<u8> {
        let profile = encoded::Profile {
            version: self.version,
            name: self.name.as_ref().map(DisplayName::to_string),
            picture: self.picture.as_ref().map(|picture| picture.0.clone()),
            picture_changed: self.picture_changed,
        }
        .encode_to_vec();
        let contents = encoded::Signed {
            account_key: signing_key.public().as_bytes().to_vec(),
            succession_key_hash: succession_key_hash.as_bytes().to_vec(),
            signature: signing_key
                .sign(SIGNATURE_LABEL, &signed(object, &profile))
                .to_vec(),
            profile,
        };
        wrap::seal_padded(
            &object.key,
            &contents.encode_to_vec(),
            sealed_len,
            &aad(object),
            rng,
        )
    }

    /// Opens what an account shows. A name or a picture that could do harm is left out.
    pub fn open(sealed: &[u8], object: &ObjectKey, account: AccountId) -> Result<Self, ProfileObjectError> {
        let contents = wrap::open_padded(&object.key, sealed, sealed_len, &aad(object))?;
        let no_message = |_| ProfileObjectError::Contents("not a protobuf message");
        let contents = encoded::Signed::decode(&contents[..]).map_err(no_message)?;
        let identity =
            AccountIdentity::named_by(account, &contents.account_key, &contents.succession_key_hash)
                .map_err(|_| ProfileObjectError::NotSigned)?;
        let signature = contents.signature[..].try_into();
        let signature = signature.map_err(|_| ProfileObjectError::NotSigned)?;
        identity
            .account_key
            .verify(SIGNATURE_LABEL, &signed(object, &contents.profile), &signature)
            .map_err(|_| ProfileObjectError::NotSigned)?;
        let profile = encoded::Profile::decode(&contents.profile[..]).map_err(no_message)?;
        if profile.version > SEQ_MAX || profile.picture_changed > SEQ_MAX {
            return Err(ProfileObjectError::Contents("version"));
        }
        Ok(Self {
            version: profile.version,
            name: profile
                .name
                .and_then(|name| DisplayName::try_from(name.as_str()).ok()),
            picture: profile
                .picture
                .and_then(|picture| Picture::try_from(picture).ok()),
            picture_changed: profile.picture_changed,
        })
    }
}

/// What is signed.
fn signed(object: &ObjectKey, profile: &[u8]) -> Vec<u8> {
    [object.id.as_bytes(), profile].concat()
}

const _: () = assert!(
    PICTURE_MAX + subrosa_wire::limits::DISPLAY_NAME_MAX + 1024 <= OBJECT_MAX,
    "a profile is longer than the server takes"
);

/// The sealed length of contents that would have at least this length when sealed: one of few.
fn sealed_len(len_min: usize) -> usize {
    wrap::doubled_size(len_min, SIZE_MIN, OBJECT_MAX)
}

fn aad(object: &ObjectKey) -> Vec<u8> {
    [AAD, object.id.as_bytes()].concat()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use subrosa_test_support::SeededRng;

    use super::*;

    /// The head of a PNG file of this size.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";
        let rest = [8, 6, 0, 0, 0, 0, 0, 0, 0];
        [&head[..], &width.to_be_bytes(), &height.to_be_bytes(), &rest].concat()
    }

    fn signer(seed: u8) -> (AccountSigningKey, SuccessionKeyHash) {
        (
            AccountSigningKey::from_seed([seed; 32]),
            SuccessionKeyHash::from_bytes([9; 32]),
        )
    }

    fn account(seed: u8) -> AccountId {
        let (key, succession_key_hash) = signer(seed);
        AccountIdentity {
            account_key: key.public(),
            succession_key_hash,
        }
        .account_id()
    }

    fn seal(profile: &ProfileObject) -> Vec<u8> {
        let (key, hash) = signer(1);
        profile.seal(&object(), (&key, hash), &mut SeededRng::new(1))
    }

    fn object() -> ObjectKey {
        ObjectKey::from_bytes(&[7; ObjectKey::LEN]).unwrap()
    }

    fn profile() -> ProfileObject {
        ProfileObject {
            version: 5,
            name: Some(DisplayName::try_from("Zoë").unwrap()),
            picture: Some(Picture::try_from(png(2, 3)).unwrap()),
            picture_changed: 4,
        }
    }

    #[test]
    fn what_is_sealed_opens_and_has_one_of_few_sizes() {
        let sealed = seal(&profile());
        assert_eq!(sealed.len(), SIZE_MIN);
        assert_eq!(ProfileObject::open(&sealed, &object(), account(1)), Ok(profile()));
        let mut large = png(2, 3);
        large.resize(PICTURE_MAX, 1);
        let large = ProfileObject {
            picture: Some(Picture::try_from(large).unwrap()),
            ..profile()
        };
        let sealed = seal(&large);
        assert_eq!(sealed.len(), 64 * 1024);
        assert_eq!(ProfileObject::open(&sealed, &object(), account(1)), Ok(large));
    }

    #[test]
    fn the_contents_have_these_bytes() {
        let contents = encoded::Profile {
            version: 5,
            name: Some("Zoë".to_owned()),
            picture: Some(vec![1, 2]),
            picture_changed: 4,
        };
        assert_eq!(
            hex::encode(contents.encode_to_vec()),
            "080512045a6fc3ab1a0201022004"
        );
    }

    #[test]
    fn it_opens_only_as_this_object() {
        let sealed = seal(&profile());
        let refused = Err(ProfileObjectError::Seal(SealError::Refused));
        for byte in [0, ObjectKey::LEN - 1] {
            let mut other = object().to_bytes();
            other[byte] ^= 1;
            let other = ObjectKey::from_bytes(&other).unwrap();
            assert_eq!(ProfileObject::open(&sealed, &other, account(1)), refused);
        }
        assert!(ProfileObject::open(&sealed[1..], &object(), account(1)).is_err());
        assert!(ProfileObject::open(&[], &object(), account(1)).is_err());
        assert_eq!(ObjectKey::from_bytes(&[7; ObjectKey::LEN - 1]), None);
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        let try_from = |bytes: &[u8]| Picture::try_from(bytes.to_vec()).map(drop);
        assert_eq!(try_from(&png(1024, 1)), Ok(()));
        assert_eq!(try_from(&png(1025, 1)), Err(InvalidPicture::Size(1025, 1)));
        assert_eq!(
            try_from(&png(1, u32::MAX)),
            Err(InvalidPicture::Size(1, u32::MAX as usize))
        );
        assert_eq!(try_from(&png(0, 1)), Err(InvalidPicture::Size(0, 1)));
        assert_eq!(try_from(b"<svg onload=alert(1)>"), Err(InvalidPicture::Format));
        assert_eq!(try_from(b"GIF89a\x01\0\x01\0"), Err(InvalidPicture::Format));
        assert_eq!(try_from(&[]), Err(InvalidPicture::Format));
        assert_eq!(
            try_from(&vec![0; PICTURE_MAX + 1]),
            Err(InvalidPicture::TooLong(PICTURE_MAX + 1))
        );
        for len in 0..png(2, 3).len() {
            let _ = try_from(&png(2, 3)[..len]);
        }
    }

    /// As a hostile member can seal it, who has the key.
    fn seal_signed(
        profile: &encoded::Profile,
        signer: &AccountSigningKey,
        named: &AccountSigningKey,
    ) -> Vec<u8> {
        let profile = profile.encode_to_vec();
        let contents = encoded::Signed {
            account_key: named.public().as_bytes().to_vec(),
            succession_key_hash: vec![9; 32],
            signature: signer
                .sign(SIGNATURE_LABEL, &signed(&object(), &profile))
                .to_vec(),
            profile,
        };
        let bytes = contents.encode_to_vec();
        wrap::seal_padded(
            &object().key,
            &bytes,
            sealed_len,
            &aad(&object()),
            &mut SeededRng::new(1),
        )
    }

    #[test]
    fn whoever_has_the_key_cannot_show_something_for_somebody_else() {
        let profile = encoded::Profile {
            version: 5,
            name: Some("Alice".to_owned()),
            ..encoded::Profile::default()
        };
        let ((alice, _), (mallory, _)) = (signer(1), signer(2));
        let open =
            |sealed: &[u8]| ProfileObject::open(sealed, &object(), account(1)).map(|opened| opened.version);
        assert_eq!(open(&seal_signed(&profile, &alice, &alice)), Ok(5));
        for (signer, named) in [(&mallory, &alice), (&mallory, &mallory), (&alice, &mallory)] {
            assert_eq!(
                open(&seal_signed(&profile, signer, named)),
                Err(ProfileObjectError::NotSigned)
            );
        }
        let far = encoded::Profile {
            version: u64::MAX,
            ..profile
        };
        let refused = open(&seal_signed(&far, &alice, &alice));
        assert_eq!(refused, Err(ProfileObjectError::Contents("version")));
    }

    #[test]
    fn a_name_or_picture_that_could_do_harm_is_left_out() {
        let profile = encoded::Profile {
            version: 5,
            name: Some("\u{202e}eoZ".to_owned()),
            picture: Some(b"<svg/>".to_vec()),
            picture_changed: 4,
        };
        let (alice, _) = signer(1);
        let sealed = seal_signed(&profile, &alice, &alice);
        let opened = ProfileObject::open(&sealed, &object(), account(1)).unwrap();
        assert_eq!((opened.name, opened.picture), (None, None));
    }
}
