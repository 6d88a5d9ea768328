//! The service: a request of a signed-in device in, an answer out.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use subrosa_wire::{
    AccountId, DeviceId, ProblemCode,
    frames::{
        Acknowledged, Pong, Problem, StateChanged, append, client_frame::Request, notice, server_frame::Body,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DeliveryConfig,
    answers::{AnswerTo, refused},
    appender::Appender,
    joiners::Joiners,
    lost_removals::LostRemovals,
    pruning,
    publisher::Publisher,
    requests,
    settling::Settling,
    tags::EntryTags,
    validation::Validation,
};
use crate::{
    clock::Clock,
    push::{Connection, Fanout, Hub},
    rate::Limiter,
    session::Session,
    store::Store,
};

/// Delivery, without a transport.
pub struct Service {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settling: Settling,
    pub(super) tags: EntryTags,
    pub(super) fanout: Fanout,
    hub: Arc<Hub>,
    pub(super) appender: Appender,
    /// Held by whoever puts entries back.
    pub(super) restoring: tokio::sync::Mutex<()>,
    pub(super) validation: Validation,
    /// Those who join by links.
    pub(super) joiners: Joiners,
    pub(super) lost_removals: LostRemovals,
    pub(super) claims: Limiter,
    pub(super) one_time_claims: Limiter,
    pub(super) commits: Limiter,
    pub(super) records: Limiter,
    pub(super) receipts: Limiter,
    pub(super) signals: Limiter,
    pub(super) objects: Limiter,
    pub(super) links: Limiter,
    pub(super) join_requests: Limiter,
    requests: Limiter,
    tasks: TaskTracker,
}

/// Work of the service that runs as long as the server. If one of these ends before it is asked to, the
/// server cannot go on.
pub struct BackgroundTask {
    /// For logs.
    pub name: &'static str,
    /// The work.
    pub work: BoxFuture<'static, ()>,
}

