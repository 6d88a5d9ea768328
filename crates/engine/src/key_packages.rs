//! The key packages of this device: what the server has of them, by which others add it while it is away, and what
//! becomes of them here.
//!
//! The server says which it has, but not how many are made: that is bounded here. A one-time key package goes with the
//! Welcome that uses it, or with age. The one of last resort is replaced after each use and monthly; the old one can be
//! used a little longer, since somebody may just have fetched it.

use std::collections::BTreeSet;

use subrosa_mls::{JoinError, StagedJoin, key_package_id};
use subrosa_wire::{
    ConversationId, ProblemCode, Timestamp,
    frames::{Problem, PublishKeyPackages, SyncState, WelcomeItem, client_frame::Request},
    limits::{
        KEY_PACKAGES_LOW, KEY_PACKAGES_MAX, KEY_PACKAGES_PER_REQUEST_MAX, KEY_PACKAGES_TARGET,
        KEY_PACKAGES_WITHDRAWN_MAX,
    },
};

use crate::{
    context::{Context, StepResult},
    limits::{
        KEY_PACKAGE_AGE_MAX, KEY_PACKAGE_OFFER_AGE_MAX, LAST_RESORT_AGE_MAX, LAST_RESORT_KEPT,
        LAST_RESORTS_MAX, ONE_TIME_KEY_PACKAGES_MAX,
    },
    requests::PendingRequest,
    store::key_packages::{self, Hash, NewKeyPackage},
};

/// What the server has, and what it should not have.
struct Stock {
    one_time: usize,
    has_last_resort: bool,
    withdrawn: Vec<Hash>,
}

/// Compares what the server has with what this device can open, and replaces what is missing.
pub(crate) fn compare(cx: &mut Context<'_>, state: &SyncState) -> StepResult {
    delete_outdated(cx)?;
    let stock = match &state.key_packages {
        Some(stock) => {
            let hashes = stock.hashes.iter().take(KEY_PACKAGES_MAX as usize + 1);
            stock_of(
                cx,
                &hashes.filter_map(|hash| Hash::try_from(&hash[..]).ok()).collect(),
            )?
        }
        None => Stock {
            one_time: state.key_packages_left as usize,
            has_last_resort: state.has_last_resort_key_package,
            withdrawn: Vec::new(),
        },
    };
    publish(cx, &stock)
}

/// Publishes more key packages because the server says that it has few left.
pub(crate) fn few_left(cx: &mut Context<'_>, left: u32) -> StepResult {
    publish(
        cx,
        &Stock {
            one_time: left as usize,
            has_last_resort: true,
            withdrawn: Vec::new(),
        },
    )
}

/// Replaces the key package of last resort if it was used.
pub(crate) fn replace_used(cx: &mut Context<'_>) -> StepResult {
    few_left(cx, u32::MAX)
}

/// Notes that the server has stored what was published.
pub(crate) fn published(cx: &Context<'_>) -> StepResult {
    Ok(key_packages::set_published(cx.conn, None)?)
}

/// Handles the refusal of a publication. If key packages are not valid to the server, they are made anew, for they may
/// carry a certificate that has expired since.
pub(crate) fn publication_refused(cx: &mut Context<'_>, problem: &Problem) -> StepResult {
    if problem.known_code() == Some(ProblemCode::InvalidKeyPackage) {
        for reference in key_packages::unpublished_references(cx.conn)? {
            delete(cx, &reference)?;
        }
        key_packages::set_last_resort_due(cx.conn)?;
    }
    Ok(())
}

/// Opens a Welcome. Also returns whether it was made with a key package of last resort.
pub(crate) fn open_welcome(
    cx: &mut Context<'_>,
    id: ConversationId,
    item: &WelcomeItem,
) -> StepResult<Result<(StagedJoin, bool), JoinError>> {
    let key = match cx.mls().welcome_key(&item.welcome) {
        Ok(Some(key)) => key,
        Ok(None) => return Ok(Err(JoinError::NoKeyPackage)),
        Err(error) => return Ok(Err(error)),
    };
    let device = cx.device;
    let staged = cx
        .mls()
        .stage_welcome(device, &item.welcome, &item.ratchet_tree, id);
    if key.is_last_resort && staged.is_ok() {
        key_packages::set_used(cx.conn, &key.reference)?;
    }
    if !cx.mls().has_key_package(&key.reference)? {
        key_packages::delete(cx.conn, &key.reference)?;
    }
    Ok(staged.map(|staged| (staged, key.is_last_resort)))
}

