//! Edits of honest bytes. A fuzzer that starts from nothing never guesses a signature, so it would test the
//! first check only; one that spoils what is valid reaches the later ones.

/// Bytes of one edit: what to do, where (two bytes), with what.
const EDIT_LEN: usize = 4;

/// `honest`, spoilt as `edits` says; the same input gives the same output. No edits leave it as it is.
pub fn edited(honest: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    let (edits, rest) = edits.as_chunks::<EDIT_LEN>();
    for [deed, high, low, value] in edits {
        let place = usize::from(u16::from_be_bytes([*high, *low])) % (bytes.len() + 1);
        match deed % 6 {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, *value),
            2 if place < bytes.len() => drop(bytes.remove(place)),
            // A piece of the message a second time, as a replayed field would be.
            3 => {
                let end = (place + usize::from(*value)).min(bytes.len());
                bytes.extend_from_within(place..end);
            }
            4 if place < bytes.len() => bytes[place] = *value,
            _ if place < bytes.len() => bytes[place] ^= value,
            _ => {}
        }
    }
    bytes.extend_from_slice(rest);
    bytes
}
