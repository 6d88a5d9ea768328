//! The terminal interface: model, update, view. This file is its loop: it waits for keys and for the client, updates
//! the model, carries out the effects, and draws.

mod model;

mod update;

mod view;

mod composer;
mod geometry;
mod transcript;
mod wrap;

mod effects;

mod terminal;

#[cfg(test)]
mod fixtures;

use std::{io, time::Duration};

use anyhow::anyhow;
use crossterm::event::{Event as TerminalEvent, EventStream};
#[cfg(unix)]
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::tz::TimeZone;
use subrosa_client::{Client, ClientError, Update};
#[cfg(unix)]
use subrosa_client::{Connection, Status};
use subrosa_server::clock::{Clock as _, SystemClock};
use tokio::{sync::mpsc, time::Instant};

use self::{
    effects::Effects,
    model::Model,
    terminal::Screen,
    update::{Input, begin, leave, update},
};
use crate::signals::{self, GoesOn};

/// The most answers of the server that are queued.
const ANSWERS_MAX: usize = 64;
/// The most inputs that are handled before the screen is drawn again.
const INPUTS_BEFORE_DRAWING_MAX: usize = 256;

/// Pause in typing after which the draft is kept.
const DRAFT_PAUSE: Duration = Duration::from_secs(1);
/// How long it may take without a pause.
const DRAFT_DELAY_MAX: Duration = Duration::from_secs(5);

/// How long after the last key the user is taken to be here.
const HERE_AFTER_KEY: Duration = Duration::from_mins(5);
/// How long it may take to report that the user leaves before the process is suspended.
#[cfg(unix)]
const LEAVE_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs the interface until the user quits.
pub(crate) async fn run(client: &Client) -> anyhow::Result<()> {
    let mut events = client.events();
    let mut status = client.status();
    let (answers, mut answered) = mpsc::channel(ANSWERS_MAX);
    let mut effects = Effects::new(client.clone(), answers);
    let me = client.me().await?;
    let asked_to_end = signals::asked_to_end();
    let mut goes_on = GoesOn::watch();
    let mut screen = Screen::enter()?;
    let mut keys = EventStream::new();
    let panicked = screen.panicked();
    tokio::pin!(asked_to_end, panicked);

    let size = screen.terminal().size()?;
    let mut model = Model::new(me, TimeZone::system(), size.width, size.height);
    effects.carry_out(&mut model, begin()).await;
    client.connect();

    let mut timers = Timers::new();
    let ended: anyhow::Result<()> = async {
        while !model.quit {
            if (&mut panicked).now_or_never().is_some() {
                return Err(after_a_panic());
            }
            model.now = SystemClock.now();
            screen.terminal().draw(|frame| view::draw(&model, frame))?;
            let mut todo = Vec::new();
            let next = async {
                tokio::select! {
                    key = keys.next() => Ok(key.map(|key| key.map(terminal_input)).transpose()?.unwrap_or(Some(Next::End))),
                    update = events.next() => update.map(|update| Some(client_input(update))).ok_or(ClientError::Closed.into()),
                    changed = status.changed() => {
                        changed.map_err(|_| ClientError::Closed)?;
                        Ok(Some(Next::Input(Input::Status(status.borrow_and_update().clone()))))
                    }
                    Some(answer) = answered.recv() => Ok(Some(Next::Input(answer))),
                    () = &mut asked_to_end => Ok(Some(Next::End)),
                    () = tokio::time::sleep_until(timers.draft_at), if model.is_draft_unkept() => {
                        Ok(Some(Next::Input(Input::Paused)))
                    }
                    () = tokio::time::sleep_until(timers.idle_at), if !model.attention.is_idle => {
                        Ok(Some(Next::Input(Input::Idle)))
                    }
                    () = goes_on.wait() => Ok(Some(Next::GoesOn)),
                    () = &mut panicked => Err(after_a_panic()),
                }
            };
            let first: anyhow::Result<Option<Next>> = next.await;
            match first? {
                Some(Next::Input(input)) => {
                    timers.heard(&input, model.is_draft_unkept());
                    todo.extend(update(&mut model, input));
                }
                #[cfg(unix)]
                Some(Next::Suspend) => {
                    let last = leave(&mut model);
                    effects.carry_out(&mut model, last).await;
                    all_answered(client).await;
                    screen.suspend(&mut goes_on).await?;
                    todo.extend(update(&mut model, resized(&mut screen)?));
                }
                Some(Next::GoesOn) => {
                    screen.take_over_again()?;
                    todo.extend(update(&mut model, resized(&mut screen)?));
                }
                Some(Next::End) => break,
                None => {}
            }
            // Everything that has arrived meanwhile is drawn at once.
            for _ in 0..INPUTS_BEFORE_DRAWING_MAX {
                let Some(Some(event)) = events.next().now_or_never() else {
                    break;
                };
                if let Next::Input(input) = client_input(event) {
                    todo.extend(update(&mut model, input));
                }
            }
            effects.carry_out(&mut model, todo).await;
        }
        Ok(())
    }
    .await;
    // Also if the terminal is gone. The caller waits for the answers before it closes the client.
    let last = leave(&mut model);
    effects.carry_out(&mut model, last).await;
    ended
}

