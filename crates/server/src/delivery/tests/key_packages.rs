//! Key packages: each one-time one is given out once, and only a device's own are kept.

use std::time::Duration;

use subrosa_mls::key_package_id;
use subrosa_wire::{
    AccountId,
    frames::{
        ClaimForMany, ClaimKeyPackages, KeyPackagesOfOne, Notice, PublishKeyPackages, client_frame::Request,
        notice, server_frame::Body,
    },
    limits::{
        CLAIMED_ACCOUNTS_MAX, KEY_PACKAGES_MAX, KEY_PACKAGES_PER_REQUEST_MAX, KEY_PACKAGES_WITHDRAWN_MAX,
    },
};

use super::world::{Device, World, code, frames, key_packages, problem};
use crate::{delivery::DeliveryConfig, rate::Rate};

fn claim(account_id: AccountId) -> Request {
    Request::ClaimKeyPackages(ClaimKeyPackages {
        account_id: account_id.to_vec().into(),
    })
}

fn publish(one_time: Vec<bytes::Bytes>) -> Request {
    Request::PublishKeyPackages(PublishKeyPackages {
        one_time,
        ..PublishKeyPackages::default()
    })
}

async fn claimed(world: &World, by: &Device, of: &Device) -> bytes::Bytes {
    let mut packages = key_packages(world.ask(by, claim(of.session.account_id)).await);
    assert_eq!(packages.devices.len(), 1);
    packages.devices.remove(0).key_package
}

#[tokio::test]
async fn each_is_given_out_once_and_then_the_last_resort_again_and_again() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..5 {
        assert!(seen.insert(claimed(&world, &alice, &bob).await));
    }
    let last_resort = claimed(&world, &alice, &bob).await;
    assert!(seen.insert(last_resort.clone()));
    assert_eq!(claimed(&world, &alice, &bob).await, last_resort);
}

#[tokio::test]
async fn claims_at_the_same_time_get_different_ones() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let (one, two, three) = tokio::join!(
        claimed(&world, &alice, &bob),
        claimed(&world, &alice, &bob),
        claimed(&world, &alice, &bob)
    );
    assert!(one != two && two != three && one != three);
}

#[tokio::test]
async fn the_asking_device_gets_none_of_its_own() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let phone = world.link(&alice).await;
    let packages = key_packages(world.ask(&alice, claim(alice.session.account_id)).await);
    let devices: Vec<_> = packages
        .devices
        .into_iter()
        .map(|device| device.device_id)
        .collect();
    assert_eq!(devices, [phone.session.device_id.to_vec()]);
}

#[tokio::test]
async fn the_owner_is_told_when_they_run_low() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let at_bob = world.connect(&bob);
    claimed(&world, &alice, &bob).await;
    let pushed = frames(&at_bob).await;
    let Some(Body::Notice(Notice {
        kind: Some(notice::Kind::KeyPackagesLow(low)),
    })) = &pushed[0].body
    else {
        panic!("{pushed:?}")
    };
    assert_eq!(low.key_packages_left, 4);
}

#[tokio::test]
async fn those_of_another_device_or_account_are_refused() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let phone = world.link(&alice).await;
    for foreign in [&bob, &phone] {
        let answer = world.ask(&alice, publish(foreign.key_packages(1))).await;
        assert_eq!(code(answer), "invalid_key_package");
    }
    let answer = world
        .ask(&alice, publish(vec![b"not a key package".as_slice().into()]))
        .await;
    assert_eq!(code(answer), "invalid_key_package");
}

#[tokio::test]
async fn one_with_an_expired_certificate_is_refused_and_a_clock_an_hour_off_is_fine() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let hour = Duration::from_hours(1);
    for clock in [super::world::START.minus(hour), super::world::START.plus(hour)] {
        world.clock.set(clock);
        let answer = world.ask(&alice, publish(alice.key_packages(1))).await;
        assert!(matches!(answer, Body::KeyPackagesPublished(_)), "{answer:?}");
    }
    world.clock.advance(Duration::from_hours(3 * 365 * 24));
    let answer = world.ask(&alice, publish(alice.key_packages(1))).await;
    assert_eq!(code(answer), "invalid_key_package");
}

