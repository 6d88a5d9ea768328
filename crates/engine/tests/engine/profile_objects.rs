//! Names and pictures without a server: when they are put and fetched, and what they lead to.

use subrosa_engine::{
    ChatId, Command, CommandError, EngineError, Event, Input, InvalidPicture, Picture,
    content::{DisplayName, Meaning, ObjectReference, Origin, Profile, SendToken, compose, interpret},
    profile_objects::format::{ObjectKey, ProfileObject},
};
use subrosa_mls::LogClaim;
use subrosa_test_support::SeededRng;
use subrosa_wire::{
    ProblemCode,
    frames::{Deliver, Problem, client_frame::Request, server_frame::Body},
};

use crate::{
    device::Device,
    others::{Others, joined},
};

/// The head of a PNG file of this width.
fn picture(width: u8) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0";
    [&head[..], &[width, 0, 0, 0, 2, 8, 6, 0, 0, 0, 0, 0, 0, 0]].concat()
}

fn object() -> ObjectKey {
    ObjectKey::from_bytes(&[7; ObjectKey::LEN]).unwrap()
}

fn shows(version: u64, name: &str, width: u8) -> ProfileObject {
    ProfileObject {
        version,
        name: Some(DisplayName::try_from(name).unwrap()),
        picture: Some(Picture::try_from(picture(width)).unwrap()),
        picture_changed: version,
    }
}

/// The server gets another value of the founder's object.
fn put(others: &mut Others, shown: &ProfileObject) {
    let sealed = others.only().seal_profile(shown, &object());
    let kept = others.only().objects.entry(object().id.to_vec()).or_default();
    *kept = (kept.0 + 1, sealed);
}

/// The founder says where its object is.
fn name_object(device: &mut Device, others: &mut Others, version: u64) {
    let other = others.only();
    let origin = Origin {
        sender: other.account(),
        conversation: other.id,
    };
    let profile = Profile {
        name: None,
        object: Some(ObjectReference {
            object: object().to_bytes()[..].try_into().unwrap(),
            version,
        }),
    };
    let salt = [u8::try_from(version).unwrap(); 16];
    let (_, content) = origin.encode(&compose::profile(&origin, salt, &profile)).unwrap();
    let number = other.log.len() as u64 + 10;
    let entry = other.send(&content, &LogClaim::of_no_place(number));
    device.push(Body::Deliver(Deliver { entries: vec![entry] }));
    others.converse(device);
}

/// The name of the founder and the first side of its picture.
fn seen(device: &Device, others: &mut Others) -> (Option<String>, Option<u8>) {
    let account = others.only().account();
    let contact = device.engine.contact(account).unwrap().unwrap();
    let picture = device.engine.picture(account).unwrap();
    assert_eq!(contact.picture.is_some(), picture.is_some());
    (contact.name, picture.map(|picture| picture.as_bytes()[19]))
}

/// What this account shows, as the server keeps it.
fn shown_by(device: &Device, others: &mut Others) -> ProfileObject {
    let reference = last_reference(device, others).unwrap();
    let key = ObjectKey::from_bytes(&reference.object).unwrap();
    let (_, sealed) = others.only().objects[&key.id.to_vec()].clone();
    let shown = ProfileObject::open(&sealed, &key, device.account()).unwrap();
    assert_eq!(shown.version, reference.version);
    shown
}

/// What the device has said last about its object.
fn last_reference(device: &Device, others: &mut Others) -> Option<ObjectReference> {
    let other = others.only();
    let origin = Origin {
        sender: device.account(),
        conversation: other.id,
    };
    let heard = other
        .heard
        .iter()
        .map(|bytes| interpret(&origin.decode(bytes).unwrap().1));
    let mut profiles = heard.filter_map(|meaning| match meaning {
        Meaning::Profile { object, .. } => Some(object),
        _ => None,
    });
    profiles.next_back().flatten()
}

fn say(device: &mut Device, others: &mut Others, chat: ChatId, text: &str) {
    let token = SendToken::random(&mut SeededRng::new(text.len() as u64));
    let text = text.to_owned();
    device.step(Command::SendText { chat, text, token }).unwrap();
    others.converse(device);
}

#[test]
fn name_and_picture_of_a_person_are_fetched_when_they_are_named() {
    let (mut device, mut others, _) = joined();
    put(&mut others, &shows(1, "Zoe", 1));
    assert_eq!(seen(&device, &mut others), (None, None));
    name_object(&mut device, &mut others, 1);
    assert_eq!(seen(&device, &mut others), (Some("Zoe".to_owned()), Some(1)));
    put(&mut others, &shows(2, "Zo\u{eb}", 2));
    name_object(&mut device, &mut others, 2);
    assert_eq!(seen(&device, &mut others), (Some("Zo\u{eb}".to_owned()), Some(2)));
    let changed = Event::ContactChanged(others.only().account());
    assert!(device.events.contains(&changed));
}

