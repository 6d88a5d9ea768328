//! What a device shows to become one of an account.

use subrosa_mls::DeviceCertificate;
use subrosa_wire::{
    AccountId, Timestamp,
    rest::{Enrolment, signing_labels},
};

use super::AccountError;

/// Checks that this account certifies the device, now, and that the device holds its key.
pub(super) fn verify_enrolment(
    enrolment: &Enrolment,
    account_id: AccountId,
    now: Timestamp,
) -> Result<DeviceCertificate, AccountError> {
    let certificate = DeviceCertificate::decode(&enrolment.certificate.0)
        .and_then(|certificate| certificate.verify(now))
        .map_err(|error| AccountError::BadCertificate(error.to_string()))?;
    if certificate.account_id() != account_id {
        return Err(AccountError::BadCertificate(
            "the certificate is for another account".to_owned(),
        ));
    }
    let signature = super::fields::signature("device.signature", &enrolment.signature)?;
    certificate
        .device_key()
        .verify(signing_labels::ENROLMENT, &enrolment.certificate.0, &signature)
        .map_err(|_| {
            AccountError::BadCertificate("the device key did not sign the certificate".to_owned())
        })?;
    Ok(certificate)
}
