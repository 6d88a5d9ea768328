//! Encoding and strict decoding of MIMI content.

use super::{
    MessageId,
    cbor::{CborError, Reader, Writer},
    limits,
    model::{
        Body, Disposition, Expires, ExtensionName, ExtensionValue, External, MimiContent, NestedPart,
        PartSemantics, SALT_LEN,
    },
};

const CARDINALITY_NULL: u64 = 0;
const CARDINALITY_SINGLE: u64 = 1;
const CARDINALITY_EXTERNAL: u64 = 2;
const CARDINALITY_MULTI: u64 = 3;

/// Why bytes are not MIMI content that we accept, or a content cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not deterministic CBOR, or not of the right shape.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// An array has the wrong number of elements.
    #[error("{what} has {found} elements")]
    Elements {
        /// Which array.
        what: &'static str,
        /// How many elements it has.
        found: usize,
    },
    /// A salt or a message id has the wrong length.
    #[error("{0} has the wrong length")]
    Length(&'static str),
    /// A number that the draft does not define.
    #[error("{what} {value} is not known")]
    Unknown {
        /// The meaning of the number.
        what: &'static str,
        /// The number.
        value: u64,
    },
    /// A number, a length or a depth exceeds its bound.
    #[error("{0} is over its bound")]
    OverBound(&'static str),
    /// A URI is longer than a message id can cover.
    #[error("a URI has {0} bytes, more than a message id covers")]
    UriTooLong(usize),
    /// The content names another sender or room than the one that MLS authenticated.
    #[error("the content belongs to another sender or conversation")]
    ForeignOrigin,
}

impl MimiContent {
    /// The deterministic encoding. Refuses a content that [`decode`](Self::decode) would refuse.
    pub fn encode(&self) -> Result<Vec<u8>, ContentError> {
        let mut writer = Writer::default();
        writer.array(7);
        writer.bytes(&self.salt);
        write_message_id(&mut writer, self.replaces);
        writer.bytes(bounded("topic id", &self.topic_id, limits::TOPIC_ID_MAX)?);
        match self.expires {
            None => writer.null(),
            Some(expires) => {
                let (relative, seconds) = match expires {
                    Expires::Relative(seconds) => (true, seconds),
                    Expires::Absolute(seconds) => (false, seconds),
                };
                writer.array(2);
                writer.boolean(relative);
                writer.unsigned(seconds.into());
            }
        }
        write_message_id(&mut writer, self.in_reply_to);
        if self.extensions.len() > limits::EXTENSIONS_MAX {
            return Err(ContentError::OverBound("number of extensions"));
        }
        writer.map(self.extensions.len());
        for (name, value) in &self.extensions {
            if let ExtensionName::Text(text) = name {
                check_extension_name(text)?;
            }
            writer.raw(&name.encode());
            writer.raw(bounded(
                "extension value",
                value.as_cbor(),
                limits::EXTENSION_VALUE_MAX,
            )?);
        }
        write_part(&mut writer, &self.nested_part, limits::PART_DEPTH_MAX)?;
        let encoded = writer.finish();
        if encoded.len() > limits::CONTENT_MAX {
            Err(ContentError::OverBound("content"))
        } else {
            Ok(encoded)
        }
    }

    /// Decodes a content. Only the bytes that [`encode`](Self::encode) returns for a content decode to it.
    pub fn decode(encoded: &[u8]) -> Result<Self, ContentError> {
        if encoded.len() > limits::CONTENT_MAX {
            return Err(ContentError::OverBound("content"));
        }
        let mut reader = Reader::new(encoded);
        expect_elements("content", reader.array("elements of the content", 7)?, 7)?;
        let salt = reader
            .bytes("salt", SALT_LEN)?
            .try_into()
            .map_err(|_| ContentError::Length("salt"))?;
        let replaces = read_message_id(&mut reader)?;
        let topic_id = reader.bytes("topic id", limits::TOPIC_ID_MAX)?.to_vec();
        let expires = if reader.null() {
            None
        } else {
            expect_elements("expiry", reader.array("elements of the expiry", 2)?, 2)?;
            let relative = reader.boolean()?;
            let seconds = reader.small("seconds until expiry")?;
            Some(if relative {
                Expires::Relative(seconds)
            } else {
                Expires::Absolute(seconds)
            })
        };
        let in_reply_to = read_message_id(&mut reader)?;
        let mut extensions = std::collections::BTreeMap::new();
        reader.entries::<ContentError>(
            "number of extensions",
            limits::EXTENSIONS_MAX,
            limits::EXTENSION_DEPTH_MAX,
            |name, value| {
                let value = bounded("extension value", value, limits::EXTENSION_VALUE_MAX)?;
                extensions.insert(read_extension_name(name)?, ExtensionValue(value.to_vec()));
                Ok(())
            },
        )?;
        let nested_part = read_part(&mut reader, limits::PART_DEPTH_MAX)?;
        reader.finish()?;
        Ok(Self {
            salt,
            replaces,
            topic_id,
            expires,
            in_reply_to,
            extensions,
            nested_part,
        })
    }
}

fn expect_elements(what: &'static str, found: usize, expected: usize) -> Result<(), ContentError> {
    if found == expected {
        Ok(())
    } else {
        Err(ContentError::Elements { what, found })
    }
}

fn bounded<'a, T: AsRef<[u8]> + ?Sized>(
    what: &'static str,
    value: &'a T,
    max: usize,
) -> Result<&'a T, ContentError> {
    if value.as_ref().len() > max {
        Err(ContentError::OverBound(what))
    } else {
        Ok(value)
    }
}

