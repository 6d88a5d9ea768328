//! Invite links: who comes by one, who does not and why, and who asks.

use std::time::Duration;

use bytes::Bytes;
use subrosa_mls::{
    CommitPlan, GroupPolicy, InviteLink, LINK_SEED_LEN, LinkSecret, LinkSignature, Rights, Role,
};
use subrosa_wire::{
    ConversationId, Timestamp,
    frames::{
        Append, AskToJoin, DenyRequest, FetchGroupByLink, FetchJoinRequests, FetchLinks, GroupState,
        JoinRequest, Link, PutLink, TakeBackRequest, append, client_frame::Request, notice,
        server_frame::Body,
    },
    limits::{JOIN_NOTE_MAX, LINK_PREVIEW_MAX, TIME_MAX},
};

use super::world::{Device, World, appended, code, frames, group_state, problem, to_commit};
use crate::{
    clock::Clock as _,
    delivery::{DeliveryConfig, pruning},
    limits::{JOIN_REQUEST_KEPT, JOIN_TURN, REVOKED_LINK_KEPT},
    rate::Rate,
};

const HOUR: Duration = Duration::from_hours(1);

fn open() -> LinkSecret {
    LinkSecret::from_seed([1; LINK_SEED_LEN])
}

fn asking() -> LinkSecret {
    LinkSecret::from_seed([2; LINK_SEED_LEN])
}

fn in_policy(link: &LinkSecret, needs_approval: bool) -> InviteLink {
    InviteLink {
        key: link.public_key(),
        needs_approval,
    }
}

/// A group of Alice, who owns it, and Bob, with a link that lets in and one by which one asks; Carol is outside.
struct Room {
    world: World,
    alice: Device,
    bob: Device,
    carol: Device,
    id: ConversationId,
}

impl Room {
    async fn new() -> Self {
        let room = Self::with(World::new()).await;
        for link in [open(), asking()] {
            acknowledged(room.put(&room.alice, &link, |_| {}).await);
        }
        room
    }

    /// Without anything decided about the links.
    async fn with(world: World) -> Self {
        Box::pin(Self::found(world)).await
    }

    async fn found(mut world: World) -> Self {
        let [alice, bob, carol] = [
            world.sign_up("alice").await,
            world.sign_up("bobby").await,
            world.sign_up("carol").await,
        ];
        let id = world.conversation_id();
        let policy = GroupPolicy::group(alice.account())
            .with_link(in_policy(&open(), false))
            .and_then(|policy| policy.with_link(in_policy(&asking(), true)))
            .unwrap();
        let package = bob.key_packages(1).remove(0);
        let create = alice.creation_with(&policy, &[package], bob.account(), id);
        appended(world.ask(&alice, Request::CreateConversation(create)).await);
        alice.merge(id);
        bob.join_by_welcome(&world).await;
        Self {
            world,
            alice,
            bob,
            carol,
            id,
        }
    }

    fn access(&self, device: &Device, link: &LinkSecret) -> Bytes {
        let session = device.session;
        encoded(link.prove_access(self.id, session.account_id, session.device_id))
    }

    async fn put(&self, device: &Device, link: &LinkSecret, change: impl FnOnce(&mut PutLink)) -> Body {
        let mut put = PutLink {
            conversation_id: self.id.to_vec().into(),
            access: self.access(device, link),
            uses_max: 0,
            expires_at_ms: 0,
            preview: Bytes::from_static(b"preview"),
        };
        change(&mut put);
        self.world.ask(device, Request::PutLink(put)).await
    }

    async fn links(&self, device: &Device) -> Vec<Link> {
        let fetch = FetchLinks {
            conversation_id: self.id.to_vec().into(),
        };
        match self.world.ask(device, Request::FetchLinks(fetch)).await {
            Body::Links(links) => links.links,
            other => panic!("{other:?}"),
        }
    }