/// When something is due because no key was pressed.
struct Timers {
    /// When something was typed first that is not kept.
    typed_since: Instant,
    /// When the draft is to be kept.
    draft_at: Instant,
    /// When the user is no longer taken to be here.
    idle_at: Instant,
}

impl Timers {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            typed_since: now,
            draft_at: now,
            idle_at: now + HERE_AFTER_KEY,
        }
    }

    /// Notes an input before it is handled.
    fn heard(&mut self, input: &Input, is_draft_unkept: bool) {
        let now = Instant::now();
        match input {
            Input::Key(_) | Input::Paste(_) => {
                if !is_draft_unkept {
                    self.typed_since = now;
                }
                self.draft_at = (now + DRAFT_PAUSE).min(self.typed_since + DRAFT_DELAY_MAX);
                self.idle_at = now + HERE_AFTER_KEY;
            }
            // If it cannot be kept now, it is tried again after a while.
            Input::Paused => self.draft_at = now + DRAFT_DELAY_MAX,
            _ => {}
        }
    }
}

/// Waits a moment for the answers to what is under way, if there is a connection.
#[cfg(unix)]
async fn all_answered(client: &Client) {
    let mut status = client.status();
    let is_answered =
        |status: &Status| status.connection != Connection::Online || status.requests_under_way == 0;
    // What is not answered in time waits until the process goes on.
    let _ = tokio::time::timeout(LEAVE_TIMEOUT, status.wait_for(is_answered)).await;
}

/// The size that the terminal has. It may have changed while this process was stopped.
fn resized(screen: &mut Screen) -> io::Result<Input> {
    let size = screen.terminal().size()?;
    Ok(Input::Resized(size.width, size.height))
}

/// Why the interface ended, after the terminal was restored.
fn after_a_panic() -> anyhow::Error {
    anyhow!("something went wrong in the background, as reported above")
}

enum Next {
    Input(Input),
    /// The user wants the shell back for a while.
    #[cfg(unix)]
    Suspend,
    /// This process was stopped, and goes on.
    GoesOn,
    /// The terminal is gone, or a signal asked this process to end.
    End,
}

fn client_input(update: Update) -> Next {
    Next::Input(match update {
        Update::Event(event) => Input::Event(event),
        _ => Input::Missed,
    })
}

fn terminal_input(event: TerminalEvent) -> Option<Next> {
    let input = match event {
        #[cfg(unix)]
        TerminalEvent::Key(key) if is_suspend(key) => return Some(Next::Suspend),
        TerminalEvent::Key(key) => Input::Key(key),
        TerminalEvent::Paste(text) => Input::Paste(text),
        TerminalEvent::Resize(width, height) => Input::Resized(width, height),
        TerminalEvent::FocusGained => Input::InFront(true),
        TerminalEvent::FocusLost => Input::InFront(false),
        TerminalEvent::Mouse(_) => return None,
    };
    Some(Next::Input(input))
}

/// Ctrl+Z, which the terminal does not handle in raw mode.
#[cfg(unix)]
fn is_suspend(key: KeyEvent) -> bool {
    key.code == KeyCode::Char('z')
        && key.modifiers == KeyModifiers::CONTROL
        && key.kind != KeyEventKind::Release
}