#[tokio::test]
async fn of_a_bad_publication_nothing_is_kept() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let mut mixed = alice.key_packages(2);
    mixed.extend(bob.key_packages(1));
    assert_eq!(
        code(world.ask(&alice, publish(mixed)).await),
        "invalid_key_package"
    );
    assert_eq!(alice.sync(&world).await.key_packages_left, 5);
}

#[tokio::test]
async fn more_than_a_device_may_have_are_refused() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let half = alice.key_packages(KEY_PACKAGES_PER_REQUEST_MAX);
    let too_many = half.iter().cloned().chain(alice.key_packages(1)).collect();
    assert_eq!(code(world.ask(&alice, publish(too_many)).await), "too_large");
    let answer = world.ask(&alice, publish(half)).await;
    let Body::KeyPackagesPublished(published) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(published.key_packages_left, 105);
    assert_eq!(KEY_PACKAGES_MAX, 200);
    let answer = world
        .ask(&alice, publish(alice.key_packages(KEY_PACKAGES_PER_REQUEST_MAX)))
        .await;
    assert_eq!(code(answer), "too_large");
}

#[tokio::test]
async fn a_retried_publication_keeps_nothing_twice() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let packages = alice.key_packages(3);
    for _ in 0..2 {
        let answer = world.ask(&alice, publish(packages.clone())).await;
        let Body::KeyPackagesPublished(published) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(published.key_packages_left, 8);
    }
}

#[tokio::test]
async fn a_device_learns_which_are_left_and_withdraws_what_it_cannot_open() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let published = alice.key_packages(2);
    world.ask(&alice, publish(published.clone())).await;
    let hashes = alice.sync(&world).await.key_packages.unwrap().hashes;
    assert_eq!(hashes.len(), 5 + 2 + 1);
    let hash = |package: &bytes::Bytes| bytes::Bytes::copy_from_slice(&key_package_id(package));
    assert!(published.iter().all(|package| hashes.contains(&hash(package))));
    let withdraw = |withdrawn| {
        Request::PublishKeyPackages(PublishKeyPackages {
            withdrawn,
            ..PublishKeyPackages::default()
        })
    };
    let answer = world.ask(&alice, withdraw(vec![hash(&published[0])])).await;
    assert!(matches!(answer, Body::KeyPackagesPublished(_)), "{answer:?}");
    let left = alice.sync(&world).await.key_packages.unwrap().hashes;
    assert_eq!(left.len(), 7);
    assert!(!left.contains(&hash(&published[0])));

    let answer = world
        .ask(&alice, withdraw(vec![bytes::Bytes::from_static(b"short")]))
        .await;
    assert_eq!(code(answer), "malformed_request");
    let too_many = vec![hash(&published[1]); KEY_PACKAGES_WITHDRAWN_MAX + 1];
    assert_eq!(code(world.ask(&alice, withdraw(too_many)).await), "too_large");
}

#[tokio::test]
async fn nobody_can_empty_the_stock_of_others_at_will() {
    let claims = Rate::per(3, Duration::from_hours(1));
    let mut world = World::with(DeliveryConfig {
        claims,
        ..DeliveryConfig::default()
    });
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    for _ in 0..3 {
        claimed(&world, &alice, &bob).await;
    }
    let refused = problem(world.ask(&alice, claim(bob.session.account_id)).await);
    assert_eq!(refused.code, "rate_limited");
    assert!(refused.retry_after_ms > 0);
    assert_eq!(bob.sync(&world).await.key_packages_left, 2);
    world.clock.advance(Duration::from_hours(1));
    claimed(&world, &alice, &bob).await;
}

