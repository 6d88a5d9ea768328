//! Answers of a server, of a proxy, and of something else altogether.

use subrosa_wire::ProblemCode;

use super::*;
use crate::fake::{FakeRest, answer, network, problem};

async fn info_after(answer: String) -> Result<ServerInfo, ClientError> {
    FakeRest::answering(vec![answer]).await.rest.server_info().await
}

#[tokio::test]
async fn a_problem_document_is_a_refusal_with_its_code() {
    let mut document = ProblemDocument::new(ProblemCode::RateLimited, "slow down");
    document.retry_after_ms = Some(1000);
    let refused = info_after(problem(&document)).await;
    let Err(ClientError::Refused(refusal)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(refusal.known_code(), Some(ProblemCode::RateLimited));
    assert_eq!(refusal.retry_after_ms, Some(1000));
}

#[tokio::test]
async fn a_problem_of_a_newer_server_is_a_refusal_too() {
    let mut document = ProblemDocument::new(ProblemCode::Forbidden, "");
    document.code = "made_later".into();
    let refused = info_after(problem(&document)).await;
    assert!(refused.is_err_and(|error| {
        error
            .refusal()
            .is_some_and(|refusal| refusal.code == "made_later")
    }));
}

#[tokio::test]
async fn a_proxy_without_its_server_is_no_connection() {
    let error = info_after(answer("502 Bad Gateway", "text/html", "<h1>sorry</h1>")).await;
    assert!(matches!(error, Err(ClientError::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn a_proxy_that_names_a_time_to_wait_is_heard() {
    for (status, code) in [
        ("429 Too Many Requests", ProblemCode::RateLimited),
        ("503 Service Unavailable", ProblemCode::Unavailable),
    ] {
        let patient = answer(status, "text/html", "later").replace("\r\n\r\n", "\r\nretry-after: 7\r\n\r\n");
        let refused = info_after(patient).await;
        let Err(ClientError::Refused(refusal)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(
            (refusal.known_code(), refusal.retry_after_ms),
            (Some(code), Some(7000))
        );
    }
    // A date, or nonsense, is no time to wait.
    let dated = answer("503 x", "text/html", "").replace(
        "\r\n\r\n",
        "\r\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n",
    );
    let error = info_after(dated).await;
    assert!(matches!(error, Err(ClientError::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn something_else_altogether_is_told_as_such() {
    for other in [
        answer("404 Not Found", "text/html", "no"),
        answer("200 OK", "text/html", "<h1>It works!</h1>"),
        answer("500 Oops", "application/problem+json", "not json"),
    ] {
        let error = info_after(other).await;
        assert!(
            matches!(error, Err(ClientError::ServerMisbehaved(_))),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let away = "HTTP/1.1 302 Found\r\nlocation: http://attacker.example/\r\ncontent-length: 0\r\n\r\n";
    let error = info_after(away.to_owned()).await;
    assert!(
        matches!(error, Err(ClientError::ServerMisbehaved(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let error = info_after(answer(
        "200 OK",
        "application/json",
        &" ".repeat(REST_ANSWER_MAX + 1),
    ))
    .await;
    let Err(ClientError::ServerMisbehaved(why)) = error else {
        panic!("{error:?}")
    };
    assert!(why.contains("longer"), "{why}");
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    // Nobody listens on port 1.
    let Ok(server) = "http://127.0.0.1:1".parse::<ServerUrl>() else {
        panic!("no address")
    };
    let error =
        Rest::new(server.clone(), &network(&server)).map(|rest| async move { rest.server_info().await });
    let Ok(asking) = error else { panic!("no client") };
    let error = asking.await;
    assert!(matches!(error, Err(ClientError::Unreachable { .. })), "{error:?}");
}

#[tokio::test]
async fn an_unknown_person_is_none() {
    let unknown = problem(&ProblemDocument::new(ProblemCode::UnknownAccount, ""));
    let fake = FakeRest::answering(vec![unknown]).await;
    let Ok(handle) = "zoe".parse() else {
        panic!("no handle")
    };
    let found = fake.rest.person("token".into(), &handle).await;
    assert!(matches!(found, Ok(None)), "{found:?}");
    let requests = fake.requests().await;
    assert!(
        requests[0].starts_with("GET /v1/people/zoe HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(
        requests[0].contains("authorization: Bearer token\r\n"),
        "{}",
        requests[0]
    );
}