fn stock_of(cx: &Context<'_>, at_server: &BTreeSet<Hash>) -> StepResult<Stock> {
    let mut withdrawn = at_server.clone();
    let mut one_time = 0;
    for hash in key_packages::one_time(cx.conn, offered_after(cx))? {
        if withdrawn.remove(&hash) {
            key_packages::set_published(cx.conn, Some(&hash))?;
            one_time += 1;
        }
    }
    for hash in key_packages::last_resorts(cx.conn)? {
        // An older one is replaced, not withdrawn: until then, it is better than none.
        withdrawn.remove(&hash);
    }
    let newest = key_packages::last_resort(cx.conn, Timestamp::default())?;
    let newest = newest.filter(|newest| at_server.contains(&newest.hash));
    if let Some(newest) = &newest {
        key_packages::set_replaced_by(cx.conn, newest, cx.now)?;
    }
    Ok(Stock {
        one_time,
        has_last_resort: newest.is_some(),
        withdrawn: withdrawn.into_iter().take(KEY_PACKAGES_WITHDRAWN_MAX).collect(),
    })
}

/// Publishes what the server lacks, within the bounds of this device.
fn publish(cx: &mut Context<'_>, stock: &Stock) -> StepResult {
    if cx.requests.is_pending(PendingRequest::PublishKeyPackages) {
        return Ok(());
    }
    let newest = key_packages::last_resort(cx.conn, cx.now.minus(LAST_RESORT_AGE_MAX))?;
    let is_last_resort_due = newest.as_ref().is_some_and(|newest| newest.is_due);
    let lacks_last_resort = is_last_resort_due || !stock.has_last_resort;
    let low = KEY_PACKAGES_LOW as usize;
    if (stock.one_time >= low && !lacks_last_resort && stock.withdrawn.is_empty())
        || !cx.connection.may_publish(cx.now)
    {
        return Ok(());
    }
    let one_time = one_time(cx, stock.one_time)?;
    let last_resort = match newest {
        _ if !lacks_last_resort => Vec::new(),
        Some(newest) if !is_last_resort_due => newest.key_package,
        newest => match make_last_resort(cx)? {
            Some(made) => made,
            // There are too many already.
            None => newest.map(|newest| newest.key_package).unwrap_or_default(),
        },
    };
    cx.request(
        PendingRequest::PublishKeyPackages,
        Request::PublishKeyPackages(PublishKeyPackages {
            one_time: one_time.into_iter().map(Into::into).collect(),
            last_resort: last_resort.into(),
            withdrawn: stock.withdrawn.iter().map(|hash| hash.to_vec().into()).collect(),
        }),
    );
    Ok(())
}

/// One-time key packages that fill up the server's stock: first those that were made before, but may never have reached
/// it.
fn one_time(cx: &mut Context<'_>, at_server: usize) -> StepResult<Vec<Vec<u8>>> {
    let missing = (KEY_PACKAGES_TARGET as usize).saturating_sub(at_server);
    let mut packages = key_packages::unpublished(cx.conn, offered_after(cx))?;
    packages.truncate(missing.min(KEY_PACKAGES_PER_REQUEST_MAX));
    let room = ONE_TIME_KEY_PACKAGES_MAX.saturating_sub(key_packages::count(cx.conn, false)?);
    let device = cx.device;
    let made = cx
        .mls()
        .key_packages(device, missing.saturating_sub(packages.len()).min(room))?;
    for package in made {
        insert(cx, &package, false)?;
        packages.push(package);
    }
    Ok(packages)
}

/// Makes a key package of last resort, unless there are too many of them.
fn make_last_resort(cx: &mut Context<'_>) -> StepResult<Option<Vec<u8>>> {
    if key_packages::count(cx.conn, true)? >= LAST_RESORTS_MAX {
        return Ok(None);
    }
    let device = cx.device;
    let package = cx.mls().last_resort_key_package(device)?;
    insert(cx, &package, true)?;
    Ok(Some(package))
}

fn insert(cx: &mut Context<'_>, key_package: &[u8], is_last_resort: bool) -> StepResult {
    let reference = cx.mls().key_package_reference(key_package)?;
    let new = NewKeyPackage {
        reference: &reference,
        hash: key_package_id(key_package),
        is_last_resort,
        key_package,
    };
    Ok(key_packages::insert(cx.conn, &new, cx.now)?)
}

/// Deletes what is too old to be used any more.
fn delete_outdated(cx: &mut Context<'_>) -> StepResult {
    key_packages::correct_instants(cx.conn, cx.now)?;
    let mut outdated = key_packages::made_before(cx.conn, cx.now.minus(KEY_PACKAGE_AGE_MAX))?;
    outdated.extend(key_packages::replaced_before(
        cx.conn,
        cx.now.minus(LAST_RESORT_KEPT),
    )?);
    for reference in outdated {
        delete(cx, &reference)?;
    }
    Ok(())
}

fn delete(cx: &mut Context<'_>, reference: &[u8]) -> StepResult {
    cx.mls().delete_key_package(reference)?;
    Ok(key_packages::delete(cx.conn, reference)?)
}

/// The server may give out one-time key packages that were made after this.
fn offered_after(cx: &Context<'_>) -> Timestamp {
    cx.now.minus(KEY_PACKAGE_OFFER_AGE_MAX)
}
