//! Groups of many: key packages are claimed for several people at once, and leaf keys are renewed in turns.

use std::time::Duration;

use subrosa_engine::{ChatId, Command, Input, Misbehaviour, Warning, content::SendToken};
use subrosa_wire::{
    AccountId, ConversationId,
    frames::{
        Acknowledged, Append, ClientFrame, CreateConversation, DeviceKeyPackage, KeyPackages,
        KeyPackagesOfMany, KeyPackagesOfOne, append::Payload, client_frame::Request, server_frame::Body,
    },
};

use crate::{
    changed_keys::{answer, connect},
    device::{Device, OwnLog, START},
    key_packages::{Stock, visit},
};

const GROUP: ConversationId = ConversationId::from_bytes(*b"one of the crowd");
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// A device that makes a group with the people whom these seeds name.
fn starting(people: impl IntoIterator<Item = u64>) -> Device {
    let mut device = Device::new(1);
    connect(&mut device, |_| {});
    device.asked.clear();
    let create = Command::CreateGroup {
        conversation_id: GROUP,
        group: "Everybody".into(),
        people: people.into_iter().map(Device::person).collect(),
    };
    device.step(Input::Command(create)).unwrap();
    device
}

/// Takes the first request of a kind out of what the device asks.
fn take<T>(device: &mut Device, kind: impl Fn(&ClientFrame) -> Option<T>) -> Option<(u64, T)> {
    let at = device.asked.iter().position(|frame| kind(frame).is_some())?;
    let frame = device.asked.remove(at);
    kind(&frame).map(|found| (frame.request_id, found))
}

fn claim_for_many(device: &mut Device) -> Option<(u64, Vec<AccountId>)> {
    take(device, |frame| match &frame.request {
        Some(Request::ClaimForMany(claim)) => {
            let accounts = claim.account_ids.iter();
            Some(accounts.map(|id| AccountId::try_from(&id[..]).unwrap()).collect())
        }
        _ => None,
    })
}

fn creation(device: &mut Device) -> Option<(u64, CreateConversation)> {
    take(device, |frame| match &frame.request {
        Some(Request::CreateConversation(create)) => Some(create.clone()),
        _ => None,
    })
}

fn none_of(accounts: &[AccountId]) -> Body {
    let none = |account: &AccountId| KeyPackagesOfOne {
        account_id: account.to_vec().into(),
        key_packages: Some(KeyPackages::default()),
    };
    Body::KeyPackagesOfMany(KeyPackagesOfMany {
        accounts: accounts.iter().map(none).collect(),
    })
}

/// Answers the claim for the own account, which has no other device.
fn answer_own_claim(device: &mut Device) {
    let claim = take(device, |frame| {
        matches!(frame.request, Some(Request::ClaimKeyPackages(_))).then_some(())
    });
    if let Some((request_id, ())) = claim {
        answer(device, request_id, Body::KeyPackages(KeyPackages::default()));
    }
}

#[test]
fn key_packages_of_several_people_are_claimed_at_once_and_the_rest_of_them_again() {
    let mut device = starting(2..6);
    let (request_id, accounts) = claim_for_many(&mut device).unwrap();
    assert_eq!(accounts.len(), 4);
    assert!(claim_for_many(&mut device).is_none(), "one at a time");
    answer(&mut device, request_id, none_of(&accounts[..2]));
    let (request_id, mut rest) = claim_for_many(&mut device).unwrap();
    rest.sort();
    let mut left = accounts[2..].to_vec();
    left.sort();
    assert_eq!(rest, left);
    answer(&mut device, request_id, none_of(&rest));
    answer_own_claim(&mut device);
    assert!(
        creation(&mut device).is_some(),
        "nobody has key packages: they are added later"
    );
    assert!(device.warnings().is_empty(), "{:?}", device.warnings());
}

#[test]
fn an_answer_that_names_nobody_who_was_asked_for_stops_nothing() {
    let mut device = starting(2..4);
    let (request_id, _) = claim_for_many(&mut device).unwrap();
    let stranger = AccountId::from_bytes([9; 16]);
    answer(&mut device, request_id, none_of(&[stranger]));
    answer_own_claim(&mut device);
    assert!(creation(&mut device).is_some());
    assert!(
        matches!(
            device.warnings()[..],
            [Warning::ServerMisbehaved {
                how: Misbehaviour::WrongAnswer,
                ..
            }]
        ),
        "{:?}",
        device.warnings()
    );
}

