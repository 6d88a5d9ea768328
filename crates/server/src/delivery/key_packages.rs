//! `PublishKeyPackages`, `ClaimKeyPackages` and `ClaimForMany`.

use std::{collections::HashSet, num::NonZeroU32};

use bytes::Bytes;
use prost::Message as _;
use subrosa_mls::{key_package_id, verify_uploaded_key_package};
use subrosa_wire::{
    AccountId, ProblemCode, Timestamp,
    frames::{
        ClaimForMany, ClaimKeyPackages, DeviceKeyPackage, KeyPackages, KeyPackagesLow, KeyPackagesOfMany,
        KeyPackagesOfOne, KeyPackagesPublished, Problem, PublishKeyPackages, notice,
    },
    limits,
};

use super::{
    Service, problems,
    requests::{account_id, bounded, device_bytes, id_bytes, malformed},
};
use crate::{
    limits::CLAIMED_BYTES_MAX,
    session::Session,
    store::{
        accounts::DeviceRecord,
        delivery::{KeyPackagePublication, NewKeyPackage},
    },
};

impl Service {
    /// Keeps key packages of the asking device, after checking that they are its own, and drops those that it
    /// withdraws.
    pub(super) async fn publish_key_packages(
        &self,
        session: &Session,
        publish: PublishKeyPackages,
    ) -> Result<KeyPackagesPublished, Problem> {
        let PublishKeyPackages {
            one_time,
            last_resort,
            withdrawn,
        } = publish;
        let withdrawn = withdrawn
            .iter()
            .map(|hash| <[u8; 32]>::try_from(hash.as_ref()))
            .collect::<Result<_, _>>()
            .map_err(|_| malformed("a hash of a key package has 32 bytes"))?;
        let last_resort = (!last_resort.is_empty()).then_some(last_resort);
        for key_package in one_time.iter().chain(&last_resort) {
            bounded("key package", key_package, limits::KEY_PACKAGE_MAX)?;
        }
        let (session, now) = (*session, self.clock.now());
        let publication = self
            .validation
            .run(move || {
                let verify = |key_package| verify(&session, key_package, now);
                let one_time = one_time.into_iter().map(verify).collect::<Result<_, _>>()?;
                let last_resort = last_resort.map(verify).transpose()?;
                Ok::<_, Problem>(KeyPackagePublication {
                    withdrawn,
                    one_time,
                    last_resort,
                    one_time_max: limits::KEY_PACKAGES_MAX,
                })
            })
            .await??;
        let key_packages_left = self
            .store
            .publish_key_packages(session.device_id, publication)
            .await??;
        Ok(KeyPackagesPublished { key_packages_left })
    }

    /// Takes one key package of each of the account's devices, other than the asking one. Devices that have
    /// none are left out: they join by themselves.
    pub(super) async fn claim_key_packages(
        &self,
        session: &Session,
        claim: &ClaimKeyPackages,
    ) -> Result<KeyPackages, Problem> {
        let account_id = account_id(&claim.account_id)?;
        self.claims.check(session.account_id)?;
        match self.claim_of(session, account_id).await? {
            None => Err(Problem::new(ProblemCode::UnknownAccount, "")),
            Some(claimed) if claimed.devices.is_empty() && account_id != session.account_id => {
                Err(Problem::new(ProblemCode::NoKeyPackages, ""))
            }
            Some(claimed) => Ok(claimed),
        }
    }

    /// The same for several accounts, as many of them as an answer has room for.
    pub(super) async fn claim_for_many(
        &self,
        session: &Session,
        claim: &ClaimForMany,
    ) -> Result<KeyPackagesOfMany, Problem> {
        let account_ids: Vec<_> = claim
            .account_ids
            .iter()
            .map(account_id)
            .collect::<Result<_, _>>()?;
        let distinct: HashSet<_> = account_ids.iter().collect();
        if distinct.len() < account_ids.len() {
            return Err(malformed("an account is named twice"));
        }
        let Some(count) = u32::try_from(account_ids.len()).ok().and_then(NonZeroU32::new) else {
            return Err(malformed("no account is named"));
        };
        self.claims.check_many(session.account_id, count)?;
        let mut accounts = Vec::with_capacity(account_ids.len());
        let mut bytes_left = CLAIMED_BYTES_MAX;
        for account_id in account_ids {
            let claimed = self.claim_of(session, account_id).await?.unwrap_or_default();
            bytes_left = bytes_left.saturating_sub(claimed.encoded_len());
            accounts.push(KeyPackagesOfOne {
                account_id: id_bytes(account_id.as_bytes()),
                key_packages: Some(claimed),
            });
            if bytes_left == 0 {
                break;
            }
        }
        Ok(KeyPackagesOfMany { accounts })
    }

    /// `None` if there is no such account.
    async fn claim_of(
        &self,
        session: &Session,
        account_id: AccountId,
    ) -> Result<Option<KeyPackages>, Problem> {
        let Some(account) = self.store.account(account_id).await? else {
            return Ok(None);
        };
        let wanted = self
            .store
            .devices(account_id)
            .await?
            .into_iter()
            .filter_map(|device: DeviceRecord| {
                let is_wanted = device.signed_out_at.is_none() && device.device_id != session.device_id;
                is_wanted.then_some(device.device_id)
            });
        let wanted = wanted.collect();
        // So that nobody uses up what an account has published, whoever they say they are.
        let claimed = if account_id == session.account_id || self.one_time_claims.check(account_id).is_ok() {
            self.store.claim_key_packages(wanted).await?
        } else {
            self.store.last_resort_key_packages(wanted).await?
        };
        metrics::counter!("subrosa_key_packages_claimed_total").increment(claimed.len() as u64);
        for package in &claimed {
            if package.one_time_left < limits::KEY_PACKAGES_LOW {
                let low = KeyPackagesLow {
                    key_packages_left: package.one_time_left,
                };
                self.fanout
                    .notice(package.device_id, notice::Kind::KeyPackagesLow(low));
            }
        }
        let devices = claimed.into_iter().map(|package| DeviceKeyPackage {
            device_id: device_bytes(package.device_id),
            key_package: package.key_package,
        });
        Ok(Some(KeyPackages {
            devices: devices.collect(),
            account: Some(super::directory::to_frame(&account)),
        }))
    }
}

fn verify(session: &Session, key_package: Bytes, now: Timestamp) -> Result<NewKeyPackage, Problem> {
    verify_uploaded_key_package(&key_package, session.account_id, session.device_id, now)
        .map_err(|error| problems::invalid_key_package(&error))?;
    Ok(NewKeyPackage {
        hash: key_package_id(&key_package),
        key_package,
    })
}