impl Service {
    /// The service on a store, and the tasks that the caller must run for it. The tasks finish what was
    /// taken in and end once `stop` is cancelled.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        config: &DeliveryConfig,
        tags: EntryTags,
        stop: &CancellationToken,
    ) -> (Arc<Self>, Vec<BackgroundTask>) {
        let hub = Arc::new(Hub::new());
        let fanout = Fanout::new(Arc::clone(&hub));
        let (publisher, publish) = Publisher::new(fanout.clone(), tags.clone());
        let (appender, append) =
            Appender::new(Arc::clone(&store), Arc::clone(&clock), publisher, stop.clone());
        let prune = pruning::run(
            Arc::clone(&store),
            Arc::clone(&clock),
            config.clone(),
            stop.clone(),
        );
        let tasks = vec![
            BackgroundTask {
                name: "publisher",
                work: Box::pin(publish),
            },
            BackgroundTask {
                name: "appender",
                work: Box::pin(append),
            },
            BackgroundTask {
                name: "pruning",
                work: Box::pin(prune),
            },
        ];
        let service = Self {
            requests: Limiter::new(config.requests, &clock),
            claims: Limiter::new(config.claims, &clock),
            one_time_claims: Limiter::new(config.one_time_claims, &clock),
            commits: Limiter::new(config.commits, &clock),
            records: Limiter::new(config.records, &clock),
            receipts: Limiter::new(config.receipts, &clock),
            signals: Limiter::new(config.signals, &clock),
            objects: Limiter::new(config.objects, &clock),
            links: Limiter::new(config.links, &clock),
            join_requests: Limiter::new(config.join_requests, &clock),
            settling: Settling::new(clock.now()),
            tags,
            restoring: tokio::sync::Mutex::new(()),
            store,
            clock,
            fanout,
            hub,
            appender,
            validation: Validation::new(),
            joiners: Joiners::default(),
            lost_removals: LostRemovals::default(),
            tasks: TaskTracker::new(),
        };
        (Arc::new(service), tasks)
    }

    /// Where connected devices are.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Answers one request. A `Hello` belongs to the transport and is refused here.
    pub async fn handle(&self, session: &Session, request: Request) -> Body {
        match self
            .admit(session)
            .and_then(|()| requests::bounded_lists(&request))
        {
            Ok(()) => self.answer(session, request).await,
            Err(problem) => refused(problem),
        }
    }

    /// Takes in one request of a connection; the answer goes into the connection's outbox.
    ///
    /// Messages are queued in the order of the calls, so that those of one connection share a transaction. If
    /// a future comes back, the queue is full, and the connection must wait for it before its next request.
    #[must_use = "a full queue holds the connection back"]
    pub fn dispatch(
        self: &Arc<Self>,
        connection: &Connection,
        request_id: u64,
        request: Request,
    ) -> Option<BoxFuture<'static, ()>> {
        let session = *connection.session();
        let outbox = connection.outbox();
        // Lists too long are refused before anything waits with them in memory.
        let admitted = self
            .admit(&session)
            .and_then(|()| requests::bounded_lists(&request));
        if let Err(problem) = admitted {
            outbox.push_answer(request_id, refused(problem));
            return None;
        }
        match request {
            Request::Append(append)
                if !matches!(
                    append.payload,
                    Some(append::Payload::Commit(_) | append::Payload::Leave(_))
                ) =>
            {
                outbox.append_begins();
                let answer = AnswerTo::Connection {
                    outbox: Arc::clone(outbox),
                    request_id,
                };
                self.submit_message(&session, append, answer)
            }
            request => {
                let weight = requests::weight(&request);
                outbox.request_begins(weight);
                let (service, outbox) = (Arc::clone(self), Arc::clone(outbox));
                self.tasks.spawn(async move {
                    let body = service.answer(&session, request).await;
                    outbox.request_ends(weight);
                    outbox.push_answer(request_id, body);
                });
                None
            }
        }
    }

    /// Whether the device is signed in now. A token can outlive that for a moment.
    pub(crate) async fn is_signed_in(&self, device_id: DeviceId) -> Result<bool, Problem> {
        let device = self.store.device(device_id).await?;
        Ok(device.is_some_and(|device| device.signed_out_at.is_none()))
    }

    /// Counts one request of a device against its limit.
    pub(super) fn admit(&self, session: &Session) -> Result<(), Problem> {
        Ok(self.requests.check(session.device_id)?)
    }

    async fn answer(&self, session: &Session, request: Request) -> Body {
        let answer = match request {
            Request::Append(append) => self.append(session, append).await.map(Body::Appended),
            Request::CreateConversation(create) => self
                .create_conversation(session, create)
                .await
                .map(Body::Appended),
            Request::Acknowledge(acknowledge) => {
                self.acknowledge(session, &acknowledge).map(|()| acknowledged())
            }
            Request::RestoreLog(restore) => self.restore_log(session, restore).await.map(Body::LogRestored),
            Request::FetchLog(fetch) => self.fetch_log(session, &fetch).await.map(Body::LogPage),
            Request::FetchGroup(fetch) => self.fetch_group(session, &fetch).await.map(Body::GroupState),
            Request::FetchTree(fetch) => self.fetch_tree(session, &fetch).await.map(Body::RatchetTree),
            Request::Sync(_) => self.sync(session).await.map(Body::SyncState),
            Request::AcknowledgeWelcomes(acknowledge) => self
                .acknowledge_welcomes(session, acknowledge)
                .await
                .map(|()| acknowledged()),
            Request::ClaimKeyPackages(claim) => self
                .claim_key_packages(session, &claim)
                .await
                .map(Body::KeyPackages),
            Request::ClaimForMany(claim) => self
                .claim_for_many(session, &claim)
                .await
                .map(Body::KeyPackagesOfMany),
            Request::PublishKeyPackages(publish) => self
                .publish_key_packages(session, publish)
                .await
                .map(Body::KeyPackagesPublished),
            Request::PutRecord(put) => self.put_record(session, put).await.map(Body::RecordPut),
            Request::FetchRecords(fetch) => self.fetch_records(session, fetch).await.map(Body::RecordsPage),
            Request::PutReceipt(put) => self.put_receipt(session, put).await.map(Body::ReceiptPut),
            Request::FetchReceipts(fetch) => {
                self.fetch_receipts(session, fetch).await.map(Body::ReceiptsPage)
            }
            Request::PassOn(signals) => self.pass_on(session, signals).await.map(|()| acknowledged()),
            Request::PutObject(put) => self.put_object(session, put).await.map(Body::ObjectPut),
            Request::FetchObject(fetch) => self.fetch_object(fetch).await.map(Body::Object),
            Request::PutLink(put) => self.put_link(session, put).await.map(|()| acknowledged()),
            Request::FetchLinks(fetch) => self.fetch_links(session, &fetch).await.map(Body::Links),
            Request::FetchGroupByLink(fetch) => self
                .fetch_group_by_link(session, &fetch)
                .await
                .map(Body::GroupState),
            Request::AskToJoin(ask) => self.ask_to_join(session, ask).await.map(|()| acknowledged()),
            Request::TakeBackRequest(take_back) => self
                .take_back_request(session, &take_back)
                .await
                .map(|()| acknowledged()),
            Request::FetchJoinRequests(fetch) => self
                .fetch_join_requests(session, &fetch)
                .await
                .map(Body::JoinRequests),
            Request::DenyRequest(deny) => self.deny_request(session, &deny).await.map(|()| acknowledged()),
            Request::LookUpAccount(look_up) => self.look_up_account(look_up).await.map(Body::Account),
            Request::Ping(_) => Ok(Body::Pong(Pong {
                server_time_ms: self.clock.now().as_millis(),
            })),
            Request::Hello(_) => Err(Problem::new(
                ProblemCode::MalformedRequest,
                "Hello is the first frame and no other",
            )),
        };
        answer.unwrap_or_else(refused)
    }

    /// A device of the account signed in: notifies its other devices.
    pub async fn device_signed_in(&self, account_id: AccountId, device_id: DeviceId) {
        self.notify_account(account_id, &[device_id]).await;
    }

    /// A device was signed out: deletes what waits for it, closes its connections, and notifies the account's
    /// other devices, so that they remove its leaves.
    pub async fn device_signed_out(&self, account_id: AccountId, device_id: DeviceId) -> Result<(), Problem> {
        self.fanout.sign_out(device_id);
        self.store.sign_out_device(device_id).await?;
        self.notify_account(account_id, &[device_id]).await;
        Ok(())
    }

    /// Notifies the connected devices of an account, other than these, that there is something new to fetch.
    /// It is a hint: if it does not arrive, the next Sync shows the same.
    pub(super) async fn notify_account(&self, account_id: AccountId, except: &[DeviceId]) {
        for device_id in self.devices_to_notify(account_id, except).await {
            self.fanout
                .notice(device_id, notice::Kind::StateChanged(StateChanged {}));
        }
    }

    /// The signed-in devices of an account, other than these. None if the storage fails, since what they are notified
    /// of is a hint.
    pub(super) async fn devices_to_notify(
        &self,
        account_id: AccountId,
        except: &[DeviceId],
    ) -> Vec<DeviceId> {
        match self.store.devices(account_id).await {
            Ok(devices) => devices
                .into_iter()
                .filter(|device| device.signed_out_at.is_none() && !except.contains(&device.device_id))
                .map(|device| device.device_id)
                .collect(),
            Err(error) => {
                tracing::warn!(%error, account_id = %account_id, "the account's devices were not notified");
                Vec::new()
            }
        }
    }

    /// Waits until every request that was taken in is answered. No new ones may come.
    pub async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn acknowledged() -> Body {
    Body::Acknowledged(Acknowledged {})
}
