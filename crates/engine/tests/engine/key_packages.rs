//! The life of key packages: how many there are, when they go, and what becomes of what the server lost.

use std::{collections::BTreeSet, time::Duration};

use subrosa_engine::{Input, Warning};
use subrosa_mls::key_package_id;
use subrosa_wire::{
    ProblemCode,
    frames::{
        Deliver, KeyPackageStock, KeyPackagesPublished, Problem, PublishKeyPackages, SyncState, WelcomeItem,
        WelcomesWaiting, client_frame::Request, server_frame::Body,
    },
    limits::KEY_PACKAGES_TARGET,
};

use crate::{
    changed_keys::{answer, connect, welcome_with},
    device::Device,
};

const DAY: Duration = Duration::from_hours(24);

/// What an honest server has of a device.
#[derive(Default)]
pub(crate) struct Stock {
    pub one_time: Vec<Vec<u8>>,
    pub last_resort: Option<Vec<u8>>,
}

impl Stock {
    pub(crate) fn tell(&self, state: &mut SyncState) {
        let hashes = self.one_time.iter().chain(&self.last_resort);
        state.key_packages_left = u32::try_from(self.one_time.len()).unwrap();
        state.has_last_resort_key_package = self.last_resort.is_some();
        state.key_packages = Some(KeyPackageStock {
            hashes: hashes
                .map(|package| key_package_id(package).to_vec().into())
                .collect(),
        });
    }

    fn take(&mut self, publish: &PublishKeyPackages) {
        let is_kept = |package: &Vec<u8>| {
            let hash = key_package_id(package);
            !publish.withdrawn.iter().any(|withdrawn| withdrawn[..] == hash)
        };
        self.one_time.retain(is_kept);
        self.last_resort = self.last_resort.take().filter(is_kept);
        self.one_time
            .extend(publish.one_time.iter().map(|package| package.to_vec()));
        if !publish.last_resort.is_empty() {
            self.last_resort = Some(publish.last_resort.to_vec());
        }
    }
}

/// The publications among what the device asks; the rest is forgotten.
fn publications(device: &mut Device) -> Vec<(u64, PublishKeyPackages)> {
    let asked = std::mem::take(&mut device.asked);
    asked
        .into_iter()
        .filter_map(|frame| match frame.request {
            Some(Request::PublishKeyPackages(publish)) => Some((frame.request_id, publish)),
            _ => None,
        })
        .collect()
}

/// Connects to an honest server, which takes what is published. Returns that.
pub(crate) fn visit(device: &mut Device, stock: &mut Stock) -> Option<PublishKeyPackages> {
    device.asked.clear();
    connect(device, |state| stock.tell(state));
    take_publication(device, stock)
}

fn take_publication(device: &mut Device, stock: &mut Stock) -> Option<PublishKeyPackages> {
    let (request_id, publish) = publications(device).pop()?;
    stock.take(&publish);
    answer(
        device,
        request_id,
        Body::KeyPackagesPublished(KeyPackagesPublished {
            key_packages_left: u32::try_from(stock.one_time.len()).unwrap(),
        }),
    );
    Some(publish)
}

fn push_welcome(device: &mut Device, welcome: WelcomeItem) {
    device.push(Body::WelcomesWaiting(WelcomesWaiting {
        welcomes: vec![welcome],
    }));
}

/// Whether a Welcome that is made with this key package lets the device in.
fn opens(device: &mut Device, key_package: &[u8]) -> bool {
    let before = device.engine.conversations().unwrap().len();
    push_welcome_made_with(device, key_package);
    device.engine.conversations().unwrap().len() > before
}

pub(crate) fn push_welcome_made_with(device: &mut Device, key_package: &[u8]) {
    // A stranger each time: with one that is known, the conversation would be known, too.
    let stranger = 100 + u64::try_from(device.engine.conversations().unwrap().len()).unwrap();
    let (welcome, first) = welcome_with(device, key_package.to_vec(), stranger);
    push_welcome(device, welcome);
    device.push(Body::Deliver(Deliver { entries: vec![first] }));
}