fn claim_for(accounts: &[AccountId]) -> Request {
    Request::ClaimForMany(ClaimForMany {
        account_ids: accounts.iter().map(|account| account.to_vec().into()).collect(),
    })
}

async fn claimed_for(world: &World, by: &Device, accounts: &[AccountId]) -> Vec<KeyPackagesOfOne> {
    match world.ask(by, claim_for(accounts)).await {
        Body::KeyPackagesOfMany(of_many) => of_many.accounts,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn key_packages_of_many_accounts_are_claimed_at_once() {
    let claims = Rate::per(4, Duration::from_hours(1));
    let mut world = World::with(DeliveryConfig {
        claims,
        ..DeliveryConfig::default()
    });
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    let carol = world.sign_up("carol").await;
    world.link(&bob).await;
    let nobody = AccountId::from_bytes([0; 16]);
    let wanted = [bob.account(), nobody, carol.account()];
    let found = claimed_for(&world, &alice, &wanted).await;
    let devices = found.iter().map(|of_one| {
        let packages = of_one.key_packages.as_ref().unwrap();
        (
            of_one.account_id.to_vec(),
            packages.account.is_some(),
            packages.devices.len(),
        )
    });
    let expected = [
        (bob.account().to_vec(), true, 2),
        (nobody.to_vec(), false, 0),
        (carol.account().to_vec(), true, 1),
    ];
    assert_eq!(devices.collect::<Vec<_>>(), expected);
    // Each account counts.
    let refused = problem(world.ask(&alice, claim_for(&wanted)).await);
    assert_eq!(refused.code, "rate_limited");
    claimed_for(&world, &alice, &wanted[..1]).await;
}

#[tokio::test]
async fn a_claim_for_many_accounts_is_bounded_and_names_each_once() {
    let mut world = World::new();
    let alice = world.sign_up("alice").await;
    let me = alice.account();
    let many: Vec<_> = (0..=CLAIMED_ACCOUNTS_MAX)
        .map(|number| AccountId::from_bytes([u8::try_from(number).unwrap(); 16]))
        .collect();
    for (accounts, refusal) in [
        (&[][..], "malformed_request"),
        (&[me, me], "malformed_request"),
        (&many, "too_large"),
    ] {
        assert_eq!(code(world.ask(&alice, claim_for(accounts)).await), refusal);
    }
}

#[tokio::test]
async fn the_one_time_key_packages_of_an_account_cannot_be_drained_by_others_together() {
    let mut world = World::with(DeliveryConfig {
        one_time_claims: Rate::per(2, Duration::from_hours(24)),
        ..DeliveryConfig::default()
    });
    let bob = world.sign_up("bobby").await;
    for name in ["alice", "carol", "david", "erika"] {
        let stranger = world.sign_up(name).await;
        // The last ones get the key package of last resort.
        let found = claimed_for(&world, &stranger, &[bob.account()]).await;
        assert_eq!(found[0].key_packages.as_ref().unwrap().devices.len(), 1);
    }
    assert_eq!(bob.sync(&world).await.key_packages_left, 3);
    // What the account's own devices claim does not count.
    let laptop = world.link(&bob).await;
    claimed_for(&world, &laptop, &[bob.account()]).await;
    assert_eq!(bob.sync(&world).await.key_packages_left, 2);
    world.clock.advance(Duration::from_hours(24));
    let frank = world.sign_up("frank").await;
    claimed_for(&world, &frank, &[bob.account()]).await;
    assert_eq!(bob.sync(&world).await.key_packages_left, 1);
}

#[tokio::test]
async fn who_has_no_device_that_can_be_added_is_named_as_such() {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bobby").await);
    world
        .service
        .device_signed_out(bob.session.account_id, bob.session.device_id)
        .await
        .unwrap();
    assert_eq!(
        code(world.ask(&alice, claim(bob.session.account_id)).await),
        "no_key_packages"
    );
    assert_eq!(
        code(world.ask(&alice, claim(AccountId::from_bytes([0; 16]))).await),
        "unknown_account"
    );
}