    /// How many have come by a link.
    async fn uses(&self, link: &LinkSecret) -> u32 {
        let links = self.links(&self.alice).await;
        let found = links.iter().find(|found| found.link_id == link.id().to_vec());
        found.unwrap().uses
    }

    /// What the page of a link says.
    async fn page(&self, link: &LinkSecret) -> Result<(bool, u32, Vec<u8>), String> {
        let page = self.world.service.invite_link(link.id()).await;
        page.map(|page| {
            assert_eq!(page.conversation_id, self.id);
            (page.needs_approval, page.members, page.preview.0)
        })
        .map_err(|problem| problem.code)
    }

    async fn fetch_group(&self, device: &Device, link: &LinkSecret) -> Body {
        let fetch = FetchGroupByLink {
            conversation_id: self.id.to_vec().into(),
            access: self.access(device, link),
        };
        self.world.ask(device, Request::FetchGroupByLink(fetch)).await
    }

    /// The external commit of a device to this state of the group.
    fn joining(&self, device: &Device, state: &GroupState, link: &LinkSecret) -> Append {
        let leaves: Vec<_> = state.leaves.iter().map(|leave| leave.to_vec()).collect();
        let bundle = device.mls(|mls| {
            let staged = mls
                .stage_external_join(
                    &device.identity,
                    &state.group_info,
                    &state.ratchet_tree,
                    &leaves,
                    self.id,
                )
                .unwrap();
            let claim = device.claim(self.id);
            staged
                .commit_by_link(mls, &device.identity, &claim, link)
                .unwrap()
                .1
        });
        device.append(self.id, append::Payload::Commit(to_commit(bundle)))
    }

    /// Fetches the group, makes the commit and sends it.
    async fn join(&self, device: &Device, link: &LinkSecret) -> Body {
        let state = group_state(self.fetch_group(device, link).await);
        let join = self.joining(device, &state, link);
        self.world.ask(device, Request::Append(join)).await
    }

    /// A commit of Alice that gives the group another policy.
    async fn set_policy(&self, change: impl FnOnce(GroupPolicy) -> GroupPolicy) {
        let policy = self.alice.group(self.id, |_, group| group.policy().clone());
        let plan = CommitPlan {
            policy: Some(change(policy)),
            ..CommitPlan::default()
        };
        let commit = self.alice.commit(self.id, plan);
        appended(self.world.ask(&self.alice, Request::Append(commit)).await);
        self.alice.merge(self.id);
    }

    async fn ask_to_join(
        &self,
        device: &Device,
        link: &LinkSecret,
        change: impl FnOnce(&mut AskToJoin),
    ) -> Body {
        let mut ask = AskToJoin {
            conversation_id: self.id.to_vec().into(),
            access: self.access(device, link),
            signature: encoded(link.sign_request(self.id, device.account(), b"note")),
            note: Bytes::from_static(b"note"),
        };
        change(&mut ask);
        self.world.ask(device, Request::AskToJoin(ask)).await
    }

    async fn fetch_requests(&self, device: &Device) -> Body {
        let fetch = FetchJoinRequests {
            conversation_id: self.id.to_vec().into(),
        };
        self.world.ask(device, Request::FetchJoinRequests(fetch)).await
    }

    async fn requests(&self) -> Vec<JoinRequest> {
        match self.fetch_requests(&self.alice).await {
            Body::JoinRequests(requests) => requests.requests,
            other => panic!("{other:?}"),
        }
    }

    async fn deny(&self, by: &Device, whom: &Device) -> Body {
        let deny = DenyRequest {
            conversation_id: self.id.to_vec().into(),
            account_id: whom.account().to_vec().into(),
        };
        self.world.ask(by, Request::DenyRequest(deny)).await
    }
}

fn encoded(signature: LinkSignature) -> Bytes {
    Bytes::copy_from_slice(&signature.encode())
}

