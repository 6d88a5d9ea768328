//! The OPAQUE messages (RFC 9807): their lengths show which suite is used.

use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    Identifiers, ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use subrosa_test_support::SeededRng;
use subrosa_wire::password::{PasswordSuite, SERVER_IDENTITY};

const PASSWORD: &[u8] = b"correct horse battery staple";

fn identifiers() -> Identifiers<'static> {
    Identifiers {
        client: Some(b"alice"),
        server: Some(SERVER_IDENTITY),
    }
}

#[test]
fn messages_keep_their_lengths_and_a_sign_in_gives_the_export_key_of_the_registration() {
    let mut rng = SeededRng::new(0);
    let setup = ServerSetup::<PasswordSuite>::new(&mut rng);

    let client = ClientRegistration::<PasswordSuite>::start(&mut rng, PASSWORD).unwrap();
    assert_eq!(client.message.serialize().len(), 32, "registration request");
    let server = ServerRegistration::start(&setup, client.message, b"alice").unwrap();
    assert_eq!(server.message.serialize().len(), 64, "registration response");
    let parameters = ClientRegistrationFinishParameters::new(identifiers(), None);
    let registered = client
        .state
        .finish(&mut rng, PASSWORD, server.message, parameters)
        .unwrap();
    assert_eq!(registered.message.serialize().len(), 192, "registration record");
    let record = ServerRegistration::finish(registered.message);

    let client = ClientLogin::<PasswordSuite>::start(&mut rng, PASSWORD).unwrap();
    assert_eq!(client.message.serialize().len(), 96, "KE1");
    let parameters = ServerLoginParameters {
        context: None,
        identifiers: identifiers(),
    };
    let server = ServerLogin::start(
        &mut rng,
        &setup,
        Some(record),
        client.message,
        b"alice",
        parameters.clone(),
    )
    .unwrap();
    assert_eq!(server.message.serialize().len(), 320, "KE2");
    let finish = ClientLoginFinishParameters::new(None, identifiers(), None);
    let signed_in = client
        .state
        .finish(&mut rng, PASSWORD, server.message, finish)
        .unwrap();
    assert_eq!(signed_in.message.serialize().len(), 64, "KE3");
    assert_eq!(signed_in.export_key, registered.export_key);
    assert!(server.state.finish(signed_in.message, parameters).is_ok());
    assert_eq!(SERVER_IDENTITY, b"subrosa");
}