fn check_extension_name(name: &str) -> Result<(), ContentError> {
    if (1..=limits::EXTENSION_NAME_MAX).contains(&name.len()) {
        Ok(())
    } else {
        Err(ContentError::Length("extension name"))
    }
}

fn read_extension_name(item: &[u8]) -> Result<ExtensionName, ContentError> {
    let mut reader = Reader::new(item);
    if reader.is_text() {
        let name = reader.text("extension name", limits::EXTENSION_NAME_MAX)?;
        check_extension_name(name)?;
        Ok(ExtensionName::Text(name.to_owned()))
    } else {
        Ok(ExtensionName::Number(reader.signed("extension number")?))
    }
}

fn write_message_id(writer: &mut Writer, id: Option<MessageId>) {
    match id {
        None => writer.null(),
        Some(id) => writer.bytes(id.as_bytes()),
    }
}

fn read_message_id(reader: &mut Reader<'_>) -> Result<Option<MessageId>, ContentError> {
    if reader.null() {
        return Ok(None);
    }
    let bytes = reader.bytes("message id", super::message_id::MESSAGE_ID_LEN)?;
    MessageId::try_from(bytes)
        .map(Some)
        .map_err(|_| ContentError::Length("message id"))
}

fn write_part(writer: &mut Writer, part: &NestedPart, depth: usize) -> Result<(), ContentError> {
    let depth = depth
        .checked_sub(1)
        .ok_or(ContentError::OverBound("nesting of parts"))?;
    let (elements, cardinality) = match part.body {
        Body::Null => (3, CARDINALITY_NULL),
        Body::Single { .. } => (5, CARDINALITY_SINGLE),
        Body::External(_) => (15, CARDINALITY_EXTERNAL),
        Body::Multi { .. } => (5, CARDINALITY_MULTI),
    };
    writer.array(elements);
    writer.unsigned(part.disposition.0.into());
    writer.text(bounded(
        "language",
        part.language.as_str(),
        limits::SHORT_FIELD_MAX,
    )?);
    writer.unsigned(cardinality);
    match &part.body {
        Body::Null => {}
        Body::Single {
            content_type,
            content,
        } => {
            writer.text(bounded(
                "content type",
                content_type.as_str(),
                limits::SHORT_FIELD_MAX,
            )?);
            writer.bytes(content);
        }
        Body::External(external) => write_external(writer, external)?,
        Body::Multi { semantics, parts } => {
            writer.unsigned(semantics_number(*semantics));
            check_parts(parts.len())?;
            writer.array(parts.len());
            for part in parts {
                write_part(writer, part, depth)?;
            }
        }
    }
    Ok(())
}