#[track_caller]
fn acknowledged(body: Body) {
    match body {
        Body::Acknowledged(_) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_has_a_link_sees_where_it_leads_and_comes_in_by_it() {
    let room = Room::new().await;
    assert_eq!(room.page(&open()).await, Ok((false, 2, b"preview".to_vec())));
    assert_eq!(room.page(&asking()).await, Ok((true, 2, b"preview".to_vec())));
    let joined = appended(room.join(&room.carol, &open()).await);
    assert_eq!((joined.seq, joined.epoch), (2, 2));
    assert_eq!(room.uses(&open()).await, 1);
    assert_eq!(room.page(&open()).await.unwrap().1, 3);
    // She is a member like others: she writes, and her other devices enter by themselves.
    room.carol.send(&room.world, room.id, "here I am").await;
    let mut world = room.world;
    let phone = world.link(&room.carol).await;
    let entry = phone.external_join(&world, room.id).await;
    appended(world.ask(&phone, Request::Append(entry)).await);
    assert_eq!(room.carol.log(&world, room.id, 1).await.entries.len(), 3);
}

#[tokio::test]
async fn without_a_link_or_with_that_of_others_nobody_sees_the_group_or_comes_in() {
    let room = Room::new().await;
    let stranger = LinkSecret::from_seed([3; LINK_SEED_LEN]);
    assert_eq!(
        code(room.fetch_group(&room.carol, &stranger).await),
        "link_invalid"
    );
    assert_eq!(
        code(room.fetch_group(&room.carol, &asking()).await),
        "link_needs_approval"
    );
    // The proof of another account, of another device, for another conversation, and none.
    let other = ConversationId::from_bytes([9; 16]);
    let (account, device) = (room.carol.account(), room.carol.session.device_id);
    for access in [
        room.access(&room.bob, &open()),
        encoded(open().prove_access(room.id, account, room.bob.session.device_id)),
        encoded(open().prove_access(other, account, device)),
        encoded(open().sign_request(room.id, account, device.as_bytes())),
    ] {
        let fetch = FetchGroupByLink {
            conversation_id: room.id.to_vec().into(),
            access,
        };
        let refused = room
            .world
            .ask(&room.carol, Request::FetchGroupByLink(fetch))
            .await;
        assert_eq!(code(refused), "invalid_key_material");
    }
    for (conversation_id, access, expected) in [
        (room.id.to_vec(), vec![7; 96], "malformed_request"),
        (room.id.to_vec(), vec![], "malformed_request"),
        (vec![1; 15], vec![0; 96], "malformed_request"),
        (
            other.to_vec(),
            open().prove_access(other, account, device).encode().to_vec(),
            "link_invalid",
        ),
    ] {
        let fetch = FetchGroupByLink {
            conversation_id: conversation_id.into(),
            access: access.into(),
        };
        let refused = room
            .world
            .ask(&room.carol, Request::FetchGroupByLink(fetch))
            .await;
        assert_eq!(code(refused), expected);
    }
    // Whoever could see the group, but does not show the link in the commit, is a stranger.
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let bundle = room.carol.mls(|mls| {
        let staged = mls.stage_external_join(
            &room.carol.identity,
            &state.group_info,
            &state.ratchet_tree,
            &[],
            room.id,
        );
        let claim = room.carol.claim(room.id);
        staged
            .unwrap()
            .commit(mls, &room.carol.identity, &claim)
            .unwrap()
            .1
    });
    let join = room
        .carol
        .append(room.id, append::Payload::Commit(to_commit(bundle)));
    let refused = room.world.ask(&room.carol, Request::Append(join)).await;
    assert_eq!(code(refused), "not_a_member");
}

#[tokio::test]
async fn a_link_is_decided_about_by_whoever_may_add_and_has_it_once_the_policy_has_it() {
    let room = Room::with(World::new()).await;
    let unknown = LinkSecret::from_seed([3; LINK_SEED_LEN]);
    // As long as nothing is decided, nobody comes by it.
    assert_eq!(room.page(&open()).await, Err("link_invalid".into()));
    assert_eq!(code(room.fetch_group(&room.carol, &open()).await), "link_invalid");
    assert_eq!(
        code(room.put(&room.alice, &unknown, |_| {}).await),
        "link_invalid"
    );
    assert_eq!(code(room.put(&room.carol, &open(), |_| {}).await), "not_a_member");
    let foreign = room.access(&room.alice, &open());
    let refused = room.put(&room.bob, &open(), |put| put.access = foreign).await;
    assert_eq!(code(refused), "invalid_key_material");
    let too_long = vec![1; LINK_PREVIEW_MAX + 1];
    for (spoil, expected) in [
        (
            Box::new(move |put: &mut PutLink| put.preview = too_long.into()) as Box<dyn FnOnce(&mut PutLink)>,
            "too_large",
        ),
        (
            Box::new(|put: &mut PutLink| put.preview = Bytes::new()),
            "malformed_request",
        ),
        (
            Box::new(|put: &mut PutLink| put.expires_at_ms = TIME_MAX.as_millis() + 1),
            "malformed_request",
        ),
        (
            Box::new(|put: &mut PutLink| put.access = Bytes::new()),
            "malformed_request",
        ),
    ] {
        assert_eq!(code(room.put(&room.alice, &open(), spoil).await), expected);
    }
    assert!(room.links(&room.bob).await.is_empty());
    // Bob is a plain member, who may add people here.
    let expires = room.world.clock.now().as_millis() + 1_000;
    let put = |put: &mut PutLink| {
        put.uses_max = 7;
        put.expires_at_ms = expires;
        put.preview = vec![1; LINK_PREVIEW_MAX].into();
    };
    for _ in 0..2 {
        acknowledged(room.put(&room.bob, &open(), put).await);
    }
    let expected = Link {
        link_id: open().id().to_vec().into(),
        uses: 0,
        uses_max: 7,
        expires_at_ms: expires,
        created_at_ms: room.world.clock.now().as_millis(),
    };
    assert_eq!(room.links(&room.bob).await, [expected]);
    let rights = Rights {
        add: Role::Admin,
        ..Rights::DEFAULT
    };
    room.set_policy(|policy| policy.with_rights(rights).unwrap())
        .await;
    assert_eq!(code(room.put(&room.bob, &open(), put).await), "forbidden");
    let fetch = FetchLinks {
        conversation_id: room.id.to_vec().into(),
    };
    let refused = room.world.ask(&room.carol, Request::FetchLinks(fetch)).await;
    assert_eq!(code(refused), "not_a_member");
}

#[tokio::test]
async fn a_link_is_revoked_with_the_commit_that_drops_it_and_remembered_as_such() {
    let room = Room::new().await;
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let late = room.joining(&room.carol, &state, &open());
    acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    room.set_policy(GroupPolicy::without_links).await;
    for link in [open(), asking()] {
        assert_eq!(room.page(&link).await, Err("link_revoked".into()));
        assert_eq!(code(room.fetch_group(&room.carol, &link).await), "link_revoked");
        assert_eq!(code(room.put(&room.alice, &link, |_| {}).await), "link_invalid");
    }
    let refused = room.world.ask(&room.carol, Request::Append(late)).await;
    assert_eq!(code(refused), "link_revoked");
    assert_eq!(
        code(room.ask_to_join(&room.carol, &asking(), |_| {}).await),
        "link_revoked"
    );
    assert!(room.links(&room.alice).await.is_empty());
    assert!(room.requests().await.is_empty());
    room.world.clock.advance(REVOKED_LINK_KEPT + HOUR);
    let world = &room.world;
    pruning::round(world.store.as_ref(), world.clock.as_ref(), &world.config)
        .await
        .unwrap();
    assert_eq!(room.page(&open()).await, Err("link_invalid".into()));
}

#[tokio::test]
async fn an_expired_link_lets_nobody_in_by_the_clock_of_the_server() {
    let room = Room::new().await;
    let expires = room.world.clock.now().as_millis() + 60_000;
    acknowledged(
        room.put(&room.alice, &open(), |put| put.expires_at_ms = expires)
            .await,
    );
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let late = room.joining(&room.carol, &state, &open());
    room.world.clock.set(Timestamp::from_millis(expires));
    assert_eq!(room.page(&open()).await, Err("link_expired".into()));
    assert_eq!(code(room.fetch_group(&room.carol, &open()).await), "link_expired");
    let refused = room.world.ask(&room.carol, Request::Append(late)).await;
    assert_eq!(code(refused), "link_expired");
    assert_eq!(room.uses(&open()).await, 0);
    // Whoever may add makes it last longer.
    acknowledged(
        room.put(&room.alice, &open(), |put| put.expires_at_ms = expires + 1)
            .await,
    );
    appended(room.join(&room.carol, &open()).await);
}

#[tokio::test]
async fn of_many_who_come_at_once_a_link_lets_in_as_many_as_it_may() {
    let room = Room::new().await;
    acknowledged(room.put(&room.alice, &open(), |put| put.uses_max = 1).await);
    let mut world = room.world;
    let (alice, bob, id) = (room.alice, room.bob, room.id);
    let mut outside = vec![room.carol];
    for handle in ["david", "erica", "frank"] {
        outside.push(world.sign_up(handle).await);
    }
    let carol = outside.remove(0);
    let room = Room {
        world,
        alice,
        bob,
        carol,
        id,
    };
    let mut joins = Vec::new();
    for device in &outside {
        let state = group_state(room.fetch_group(device, &open()).await);
        joins.push((device, room.joining(device, &state, &open())));
        room.world.clock.advance(JOIN_TURN);
    }
    let answers = joins
        .into_iter()
        .map(|(device, join)| room.world.ask(device, Request::Append(join)));
    let mut joined = 0;
    for answer in futures_util::future::join_all(answers).await {
        match answer {
            Body::Appended(_) => joined += 1,
            refused => assert!(["stale_epoch", "link_used_up"].contains(&&*code(refused))),
        }
    }
    assert_eq!(joined, 1);
    assert_eq!(
        (room.uses(&open()).await, room.page(&open()).await),
        (1, Err("link_used_up".into()))
    );
    assert_eq!(code(room.fetch_group(&room.carol, &open()).await), "link_used_up");
}

#[tokio::test]
async fn of_many_who_come_at_once_one_after_the_other_sees_the_group() {
    let mut room = Room::new().await;
    let david = room.world.sign_up("david").await;
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let refused = problem(room.fetch_group(&david, &open()).await);
    assert_eq!(refused.code, "not_your_turn");
    assert!(refused.retry_after_ms > 0);
    let join = room.joining(&room.carol, &state, &open());
    appended(room.world.ask(&room.carol, Request::Append(join)).await);
    appended(room.join(&david, &open()).await);
    // Whoever is refused leaves the turn to the next one.
    let erica = room.world.sign_up("erica").await;
    assert_eq!(
        code(room.fetch_group(&erica, &asking()).await),
        "link_needs_approval"
    );
    group_state(room.fetch_group(&erica, &open()).await);
}

#[tokio::test]
async fn whoever_is_banned_is_named_as_such() {
    let room = Room::new().await;
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let late = room.joining(&room.carol, &state, &open());
    let banned = room.carol.account();
    room.set_policy(|policy| policy.with_ban(banned, true).unwrap())
        .await;
    for link in [open(), asking()] {
        let refused = room.ask_to_join(&room.carol, &link, |_| {}).await;
        let expected = if link.id() == open().id() {
            "forbidden"
        } else {
            "banned"
        };
        assert_eq!(code(refused), expected);
    }
    assert_eq!(code(room.fetch_group(&room.carol, &open()).await), "banned");
    // Where the head is, she does not learn.
    let refused = problem(room.world.ask(&room.carol, Request::Append(late)).await);
    assert_eq!(
        (refused.code.as_str(), refused.head_seq, refused.epoch),
        ("stale_epoch", 0, 0)
    );
    assert_eq!(room.uses(&open()).await, 0);
}

#[tokio::test]
async fn whoever_loses_a_race_against_a_commit_fetches_the_group_anew() {
    let room = Room::new().await;
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let late = room.joining(&room.carol, &state, &open());
    room.set_policy(|policy| policy.with_link(in_policy(&asking(), false)).unwrap())
        .await;
    let refused = room.world.ask(&room.carol, Request::Append(late)).await;
    assert_eq!(code(refused), "stale_epoch");
    appended(room.join(&room.carol, &asking()).await);
    assert_eq!((room.uses(&open()).await, room.uses(&asking()).await), (0, 1));
}

#[tokio::test]
async fn a_retry_of_whoever_came_by_a_link_is_no_second_use() {
    let room = Room::new().await;
    acknowledged(room.put(&room.alice, &open(), |put| put.uses_max = 1).await);
    let state = group_state(room.fetch_group(&room.carol, &open()).await);
    let join = room.joining(&room.carol, &state, &open());
    for _ in 0..2 {
        let answer = room.world.ask(&room.carol, Request::Append(join.clone())).await;
        assert_eq!(appended(answer).seq, 2);
    }
    assert_eq!(room.uses(&open()).await, 1);
    assert_eq!(room.page(&open()).await, Err("link_used_up".into()));
}

#[tokio::test]
async fn whoever_asks_waits_until_somebody_adds_denies_or_they_take_it_back() {
    let room = Room::new().await;
    let phone = room.world.connect(&room.alice);
    acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    let pushed = frames(&phone).await;
    assert!(pushed.iter().any(|frame| matches!(
        &frame.body,
        Some(Body::Notice(notice)) if matches!(notice.kind, Some(notice::Kind::StateChanged(_)))
    )));
    let [request] = &room.requests().await[..] else {
        panic!("one request")
    };
    // What shows that the server has not made it up.
    let signature = LinkSignature::decode(&request.signature).unwrap();
    assert_eq!(signature.key(), asking().public_key());
    assert_eq!(
        signature.verify_request(room.id, room.carol.account(), &request.note),
        Ok(())
    );
    assert_eq!(request.account_id, room.carol.account().to_vec());

    acknowledged(room.deny(&room.bob, &room.carol).await);
    assert!(room.requests().await.is_empty());
    acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    let take_back = TakeBackRequest {
        conversation_id: room.id.to_vec().into(),
    };
    for _ in 0..2 {
        let answer = room
            .world
            .ask(&room.carol, Request::TakeBackRequest(take_back.clone()))
            .await;
        acknowledged(answer);
    }
    assert!(room.requests().await.is_empty());
    acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    let package = room.carol.key_packages(1).remove(0);
    let add = room.alice.add(room.id, &room.carol, &package);
    appended(room.world.ask(&room.alice, Request::Append(add)).await);
    assert!(room.requests().await.is_empty());
    assert_eq!(room.uses(&asking()).await, 1);
    assert_eq!(
        code(room.ask_to_join(&room.carol, &asking(), |_| {}).await),
        "forbidden"
    );
}

#[tokio::test]
async fn nobody_asks_in_the_name_of_others_or_decides_without_the_right_to_add() {
    let room = Room::new().await;
    let (id, carol) = (room.id, room.carol.account());
    for (signature, expected) in [
        (
            asking().sign_request(id, room.bob.account(), b"note"),
            "invalid_key_material",
        ),
        (
            asking().sign_request(id, carol, b"another"),
            "invalid_key_material",
        ),
        (open().sign_request(id, carol, b"note"), "malformed_request"),
    ] {
        let refused = room
            .ask_to_join(&room.carol, &asking(), |ask| ask.signature = encoded(signature))
            .await;
        assert_eq!(code(refused), expected);
    }
    let long = vec![1; JOIN_NOTE_MAX + 1];
    let refused = room
        .ask_to_join(&room.carol, &asking(), |ask| ask.note = long.into())
        .await;
    assert_eq!(code(refused), "too_large");
    assert_eq!(
        code(room.ask_to_join(&room.carol, &open(), |_| {}).await),
        "forbidden"
    );
    assert!(room.requests().await.is_empty());

    acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    assert_eq!(code(room.fetch_requests(&room.carol).await), "not_a_member");
    assert_eq!(code(room.deny(&room.carol, &room.carol).await), "not_a_member");
    let rights = Rights {
        add: Role::Admin,
        ..Rights::DEFAULT
    };
    room.set_policy(|policy| policy.with_rights(rights).unwrap())
        .await;
    assert_eq!(code(room.fetch_requests(&room.bob).await), "forbidden");
    assert_eq!(code(room.deny(&room.bob, &room.carol).await), "forbidden");
    assert_eq!(room.requests().await.len(), 1);
    room.world.clock.advance(JOIN_REQUEST_KEPT + HOUR);
    let world = &room.world;
    pruning::round(world.store.as_ref(), world.clock.as_ref(), &world.config)
        .await
        .unwrap();
    assert!(room.requests().await.is_empty());
}

#[tokio::test]
async fn links_and_requests_are_there_after_a_restart() {
    let room = Room::new().await;
    acknowledged(room.put(&room.alice, &open(), |put| put.uses_max = 1).await);
    acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    let room = Room {
        world: room.world.restart().await,
        ..room
    };
    assert_eq!(room.links(&room.alice).await.len(), 2);
    assert_eq!(room.requests().await.len(), 1);
    room.world.clock.advance(HOUR);
    appended(room.join(&room.carol, &open()).await);
    let room = Room {
        world: room.world.restart().await,
        ..room
    };
    assert_eq!(room.page(&open()).await, Err("link_used_up".into()));
}

#[tokio::test]
async fn just_after_a_start_nobody_comes_by_a_link() {
    let room = Room::new().await;
    room.world.clock.advance(HOUR);
    let room = Room {
        world: room.world.restart().await,
        ..room
    };
    let refused = room.join(&room.carol, &open()).await;
    assert_eq!(code(refused), "commits_held");
    assert_eq!(room.uses(&open()).await, 0);
}

#[tokio::test]
async fn an_account_that_asks_too_often_disturbs_nobody() {
    let room = Room::with(World::with(DeliveryConfig {
        join_requests: Rate::per(2, HOUR),
        ..DeliveryConfig::default()
    }))
    .await;
    acknowledged(room.put(&room.alice, &asking(), |_| {}).await);
    for _ in 0..2 {
        acknowledged(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    }
    let refused = problem(room.ask_to_join(&room.carol, &asking(), |_| {}).await);
    assert_eq!(refused.code, "rate_limited");
}

#[tokio::test]
async fn a_device_that_uses_links_too_often_is_told_when_to_come_back() {
    let room = Room::with(World::with(DeliveryConfig {
        links: Rate::per(1, Duration::from_mins(1)),
        ..DeliveryConfig::default()
    }))
    .await;
    acknowledged(room.put(&room.alice, &open(), |_| {}).await);
    let refused = problem(room.put(&room.alice, &open(), |_| {}).await);
    assert_eq!(refused.code, "rate_limited");
    assert!(refused.retry_after_ms > 0);
    group_state(room.fetch_group(&room.carol, &open()).await);
    for refused in [
        room.fetch_group(&room.carol, &open()).await,
        room.ask_to_join(&room.carol, &asking(), |_| {}).await,
    ] {
        assert_eq!(code(refused), "rate_limited");
    }
}
