//! What can happen in a world, and how a world is written down, so that one that failed can be run again.

use std::{fmt, str::FromStr};

use proptest::{prelude::*, sample::select, strategy::Union};
use subrosa_e2e::lies::Lie;

use crate::{
    hostile::{Malice, Stranger},
    wishes::Deed,
};

/// Something that happens. A number chooses the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    SendText(u8),
    MarkRead(u8),
    /// Goes on with the draft, or deletes it if it has become long.
    TypeText(u8),
    DeliverToServer(u8),
    DeliverToDevice(u8),
    Connect(u8),
    Cut(u8),
    /// Milliseconds.
    Wait(u32),
    AddDevice(u8),
    ReorderToServer(u8),
    ReorderToDevice(u8),
    DuplicateToServer(u8),
    DuplicateToDevice(u8),
    LoseToServer(u8),
    LoseToDevice(u8),
    /// The process dies when so many further transactions have been committed, with the next one open.
    CrashBeforeCommit(u8, u8),
    /// The same, just after that one was committed: whatever it was to send and to tell is lost.
    CrashAfterCommit(u8, u8),
    RestartServer,
    /// The server deletes what is older than the world's retention, also for devices that do not have it.
    Prune,
    /// From here on a device hears a lie, in so many frames for which it makes sense.
    Lie(u8, Lie, u8),
    /// Some devices, one for each bit, see another server from here on: a copy of this one.
    Fork(u8),
    /// All see the same server again.
    EndFork,
    /// The server's folder is copied.
    Keep,
    /// The server's folder is put back from the copy.
    RollBack,
    /// A device's profile is copied.
    KeepProfile(u8),
    /// A device's profile is put back from the copy.
    RollBackProfile(u8),
    /// A hostile device of a member's account joins the conversation and does harm.
    Member(u8, Malice),
    /// A stranger does something to a member.
    Stranger(u8, Stranger),
    /// The user of a device wants something changed in the group.
    Group(u8, Deed),
    /// Messages are to disappear from then on, or not any more.
    SetTimer(u8, bool),
}

/// How often something happens compared with the delivery of a frame (30).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weights {
    pub fault: u32,
    pub crash: u32,
    pub prune: u32,
    pub lie: u32,
    pub fork: u32,
    pub roll_back: u32,
    pub profile: u32,
    pub member: u32,
    pub stranger: u32,
    /// How often somebody wants the group changed; without it, two accounts talk to each other.
    pub group: u32,
    /// How often somebody chooses whether messages disappear.
    pub timer: u32,
}

/// A world is given by these, but for the random numbers inside OpenMLS.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub seed: u64,
    /// Two talk to each other; more have a group.
    pub accounts: u8,
    /// Devices that each account has from the start.
    pub devices: u8,
    pub actions: Vec<Action>,
}

impl Weights {
    /// Worlds of this kind.
    pub(crate) fn plans(&self) -> impl Strategy<Value = Plan> + use<> {
        let of = |make: fn(u8) -> Action| any::<u8>().prop_map(make).boxed();
        let dying = |make: fn(u8, u8) -> Action| {
            (any::<u8>(), 0..5_u8)
                .prop_map(move |(who, commits)| make(who, commits))
                .boxed()
        };
        let kinds = [
            (6, of(Action::SendText)),
            (2, of(Action::MarkRead)),
            (2, of(Action::TypeText)),
            (30, of(Action::DeliverToServer)),
            (30, of(Action::DeliverToDevice)),
            (3, of(Action::Connect)),
            (2, (1_u32..90_000).prop_map(Action::Wait).boxed()),
            (1, of(Action::AddDevice)),
            (self.fault, of(Action::Cut)),
            (self.fault, of(Action::ReorderToServer)),
            (self.fault, of(Action::ReorderToDevice)),
            (self.fault, of(Action::DuplicateToServer)),
            (self.fault, of(Action::DuplicateToDevice)),
            (self.fault, of(Action::LoseToServer)),
            (self.fault, of(Action::LoseToDevice)),
            (self.crash, dying(Action::CrashBeforeCommit)),
            (self.crash, dying(Action::CrashAfterCommit)),
            (self.crash, Just(Action::RestartServer).boxed()),
            (self.prune, Just(Action::Prune).boxed()),
            (self.lie, lying().boxed()),
            (self.fork, of(Action::Fork)),
            (self.fork, Just(Action::EndFork).boxed()),
            (self.roll_back, Just(Action::Keep).boxed()),
            (self.roll_back, Just(Action::RollBack).boxed()),
            (self.profile, of(Action::KeepProfile)),
            (self.profile, of(Action::RollBackProfile)),
            (self.member, harming().boxed()),
            (self.stranger, accosting().boxed()),
            (self.group, changing().boxed()),
            (self.timer, choosing().boxed()),
        ];
        let kinds = kinds.into_iter().filter(|(weight, _)| *weight > 0);
        let actions = prop::collection::vec(Union::new_weighted(kinds.collect()), 10..120);
        let accounts = if self.group > 0 { 3..=4_u8 } else { 2..=2 };
        // The seed is no size: a smaller one is no simpler world.
        (any::<u64>().no_shrink(), accounts, 1..=2_u8, actions).prop_map(
            |(seed, accounts, devices, actions)| Plan {
                seed,
                accounts,
                devices,
                actions,
            },
        )
    }
}