#[test]
fn an_older_profile_that_a_server_shows_changes_nothing_and_the_newer_one_is_fetched_later() {
    let (mut device, mut others, _) = joined();
    put(&mut others, &shows(2, "new", 2));
    name_object(&mut device, &mut others, 2);
    put(&mut others, &shows(1, "old", 1));
    name_object(&mut device, &mut others, 3);
    assert_eq!(seen(&device, &mut others), (Some("new".to_owned()), Some(2)));
    put(&mut others, &shows(3, "newest", 3));
    device.step(Input::Disconnected).unwrap();
    device.asked.clear();
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    assert_eq!(seen(&device, &mut others), (Some("newest".to_owned()), Some(3)));
}

#[test]
fn a_profile_that_does_not_open_leaves_what_is_known() {
    let (mut device, mut others, _) = joined();
    put(&mut others, &shows(1, "Zoe", 1));
    name_object(&mut device, &mut others, 1);
    let garbage = others.only().objects.values_mut().next().unwrap();
    *garbage = (9, vec![1; 512]);
    name_object(&mut device, &mut others, 2);
    assert_eq!(seen(&device, &mut others), (Some("Zoe".to_owned()), Some(1)));
    assert_eq!(device.engine.recovery_counts().profiles_refused, 1);
    others.only().objects.clear();
    name_object(&mut device, &mut others, 3);
    assert_eq!(seen(&device, &mut others), (Some("Zoe".to_owned()), Some(1)));
}

#[test]
fn what_this_account_shows_is_put_once_and_named_with_the_next_message() {
    let (mut device, mut others, chat) = joined();
    others.only().reads = true;
    device.step(Command::SetPicture(Some(picture(9)))).unwrap();
    device.step(Command::SetName(Some("Ada".to_owned()))).unwrap();
    others.converse(&mut device);
    assert!(device.events.contains(&Event::OwnPictureChanged));
    assert_eq!(last_reference(&device, &mut others), None);
    say(&mut device, &mut others, chat, "hello");
    let shown = shown_by(&device, &mut others);
    assert_eq!(shown.name.unwrap().as_str(), "Ada");
    assert_eq!(shown.picture.unwrap().as_bytes(), picture(9));
    // Nothing is put again.
    let revisions = |others: &mut Others| {
        others
            .only()
            .objects
            .values()
            .map(|(revision, _)| *revision)
            .sum::<u64>()
    };
    let before = revisions(&mut others);
    device.step(Input::Disconnected).unwrap();
    device.asked.clear();
    device.step(Input::Connected).unwrap();
    others.converse(&mut device);
    assert_eq!(revisions(&mut others), before);
    device.step(Command::SetPicture(None)).unwrap();
    others.converse(&mut device);
    say(&mut device, &mut others, chat, "hello again");
    assert_eq!(shown_by(&device, &mut others).picture, None);
    assert_eq!(device.engine.me().picture, None);
}

#[test]
fn a_server_that_has_lost_the_object_gets_it_again() {
    let (mut device, mut others, chat) = joined();
    others.only().reads = true;
    let reconnect = |device: &mut Device, others: &mut Others, incarnation: u8| {
        device.step(Input::Disconnected).unwrap();
        device.asked.clear();
        device.step(Input::Connected).unwrap();
        others.converse_lying(device, |body| {
            if let Body::SyncState(state) = body {
                state.incarnation = vec![incarnation; 16].into();
            }
        });
    };
    reconnect(&mut device, &mut others, 1);
    device.step(Command::SetPicture(Some(picture(9)))).unwrap();
    others.converse(&mut device);
    others.only().objects.clear();
    reconnect(&mut device, &mut others, 2);
    say(&mut device, &mut others, chat, "hello");
    assert_eq!(
        shown_by(&device, &mut others).picture.unwrap().as_bytes(),
        picture(9)
    );
}

