//! Somebody shows the server an access token: nothing but what it issued opens anything. The honest token is
//! spoilt as text; its header and its claims are spoilt and signed again with the server's own key, so that the
//! checks behind the signature are reached, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use subrosa_fuzz::{NOW, Server, edited};

fuzz_target!(|input: (u8, &[u8])| {
    let (part, edits) = input;
    Server::with(|server| {
        let honest = server.alice_token.as_str();
        let spoilt = match part % 3 {
            0 => edited(honest.as_bytes(), edits),
            1 => server.signed_again(|header, _| *header = edited(header, edits)),
            _ => server.signed_again(|_, claims| *claims = edited(claims, edits)),
        };
        // What is no text cannot be in a header or a frame.
        let Ok(shown) = String::from_utf8(spoilt) else {
            return;
        };
        match server.access_tokens.verify(&shown, NOW) {
            Ok(session) if part % 3 == 0 => {
                assert_eq!(shown, honest, "a forged token");
                assert_eq!(session, server.alice);
            }
            Ok(_) => {}
            Err(refused) => assert!(shown != honest, "{refused}"),
        }
    });
});