fn read_part(reader: &mut Reader<'_>, depth: usize) -> Result<NestedPart, ContentError> {
    let depth = depth
        .checked_sub(1)
        .ok_or(ContentError::OverBound("nesting of parts"))?;
    let elements = reader.array("elements of a part", 15)?;
    let disposition = Disposition(reader.small("disposition")?);
    let language = reader.text("language", limits::SHORT_FIELD_MAX)?.to_owned();
    let body = match reader.unsigned()? {
        CARDINALITY_NULL => {
            expect_elements("null part", elements, 3)?;
            Body::Null
        }
        CARDINALITY_SINGLE => {
            expect_elements("single part", elements, 5)?;
            Body::Single {
                content_type: reader.text("content type", limits::SHORT_FIELD_MAX)?.to_owned(),
                content: reader.bytes("content", limits::CONTENT_MAX)?.to_vec(),
            }
        }
        CARDINALITY_EXTERNAL => {
            expect_elements("external part", elements, 15)?;
            Body::External(Box::new(read_external(reader)?))
        }
        CARDINALITY_MULTI => {
            expect_elements("multi part", elements, 5)?;
            let semantics = match reader.unsigned()? {
                0 => PartSemantics::ChooseOne,
                1 => PartSemantics::SingleUnit,
                2 => PartSemantics::ProcessAll,
                value => {
                    return Err(ContentError::Unknown {
                        what: "part semantics",
                        value,
                    });
                }
            };
            let len = reader.array("number of parts", limits::PARTS_MAX)?;
            check_parts(len)?;
            let parts = (0..len)
                .map(|_| read_part(reader, depth))
                .collect::<Result<_, _>>()?;
            Body::Multi { semantics, parts }
        }
        value => {
            return Err(ContentError::Unknown {
                what: "cardinality",
                value,
            });
        }
    };
    Ok(NestedPart {
        disposition,
        language,
        body,
    })
}

fn semantics_number(semantics: PartSemantics) -> u64 {
    match semantics {
        PartSemantics::ChooseOne => 0,
        PartSemantics::SingleUnit => 1,
        PartSemantics::ProcessAll => 2,
    }
}

fn check_parts(len: usize) -> Result<(), ContentError> {
    match len {
        0 | 1 => Err(ContentError::Elements {
            what: "list of parts",
            found: len,
        }),
        2..=limits::PARTS_MAX => Ok(()),
        _ => Err(ContentError::OverBound("number of parts")),
    }
}

fn write_external(writer: &mut Writer, external: &External) -> Result<(), ContentError> {
    writer.text(bounded(
        "content type",
        external.content_type.as_str(),
        limits::SHORT_FIELD_MAX,
    )?);
    writer.text(bounded("url", external.url.as_str(), limits::LONG_FIELD_MAX)?);
    writer.unsigned(external.expires.into());
    writer.unsigned(external.size);
    writer.unsigned(external.enc_alg.into());
    writer.bytes(bounded("key", &external.key, limits::SHORT_FIELD_MAX)?);
    writer.bytes(bounded("nonce", &external.nonce, limits::SHORT_FIELD_MAX)?);
    writer.bytes(bounded(
        "additional data",
        &external.aad,
        limits::SHORT_FIELD_MAX,
    )?);
    writer.unsigned(external.hash_alg.into());
    writer.bytes(bounded(
        "content hash",
        &external.content_hash,
        limits::SHORT_FIELD_MAX,
    )?);
    writer.text(bounded(
        "description",
        external.description.as_str(),
        limits::LONG_FIELD_MAX,
    )?);
    writer.text(bounded(
        "file name",
        external.filename.as_str(),
        limits::SHORT_FIELD_MAX,
    )?);
    Ok(())
}

fn read_external(reader: &mut Reader<'_>) -> Result<External, ContentError> {
    Ok(External {
        content_type: reader.text("content type", limits::SHORT_FIELD_MAX)?.to_owned(),
        url: reader.text("url", limits::LONG_FIELD_MAX)?.to_owned(),
        expires: reader.small("expiry of an external part")?,
        size: reader.unsigned()?,
        enc_alg: reader.small("AEAD algorithm")?,
        key: reader.bytes("key", limits::SHORT_FIELD_MAX)?.to_vec(),
        nonce: reader.bytes("nonce", limits::SHORT_FIELD_MAX)?.to_vec(),
        aad: reader.bytes("additional data", limits::SHORT_FIELD_MAX)?.to_vec(),
        hash_alg: reader.small("hash algorithm")?,
        content_hash: reader.bytes("content hash", limits::SHORT_FIELD_MAX)?.to_vec(),
        description: reader.text("description", limits::LONG_FIELD_MAX)?.to_owned(),
        filename: reader.text("file name", limits::SHORT_FIELD_MAX)?.to_owned(),
    })
}