fn lying() -> impl Strategy<Value = Action> + use<> {
    (any::<u8>(), select(Lie::ALL), 1..8_u8).prop_map(|(who, lie, frames)| Action::Lie(who, lie, frames))
}

fn harming() -> impl Strategy<Value = Action> + use<> {
    (any::<u8>(), select(Malice::ALL)).prop_map(|(who, what)| Action::Member(who, what))
}

fn accosting() -> impl Strategy<Value = Action> + use<> {
    (any::<u8>(), select(Stranger::ALL)).prop_map(|(who, how)| Action::Stranger(who, how))
}

fn changing() -> impl Strategy<Value = Action> + use<> {
    (any::<u8>(), Deed::any()).prop_map(|(who, deed)| Action::Group(who, deed))
}

fn choosing() -> impl Strategy<Value = Action> + use<> {
    (any::<u8>(), any::<bool>()).prop_map(|(who, is_on)| Action::SetTimer(who, is_on))
}

impl Plan {
    /// Whether it is about a group.
    pub(crate) fn has_group(&self) -> bool {
        self.accounts > 2
    }

    /// Whether somebody in this world is not honest.
    pub(crate) fn is_hostile(&self) -> bool {
        let is_hostile = |action: &Action| {
            matches!(
                action,
                Action::Lie(..) | Action::Fork(_) | Action::Member(..) | Action::Stranger(..)
            )
        };
        self.actions.iter().any(is_hostile)
    }

