//! A client reads what somebody wrote: a content has one encoding, and always a meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_engine::content::{
    MessageId, MimiContent, Origin, Profile, ReportedStatus, StatusReport, compose, interpret,
};
use subrosa_fuzz::{CONVERSATION, World, edited};

fuzz_target!(|input: (u8, &[u8])| {
    let (which, edits) = input;
    let honest = honest(which).map(|content| content.encode().expect("an honest content"));
    let bytes = edited(&honest.unwrap_or_default(), edits);
    if let Ok(content) = MimiContent::decode(&bytes) {
        assert_eq!(content.encode().as_ref(), Ok(&bytes));
        let _ = interpret(&content);
    }
});

fn honest(which: u8) -> Option<MimiContent> {
    let origin = Origin {
        sender: World::bob(),
        conversation: CONVERSATION,
    };
    let salt = [3; 16];
    let text = compose::text(&origin, salt, "Meet me under the rose.");
    let id: MessageId = origin.encode(&text).expect("an honest content").0;
    Some(match which % 9 {
        0 => text,
        1 => compose::reply(&origin, salt, id, "When?"),
        2 => compose::edit(&origin, salt, id, "Meet me at six."),
        3 => compose::delete(&origin, salt, id),
        4 => compose::reaction(&origin, salt, id, "\u{1f339}"),
        5 => compose::unreact(&origin, salt, id, id),
        6 => compose::status_report(&origin, salt, &StatusReport::one(id, ReportedStatus::Read)),
        7 => compose::profile(&origin, salt, &Profile::default()),
        _ => return None,
    })
}