#[test]
fn of_two_devices_that_change_the_picture_the_later_wish_wins() {
    let (mut device, mut others, chat) = joined();
    others.only().reads = true;
    device.step(Command::SetPicture(Some(picture(1)))).unwrap();
    others.converse(&mut device);
    say(&mut device, &mut others, chat, "hello");
    let reference = last_reference(&device, &mut others).unwrap();
    let key = ObjectKey::from_bytes(&reference.object).unwrap();
    let mut theirs = shown_by(&device, &mut others);
    theirs.picture = Some(Picture::try_from(picture(2)).unwrap());
    for (later, expected) in [(false, 3), (true, 2)] {
        // Another device has put one, which this one has not seen.
        theirs.version = device.now.as_millis() + 100;
        theirs.picture_changed = if later { theirs.version } else { 1 };
        let sealed = device.seal_profile(&theirs, &key);
        let kept = others.only().objects.get_mut(&key.id.to_vec()).unwrap();
        *kept = (kept.0 + 1, sealed);
        device
            .step(if later {
                Command::SetName(Some("Ada".to_owned()))
            } else {
                Command::SetPicture(Some(picture(3)))
            })
            .unwrap();
        device.step(Input::Disconnected).unwrap();
        device.asked.clear();
        device.step(Input::Connected).unwrap();
        others.converse(&mut device);
        let own = device.engine.picture(device.account()).unwrap().unwrap();
        assert_eq!(own.as_bytes(), picture(expected));
        say(
            &mut device,
            &mut others,
            chat,
            &"again".repeat(usize::from(expected)),
        );
        assert_eq!(
            shown_by(&device, &mut others).picture.unwrap().as_bytes(),
            picture(expected)
        );
    }
}

#[test]
fn what_is_no_picture_is_refused_and_changes_nothing() {
    let (mut device, _, _) = joined();
    let refused = device.step(Command::SetPicture(Some(b"<svg/>".to_vec())));
    let Err(EngineError::Command(CommandError::Picture(InvalidPicture::Format))) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(device.engine.me().picture, None);
}

#[test]
fn a_server_that_keeps_no_objects_is_asked_once_and_names_go_with_messages() {
    let (mut device, mut others, chat) = joined();
    let mut asked = 0;
    device.step(Command::SetName(Some("Ada".to_owned()))).unwrap();
    let mut converse = |device: &mut Device, others: &mut Others| {
        others.converse_lying(device, |body| {
            if matches!(body, Body::ObjectPut(_) | Body::Object(_)) {
                asked += 1;
                *body = Body::Problem(Problem::new(ProblemCode::UnknownRequest, ""));
            }
        });
    };
    converse(&mut device, &mut others);
    device.step(Command::SetPicture(Some(picture(1)))).unwrap();
    converse(&mut device, &mut others);
    assert_eq!(asked, 1);
    let token = SendToken::random(&mut SeededRng::new(1));
    let text = "hello".to_owned();
    device.step(Command::SendText { chat, text, token }).unwrap();
    assert!(
        !device
            .asked
            .iter()
            .any(|frame| matches!(frame.request, Some(Request::PutObject(_))))
    );
}

#[test]
fn whoever_takes_the_object_of_an_account_at_the_server_gets_it_nothing() {
    let (mut device, mut others, chat) = joined();
    others.only().reads = true;
    device.step(Command::SetPicture(Some(picture(1)))).unwrap();
    others.converse(&mut device);
    say(&mut device, &mut others, chat, "hello");
    let first = last_reference(&device, &mut others).unwrap();
    // After a restore that has lost it, a contact has made an object with its id.
    let id = ObjectKey::from_bytes(&first.object).unwrap().id.to_vec();
    device.step(Command::SetPicture(Some(picture(2)))).unwrap();
    let refuse = |device: &mut Device, others: &mut Others| {
        let mut is_first = true;
        others.converse_lying(device, |body| {
            if matches!(body, Body::ObjectPut(_)) && std::mem::take(&mut is_first) {
                *body = Body::Problem(Problem::new(ProblemCode::Forbidden, ""));
            }
        });
    };
    refuse(&mut device, &mut others);
    others.only().objects.remove(&id);
    while device.engine.messages(chat, None, 9).unwrap().len() < 2 {
        device.now = device.wake_at.unwrap();
        device.step(Input::Tick).unwrap();
        others.converse(&mut device);
        if others.only().objects.len() == 1 {
            say(&mut device, &mut others, chat, "hello again");
        }
    }
    let second = last_reference(&device, &mut others).unwrap();
    assert_ne!(first.object, second.object);
    assert_eq!(
        shown_by(&device, &mut others).picture.unwrap().as_bytes(),
        picture(2)
    );
}

#[test]
fn no_answers_about_the_own_object_lead_to_requests_without_end() {
    let (mut device, mut others, _) = joined();
    device.step(Command::SetPicture(Some(picture(1)))).unwrap();
    let mut asked = 0;
    others.converse_lying(&mut device, |body| match body {
        Body::ObjectPut(put) => {
            asked += 1;
            (put.stored, put.revision) = (false, 5);
        }
        Body::Object(object) => {
            asked += 1;
            (object.revision, object.sealed) = (0, Vec::new().into());
        }
        _ => {}
    });
    assert!(asked <= 12, "{asked}");
    assert!(device.wake_at.is_none_or(|at| at > device.now));
}
