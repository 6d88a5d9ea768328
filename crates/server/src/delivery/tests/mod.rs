//! The rules of delivery, as a device sees them.