/// A group of our device and this many others, of one account, with the log of what our device sends.
struct Crowd {
    device: Device,
    chat: ChatId,
    log: OwnLog,
    seq: u64,
    token: u8,
}

impl Crowd {
    fn with(others: u64) -> Self {
        let mut device = starting([2]);
        let claim = take(&mut device, |frame| {
            matches!(frame.request, Some(Request::ClaimKeyPackages(_))).then_some(())
        });
        let devices = (0..others).map(|number| {
            let (mut other, mut stock) = (Device::of_account(2, number, START), Stock::default());
            visit(&mut other, &mut stock);
            DeviceKeyPackage {
                device_id: other.engine.me().device_id.to_vec().into(),
                key_package: stock.one_time.remove(0).into(),
            }
        });
        let packages = KeyPackages {
            account: None,
            devices: devices.collect(),
        };
        answer(&mut device, claim.unwrap().0, Body::KeyPackages(packages));
        answer_own_claim(&mut device);
        let (request_id, create) = creation(&mut device).unwrap();
        let mut log = OwnLog::default();
        let append = Append {
            conversation_id: create.conversation_id,
            send_id: create.send_id,
            send_number: 1,
            payload: create.commit.map(Payload::Commit),
        };
        let accepted = log.accept(&device, append, 1);
        answer(&mut device, request_id, accepted);
        let chat = device.engine.chat_by_conversation_id(GROUP).unwrap().unwrap();
        let mut crowd = Self {
            device,
            chat,
            log,
            seq: 1,
            token: 0,
        };
        crowd.accept();
        crowd
    }

    /// Accepts all that the device sends. Returns whether each was a commit.
    fn accept(&mut self) -> Vec<bool> {
        let mut sent = Vec::new();
        while !self.device.asked.is_empty() {
            let frame = self.device.asked.remove(0);
            let body = match frame.request.unwrap() {
                Request::Append(append) => {
                    self.seq += 1;
                    sent.push(matches!(append.payload, Some(Payload::Commit(_))));
                    self.log.accept(&self.device, append, self.seq)
                }
                Request::FetchLog(fetch) => self.log.page(fetch),
                Request::Acknowledge(_) => Body::Acknowledged(Acknowledged {}),
                _ => continue,
            };
            answer(&mut self.device, frame.request_id, body);
        }
        sent
    }

    fn say(&mut self) -> Vec<bool> {
        self.token += 1;
        let text = Command::SendText {
            chat: self.chat,
            text: format!("text {}", self.token),
            token: SendToken::from_bytes([self.token; 16]),
        };
        self.device.step(text).unwrap();
        self.accept()
    }

    fn at(&mut self, after: Duration) -> Vec<bool> {
        self.device.now = START.plus(after);
        self.device.step(Input::Tick).unwrap();
        self.accept()
    }
}

#[test]
fn in_a_group_of_nine_devices_nothing_precedes_a_message() {
    // With one device less, a turn of the conversation begins with a self-update.
    for (others, precedes) in [(7, true), (8, false)] {
        let mut crowd = Crowd::with(others);
        crowd.say();
        crowd.device.now = START.plus(61 * MINUTE);
        let sent = crowd.say();
        assert_eq!(sent.first(), Some(&precedes), "{others}");
        let commits = sent.iter().filter(|is_commit| **is_commit).count();
        assert_eq!(commits, 1, "{others}");
    }
}

#[test]
fn a_device_of_a_large_group_renews_its_key_when_the_group_had_no_commit_for_a_while() {
    let mut crowd = Crowd::with(8);
    assert_eq!(crowd.at(14 * MINUTE), [] as [bool; 0]);
    // It is the first leaf, so nobody is ahead.
    assert_eq!(crowd.at(15 * MINUTE + MINUTE / 12), [true]);
    crowd.device.now = START.plus(20 * MINUTE);
    assert_eq!(crowd.say().last(), Some(&false));
    assert_eq!(crowd.at(23 * 60 * MINUTE), [] as [bool; 0]);
    assert_eq!(crowd.at(DAY + 30 * MINUTE), [true]);
}

#[test]
fn where_nothing_is_said_a_week_is_soon_enough() {
    let mut crowd = Crowd::with(8);
    crowd.say();
    assert_eq!(crowd.at(16 * MINUTE), [true]);
    for day in 1..7 {
        assert_eq!(crowd.at(day * DAY + 20 * MINUTE), [] as [bool; 0], "day {day}");
    }
    assert_eq!(crowd.at(8 * DAY), [true]);
}