    /// Whether the server or a profile goes back to an earlier state.
    pub(crate) fn goes_back(&self) -> bool {
        let goes_back = |action: &Action| matches!(action, Action::RollBack | Action::RollBackProfile(_));
        self.actions.iter().any(goes_back)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.seed, self.accounts, self.devices)?;
        self.actions.iter().try_for_each(|action| write!(f, " {action}"))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SendText(who) => write!(f, "send:{who}"),
            Self::MarkRead(who) => write!(f, "read:{who}"),
            Self::TypeText(who) => write!(f, "type:{who}"),
            Self::DeliverToServer(who) => write!(f, "up:{who}"),
            Self::DeliverToDevice(who) => write!(f, "down:{who}"),
            Self::Connect(who) => write!(f, "connect:{who}"),
            Self::Cut(who) => write!(f, "cut:{who}"),
            Self::Wait(millis) => write!(f, "wait:{millis}"),
            Self::AddDevice(who) => write!(f, "add:{who}"),
            Self::ReorderToServer(who) => write!(f, "reorder-up:{who}"),
            Self::ReorderToDevice(who) => write!(f, "reorder-down:{who}"),
            Self::DuplicateToServer(who) => write!(f, "twice-up:{who}"),
            Self::DuplicateToDevice(who) => write!(f, "twice-down:{who}"),
            Self::LoseToServer(who) => write!(f, "lose-up:{who}"),
            Self::LoseToDevice(who) => write!(f, "lose-down:{who}"),
            Self::CrashBeforeCommit(who, commits) => write!(f, "die-before:{who}:{commits}"),
            Self::CrashAfterCommit(who, commits) => write!(f, "die-after:{who}:{commits}"),
            Self::RestartServer => f.write_str("restart"),
            Self::Prune => f.write_str("prune"),
            Self::Lie(who, lie, frames) => write!(f, "lie:{who}:{lie}:{frames}"),
            Self::Fork(who) => write!(f, "fork:{who}"),
            Self::EndFork => f.write_str("end-fork"),
            Self::Keep => f.write_str("keep"),
            Self::RollBack => f.write_str("roll-back"),
            Self::KeepProfile(who) => write!(f, "keep-profile:{who}"),
            Self::RollBackProfile(who) => write!(f, "roll-back-profile:{who}"),
            Self::Member(who, what) => write!(f, "member:{who}:{}", what.name()),
            Self::Stranger(who, how) => write!(f, "stranger:{who}:{}", how.name()),
            Self::Group(who, deed) => write!(f, "group:{who}:{deed}"),
            Self::SetTimer(who, is_on) => write!(f, "timer:{who}:{}", u8::from(*is_on)),
        }
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let mut number = |what: &str| {
            let word = words.next().ok_or_else(|| format!("{what} is missing"))?;
            word.parse::<u64>()
                .map_err(|error| format!("{what} {word:?}: {error}"))
        };
        Ok(Self {
            seed: number("the seed")?,
            accounts: u8::try_from(number("the number of accounts")?).map_err(|error| error.to_string())?,
            devices: u8::try_from(number("the number of devices")?).map_err(|error| error.to_string())?,
            actions: words.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let mut parts = word.split(':');
        let name = parts.next().unwrap_or_default();
        let mut part = || parts.next().ok_or_else(|| format!("{word:?} lacks a part"));
        let bad = |error: &dyn fmt::Display| format!("{word:?}: {error}");
        if name == "wait" {
            return Ok(Self::Wait(part()?.parse().map_err(|error| bad(&error))?));
        }
        if let "lie" | "member" | "stranger" = name {
            let who = part()?.parse().map_err(|error| bad(&error))?;
            let what = part()?;
            return Ok(match name {
                "lie" => Self::Lie(who, what.parse()?, part()?.parse().map_err(|error| bad(&error))?),
                "member" => Self::Member(who, what.parse()?),
                _ => Self::Stranger(who, what.parse()?),
            });
        }
        if name == "group" {
            let who = part()?.parse().map_err(|error| bad(&error))?;
            let deed = parts.collect::<Vec<_>>().join(":").parse()?;
            return Ok(Self::Group(who, deed));
        }
        let mut small = || part()?.parse::<u8>().map_err(|error| bad(&error));
        Ok(match name {
            "send" => Self::SendText(small()?),
            "read" => Self::MarkRead(small()?),
            "type" => Self::TypeText(small()?),
            "up" => Self::DeliverToServer(small()?),
            "down" => Self::DeliverToDevice(small()?),
            "connect" => Self::Connect(small()?),
            "cut" => Self::Cut(small()?),
            "add" => Self::AddDevice(small()?),
            "reorder-up" => Self::ReorderToServer(small()?),
            "reorder-down" => Self::ReorderToDevice(small()?),
            "twice-up" => Self::DuplicateToServer(small()?),
            "twice-down" => Self::DuplicateToDevice(small()?),
            "lose-up" => Self::LoseToServer(small()?),
            "lose-down" => Self::LoseToDevice(small()?),
            "die-before" => Self::CrashBeforeCommit(small()?, small()?),
            "die-after" => Self::CrashAfterCommit(small()?, small()?),
            "restart" => Self::RestartServer,
            "prune" => Self::Prune,
            "fork" => Self::Fork(small()?),
            "end-fork" => Self::EndFork,
            "keep" => Self::Keep,
            "roll-back" => Self::RollBack,
            "keep-profile" => Self::KeepProfile(small()?),
            "roll-back-profile" => Self::RollBackProfile(small()?),
            "timer" => Self::SetTimer(small()?, small()? > 0),
            _ => return Err(format!("{word:?} is no action")),
        })
    }
}

proptest! {
    #[test]
    fn a_world_that_is_written_down_reads_as_the_same(
        plan in Weights {
            fault: 3,
            crash: 3,
            prune: 3,
            lie: 9,
            fork: 3,
            roll_back: 3,
            profile: 3,
            member: 6,
            stranger: 3,
            group: 9,
            timer: 3,
        }
        .plans()
    ) {
        let read: Plan = plan.to_string().parse().map_err(TestCaseError::fail)?;
        prop_assert_eq!(read.seed, plan.seed);
        prop_assert_eq!((read.accounts, read.devices), (plan.accounts, plan.devices));
        prop_assert_eq!(read.actions, plan.actions);
    }
}