// Each time that the server said so, fifty more were made, and none ever went.
#[test]
fn however_often_the_server_says_it_has_none_the_device_has_at_most_two_hundred() {
    let mut device = Device::new(1);
    let (mut one_time, mut last_resorts) = (BTreeSet::new(), BTreeSet::new());
    for visits in 0..100 {
        connect(&mut device, |state| {
            if visits % 2 == 0 {
                Stock::default().tell(state);
            } else {
                // A server that does not name them.
                (state.key_packages_left, state.has_last_resort_key_package) = (0, false);
            }
        });
        for (request_id, publish) in publications(&mut device) {
            one_time.extend(publish.one_time);
            last_resorts.insert(publish.last_resort);
            answer(
                &mut device,
                request_id,
                Body::KeyPackagesPublished(KeyPackagesPublished { key_packages_left: 0 }),
            );
        }
        device.now = device.now.plus(Duration::from_mins(5));
    }
    assert_eq!(one_time.len(), 200);
    assert_eq!(last_resorts.len(), 1);
}

#[test]
fn what_the_server_has_but_the_device_cannot_open_is_withdrawn_and_replaced() {
    let mut stock = Stock::default();
    visit(&mut Device::new(1), &mut stock).unwrap();
    assert_eq!(stock.one_time.len(), KEY_PACKAGES_TARGET as usize);
    // The same device from an older copy of its profile.
    let mut device = Device::new(1);
    let publish = visit(&mut device, &mut stock).unwrap();
    assert_eq!(publish.withdrawn.len(), KEY_PACKAGES_TARGET as usize + 1);
    assert_eq!(stock.one_time.len(), KEY_PACKAGES_TARGET as usize);
    let (one_time, last_resort) = (stock.one_time[0].clone(), stock.last_resort.clone().unwrap());
    assert!(opens(&mut device, &one_time) && opens(&mut device, &last_resort));
    stock.one_time.remove(0);
    let publish = visit(&mut device, &mut stock).unwrap();
    assert!(!publish.last_resort.is_empty(), "the other one was used");
    assert_eq!(publish.withdrawn.len(), 0);
}

// Those of a publication that was lost were kept here, and fifty others were made.
#[test]
fn what_may_not_have_reached_the_server_is_offered_again_and_not_made_anew() {
    let mut device = Device::new(1);
    connect(&mut device, |state| Stock::default().tell(state));
    let lost = publications(&mut device).pop().unwrap().1;
    let mut stock = Stock::default();
    let publish = visit(&mut device, &mut stock).unwrap();
    assert_eq!(publish, lost);
    assert_eq!(visit(&mut device, &mut stock), None, "the server has them all");
}

#[test]
fn after_ninety_days_a_key_package_opens_nothing_and_after_sixty_the_server_gives_out_others() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    let old = stock.one_time.clone();
    device.now = device.now.plus(59 * DAY);
    let publish = visit(&mut device, &mut stock).unwrap();
    assert!(publish.one_time.is_empty() && !publish.last_resort.is_empty());
    device.now = device.now.plus(2 * DAY);
    let publish = visit(&mut device, &mut stock).unwrap();
    assert_eq!(publish.withdrawn.len(), KEY_PACKAGES_TARGET as usize);
    assert_eq!(stock.one_time.len(), KEY_PACKAGES_TARGET as usize);
    assert!(!stock.one_time.contains(&old[0]));
    device.now = device.now.plus(28 * DAY);
    visit(&mut device, &mut stock);
    assert!(opens(&mut device, &old[0]), "somebody may have fetched it before");
    device.now = device.now.plus(2 * DAY);
    visit(&mut device, &mut stock);
    assert!(!opens(&mut device, &old[1]));
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}

#[test]
fn a_clock_that_was_fast_does_not_keep_key_packages_for_ever() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    device.now = device.now.plus(1_000 * DAY);
    visit(&mut device, &mut stock).unwrap();
    let old = stock.one_time[0].clone();
    device.now = device.now.minus(1_000 * DAY);
    visit(&mut device, &mut stock);
    device.now = device.now.plus(91 * DAY);
    visit(&mut device, &mut stock);
    assert!(!opens(&mut device, &old));
}

// It was never replaced.
#[test]
fn a_last_resort_is_replaced_after_its_use_and_opens_for_three_more_days() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    let used = stock.last_resort.clone().unwrap();
    assert!(opens(&mut device, &used));
    let publish = take_publication(&mut device, &mut stock).unwrap();
    assert!(publish.one_time.is_empty());
    assert!(!publish.last_resort.is_empty() && publish.last_resort[..] != used[..]);
    assert_eq!(visit(&mut device, &mut stock), None);
    device.now = device.now.plus(3 * DAY).minus(Duration::from_mins(1));
    assert_eq!(visit(&mut device, &mut stock), None);
    assert!(opens(&mut device, &used), "somebody may just have fetched it");
    device.now = device.now.plus(Duration::from_mins(1));
    visit(&mut device, &mut stock);
    assert!(!opens(&mut device, &used));
    assert!(opens(&mut device, &stock.last_resort.clone().unwrap()));
}

#[test]
fn a_last_resort_is_replaced_monthly_and_while_the_connection_lasts() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    let old = stock.last_resort.clone().unwrap();
    for _ in 0..31 {
        // Sync follows by itself each day.
        device.now = device.wake_at.unwrap();
        device.step(Input::Tick).unwrap();
        let sync = device.asked.pop().unwrap();
        assert!(matches!(sync.request, Some(Request::Sync(_))), "{sync:?}");
        let mut state = device.empty_state();
        stock.tell(&mut state);
        answer(&mut device, sync.request_id, Body::SyncState(state));
        take_publication(&mut device, &mut stock);
    }
    assert!(device.now.since(crate::device::START) <= 31 * DAY);
    assert_ne!(stock.last_resort, Some(old));
}

#[test]
fn a_server_that_never_takes_the_next_last_resort_does_not_make_them_pile_up() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    let first = stock.last_resort.clone().unwrap();
    let mut offered = BTreeSet::new();
    for _ in 0..40 {
        device.now = device.now.plus(Duration::from_hours(1));
        push_welcome_made_with(&mut device, &first);
        for (request_id, publish) in publications(&mut device) {
            push_welcome_made_with(&mut device, &publish.last_resort);
            offered.insert(publish.last_resort);
            answer(
                &mut device,
                request_id,
                Body::KeyPackagesPublished(KeyPackagesPublished::default()),
            );
        }
        device.asked.clear();
    }
    assert!((2..=16).contains(&offered.len()), "{}", offered.len());
}

#[test]
fn key_packages_that_the_server_refuses_are_made_anew() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    connect(&mut device, |state| stock.tell(state));
    let (request_id, refused) = publications(&mut device).pop().unwrap();
    answer(
        &mut device,
        request_id,
        Body::Problem(Problem::new(ProblemCode::InvalidKeyPackage, "")),
    );
    let publish = visit(&mut device, &mut stock).unwrap();
    assert_eq!(publish.one_time.len(), KEY_PACKAGES_TARGET as usize);
    assert_ne!(publish.last_resort, refused.last_resort);
    assert!(
        publish
            .one_time
            .iter()
            .all(|package| !refused.one_time.contains(package))
    );
}

#[test]
fn a_welcome_of_a_last_resort_that_is_delivered_again_changes_nothing() {
    let mut device = Device::new(1);
    let mut stock = Stock::default();
    visit(&mut device, &mut stock).unwrap();
    let (mut welcome, first) = welcome_with(&device, stock.last_resort.clone().unwrap(), 100);
    push_welcome(&mut device, welcome.clone());
    device.push(Body::Deliver(Deliver { entries: vec![first] }));
    let before = device.engine.conversations().unwrap();
    assert_eq!(before.len(), 1);
    welcome.item_id += 1;
    push_welcome(&mut device, welcome);
    assert_eq!(device.engine.conversations().unwrap(), before);
    assert_eq!(device.warnings(), Vec::<&Warning>::new());
}
