//! Conversations, and how far the log of each is applied.

use rusqlite::{Connection, Row, params};
use subrosa_mls::{ConversationKind, LogHash};
use subrosa_wire::{AccountId, ConversationId, Timestamp};

use super::{corrupt, from_sql, id_bytes, lifetime, log_hash, readable, to_sql};
use crate::{
    ChatId,
    api::{ConversationState, Standing},
    content::{GroupProfile, Lifetime},
    database::DatabaseError,
};

/// A row of the table.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of its own")]
pub(crate) struct ConversationRow {
    pub chat: ChatId,
    pub id: ConversationId,
    pub kind: ConversationKind,
    pub title: Option<String>,
    pub state: ConversationState,
    /// What is known of its quarantine, in which it keeps the state from before.
    pub quarantine: Option<Quarantine>,
    pub cursor: u64,
    pub accepted_number: u64,
    pub updated_at: Timestamp,
    pub own_turn: bool,
    pub name_sent: bool,
    pub active_at: Timestamp,
    pub chain: Option<LogHash>,
    pub epoch_seq: u64,
    pub entering: bool,
    pub hidden: bool,
    pub update_due: Timestamp,
    /// Our messages after this seq are to be sent again.
    pub resend_after: Option<u64>,
    pub leaf_replaced_at: Timestamp,
    /// Whether the members of a group are to be told its name, description and picture.
    pub announces: bool,
    /// What a group is about.
    pub description: Option<String>,
    /// For how long what is written here is kept.
    pub timer: Option<Lifetime>,
    /// What was heard about it.
    pub heard_profile: GroupProfile,
    /// What this device has changed of them and not yet told.
    pub profile_changed: ProfileChanges,
    /// Whether the user wants it.
    pub standing: Standing,
    /// The account that has added this device.
    pub added_by: Option<AccountId>,
}

/// Parts of what is said about a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own")]
pub(crate) struct ProfileChanges {
    pub name: bool,
    pub description: bool,
    pub picture: bool,
    pub timer: bool,
}

impl ProfileChanges {
    /// Whether something has changed.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }

    fn from_sql(bits: u8) -> Self {
        Self {
            name: bits & 1 != 0,
            description: bits & 2 != 0,
            picture: bits & 4 != 0,
            timer: bits & 8 != 0,
        }
    }

    fn to_sql(self) -> u8 {
        u8::from(self.name)
            | u8::from(self.description) << 1
            | u8::from(self.picture) << 2
            | u8::from(self.timer) << 3
    }
}

impl ConversationRow {
    /// Whether it is known to this device only, quarantined or not.
    pub(crate) fn is_starting(&self) -> bool {
        let state = self
            .quarantine
            .as_ref()
            .map_or(self.state, |quarantine| quarantine.state);
        state == ConversationState::Starting
    }
}

/// Why a conversation is set aside, and what it goes back to.
#[derive(Debug, Clone)]
pub(crate) struct Quarantine {
    pub reason: String,
    /// The state that it had.
    pub state: ConversationState,
    /// Where its cursor was when it was last tried again.
    pub retried_at: Option<u64>,
}

const COLUMNS: &str =
    "c.id, c.conversation_id, c.kind, c.title, c.state, c.cursor, c.accepted_number, c.updated_at,
                       c.own_turn, c.name_sent, c.active_at, c.chain, c.epoch_seq, c.entering, c.quarantined,
                       c.retried_at, c.hidden, c.update_due, c.resend_after, c.leaf_replaced_at, c.announces,
                       c.description, c.heard_profile, c.profile_changed, c.standing, c.added_by,
                       c.timer";

fn kind_to_sql(kind: ConversationKind) -> i64 {
    match kind {
        ConversationKind::Direct => 1,
        ConversationKind::NotesToSelf => 2,
        ConversationKind::Group => 3,
    }
}

fn kind_from_sql(value: i64) -> Result<ConversationKind, DatabaseError> {
    Ok(match value {
        1 => ConversationKind::Direct,
        2 => ConversationKind::NotesToSelf,
        3 => ConversationKind::Group,
        _ => return Err(corrupt("a conversation's kind")),
    })
}

const fn standing_to_sql(standing: Standing) -> i64 {
    match standing {
        Standing::Request => 0,
        Standing::Accepted => 1,
        Standing::Declined => 2,
    }
}

fn standing_from_sql(value: i64) -> Result<Standing, DatabaseError> {
    Ok(match value {
        0 => Standing::Request,
        1 | 3 => Standing::Accepted,
        2 => Standing::Declined,
        _ => return Err(corrupt("what became of a request")),
    })
}

/// `None` for a quarantine, which keeps the state from before in the column.
const fn state_to_sql(state: ConversationState) -> Option<i64> {
    match state {
        ConversationState::Starting => Some(0),
        ConversationState::Joining => Some(1),
        ConversationState::Joined => Some(2),
        ConversationState::Blocked => Some(3),
        ConversationState::CutOff => Some(4),
        ConversationState::Removed => Some(5),
        ConversationState::Quarantined => None,
    }
}

fn state_from_sql(value: i64) -> Result<ConversationState, DatabaseError> {
    Ok(match value {
        0 => ConversationState::Starting,
        1 => ConversationState::Joining,
        2 => ConversationState::Joined,
        3 => ConversationState::Blocked,
        4 => ConversationState::CutOff,
        5 => ConversationState::Removed,
        _ => return Err(corrupt("a conversation's state")),
    })
}

fn conversation(row: &Row<'_>) -> Result<ConversationRow, DatabaseError> {
    let seq = |index| from_sql(row.get(index)?);
    let instant = |index| Ok::<_, DatabaseError>(Timestamp::from_millis(seq(index)?));
    let state = state_from_sql(row.get(4)?)?;
    let quarantine = match row.get(14)? {
        None => None,
        Some(reason) => Some(Quarantine {
            reason,
            state,
            retried_at: row.get::<_, Option<i64>>(15)?.map(from_sql).transpose()?,
        }),
    };
    Ok(ConversationRow {
        chat: row.get(0)?,
        id: ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?),
        kind: kind_from_sql(row.get(2)?)?,
        title: row.get(3)?,
        state: if quarantine.is_some() {
            ConversationState::Quarantined
        } else {
            state
        },
        quarantine,
        cursor: seq(5)?,
        accepted_number: seq(6)?,
        updated_at: instant(7)?,
        own_turn: row.get(8)?,
        name_sent: row.get(9)?,
        active_at: instant(10)?,
        chain: log_hash(row.get(11)?)?,
        epoch_seq: seq(12)?,
        entering: row.get(13)?,
        hidden: row.get(16)?,
        update_due: instant(17)?,
        resend_after: row.get::<_, Option<i64>>(18)?.map(from_sql).transpose()?,
        leaf_replaced_at: instant(19)?,
        announces: row.get(20)?,
        description: row.get(21)?,
        heard_profile: heard_profile(row.get(22)?),
        profile_changed: ProfileChanges::from_sql(row.get(23)?),
        standing: standing_from_sql(row.get(24)?)?,
        added_by: row
            .get::<_, Option<Vec<u8>>>(25)?
            .map(|account| Ok::<_, DatabaseError>(AccountId::from_bytes(id_bytes(&account)?)))
            .transpose()?,
        timer: lifetime(row.get(26)?)?,
    })
}

/// What was heard about a group. What this build would not take was not heard.
fn heard_profile(encoded: Option<Vec<u8>>) -> GroupProfile {
    let heard = encoded.and_then(|encoded| GroupProfile::decode(&encoded).ok());
    heard.unwrap_or_default()
}

/// The row, if there is one that can be read.
fn one(
    conn: &Connection,
    clause: &str,
    value: impl rusqlite::ToSql,
) -> Result<Option<ConversationRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM conversations c {clause}"))?;
    let rows = readable(statement.query([value])?, conversation)?;
    Ok(rows.into_iter().next())
}

pub(crate) fn load(conn: &Connection, chat: ChatId) -> Result<Option<ConversationRow>, DatabaseError> {
    one(conn, "WHERE c.id = ?1", chat)
}

pub(crate) fn find(conn: &Connection, id: ConversationId) -> Result<Option<ConversationRow>, DatabaseError> {
    one(conn, "WHERE c.conversation_id = ?1", id.as_bytes())
}

/// The direct conversation of this account with a person, or its notes to self. If there are several, one that can be used.
pub(crate) fn find_pair(
    conn: &Connection,
    (me, person): (AccountId, AccountId),
) -> Result<Option<ConversationRow>, DatabaseError> {
    let kind = if person == me {
        ConversationKind::NotesToSelf
    } else {
        ConversationKind::Direct
    };
    let clause = format!(
        "JOIN members m ON m.conversation = c.id WHERE m.account = ?1 AND c.kind = {} ORDER BY c.state = 3, c.id LIMIT 1",
        kind_to_sql(kind)
    );
    one(conn, &clause, person.as_bytes())
}

/// Every conversation that is not hidden, the most recently active first.
pub(crate) fn shown(conn: &Connection) -> Result<Vec<ConversationRow>, DatabaseError> {
    listed(conn, false)
}

/// Those that are hidden, in the same order.
pub(crate) fn hidden(conn: &Connection) -> Result<Vec<ConversationRow>, DatabaseError> {
    listed(conn, true)
}

fn listed(conn: &Connection, is_hidden: bool) -> Result<Vec<ConversationRow>, DatabaseError> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM conversations c WHERE c.hidden = ?1 ORDER BY c.active_at DESC, c.id"
    ))?;
    readable(statement.query([is_hidden])?, conversation)
}

/// The ids of every conversation, here and on the wire, those least recently active first.
pub(crate) fn ids(conn: &Connection) -> Result<Vec<(ChatId, ConversationId)>, DatabaseError> {
    let sql = "SELECT id, conversation_id FROM conversations ORDER BY active_at DESC, id";
    let mut statement = conn.prepare_cached(sql)?;
    readable(statement.query([])?, |row| {
        let id = ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?);
        Ok((row.get(0)?, id))
    })
}

/// How many conversations there are, without those that the user was removed from.
pub(crate) fn count(conn: &Connection) -> Result<usize, DatabaseError> {
    let count: i64 = conn
        .prepare_cached("SELECT COUNT(*) FROM conversations WHERE state <> 5")?
        .query_row([], |row| row.get(0))?;
    usize::try_from(count).map_err(|_| corrupt("a count"))
}

/// Inserts a new, empty conversation. It is a request unless it is made here.
pub(crate) fn insert(
    conn: &Connection,
    id: ConversationId,
    kind: ConversationKind,
    state: ConversationState,
    now: Timestamp,
) -> Result<ChatId, DatabaseError> {
    conn.execute(
        "INSERT INTO conversations (conversation_id, kind, state, cursor, accepted_number, updated_at, own_turn,
                                    name_sent, active_at, standing)
         VALUES (?1, ?2, ?3, 0, 0, 0, 0, 0, ?4, ?5)",
        params![
            id.as_bytes(),
            kind_to_sql(kind),
            state_to_sql(state),
            to_sql(now.as_millis()),
            standing_to_sql(if state == ConversationState::Starting {
                Standing::Accepted
            } else {
                Standing::Request
            }),
        ],
    )?;
    Ok(ChatId::new(conn.last_insert_rowid()))
}

/// Writes the mutable columns back.
pub(crate) fn update(conn: &Connection, row: &ConversationRow) -> Result<(), DatabaseError> {
    let changed = conn
        .prepare_cached(
            "UPDATE conversations
             SET conversation_id = ?2, state = COALESCE(?3, state), cursor = ?4, accepted_number = ?5, updated_at = ?6,
                 own_turn = ?7, name_sent = ?8, active_at = ?9, chain = ?10, epoch_seq = ?11, entering = ?12,
                 update_due = ?13, resend_after = ?14, leaf_replaced_at = ?15, title = ?16,
                 announces = ?17, description = ?18, heard_profile = ?19, profile_changed = ?20,
                 timer = ?21
             WHERE id = ?1",
        )?
        .execute(params![
            row.chat,
            row.id.as_bytes(),
            state_to_sql(row.state),
            to_sql(row.cursor),
            to_sql(row.accepted_number),
            to_sql(row.updated_at.as_millis()),
            row.own_turn,
            row.name_sent,
            to_sql(row.active_at.as_millis()),
            row.chain.map(|hash| *hash.as_bytes()),
            to_sql(row.epoch_seq),
            row.entering,
            to_sql(row.update_due.as_millis()),
            row.resend_after.map(to_sql),
            to_sql(row.leaf_replaced_at.as_millis()),
            row.title,
            row.announces,
            row.description,
            row.heard_profile.encode(),
            row.profile_changed.to_sql(),
            row.timer.map(Lifetime::as_secs),
        ])?;
    if changed == 1 {
        Ok(())
    } else {
        Err(corrupt("a conversation that is gone"))
    }
}

/// Sets a conversation aside. Its state stays in the column.
pub(crate) fn quarantine(conn: &Connection, chat: ChatId, reason: &str) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE conversations SET quarantined = ?2 WHERE id = ?1",
        params![chat, reason],
    )?;
    Ok(())
}

/// Ends a quarantine, in order to try again from this cursor.
pub(crate) fn release(conn: &Connection, chat: ChatId, cursor: u64) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE conversations SET quarantined = NULL, retried_at = ?2 WHERE id = ?1",
        params![chat, to_sql(cursor)],
    )?;
    Ok(())
}

/// Notes whether the user wants a conversation.
pub(crate) fn set_standing(conn: &Connection, chat: ChatId, standing: Standing) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE conversations SET standing = ?2 WHERE id = ?1",
        params![chat, standing_to_sql(standing)],
    )?;
    Ok(())
}

/// Notes who has added this device.
pub(crate) fn set_added_by(conn: &Connection, chat: ChatId, by: AccountId) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE conversations SET added_by = ?2 WHERE id = ?1",
        params![chat, by.as_bytes()],
    )?;
    Ok(())
}

/// The conversations that were there before there were decisions, of which no record says yet that they are wanted.
pub(crate) fn undecided_from_before(
    conn: &Connection,
) -> Result<Vec<(ChatId, ConversationId)>, DatabaseError> {
    let mut statement =
        conn.prepare_cached("SELECT id, conversation_id FROM conversations WHERE standing = 3")?;
    readable(statement.query([])?, |row| {
        let id = ConversationId::from_bytes(id_bytes(&row.get::<_, Vec<u8>>(1)?)?);
        Ok((row.get(0)?, id))
    })
}

/// The groups to which somebody has added this account, and about which the user has not decided.
pub(crate) fn requests_by(conn: &Connection, by: AccountId) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM conversations WHERE standing = 0 AND kind = 3 AND added_by = ?1 ORDER BY id",
    )?;
    readable(statement.query([by.as_bytes()])?, |row| Ok(row.get(0)?))
}

/// The direct conversations with people whom the user has blocked.
pub(crate) fn with_blocked(conn: &Connection) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT c.id FROM blocked b JOIN members m ON m.account = b.account
         JOIN conversations c ON c.id = m.conversation WHERE c.kind = 1 ORDER BY c.id",
    )?;
    readable(statement.query([])?, |row| Ok(row.get(0)?))
}

/// Leaves a conversation out of lists, or no longer does.
pub(crate) fn set_hidden(conn: &Connection, chat: ChatId, is_hidden: bool) -> Result<(), DatabaseError> {
    conn.execute(
        "UPDATE conversations SET hidden = ?2 WHERE id = ?1",
        params![chat, is_hidden],
    )?;
    Ok(())
}

/// Notes in every conversation that our display name is new.
pub(crate) fn forget_name_sent(conn: &Connection) -> Result<(), DatabaseError> {
    conn.execute("UPDATE conversations SET name_sent = 0", [])?;
    Ok(())
}

/// Joined conversations in which our leaf key is due to be renewed, at most so many, those that wait longest first. In a
/// request nobody is to see that this device is there.
pub(crate) fn updates_due(
    conn: &Connection,
    now: Timestamp,
    count_max: u32,
) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM conversations WHERE state = 2 AND quarantined IS NULL AND standing <> 0 AND update_due <= ?1
         ORDER BY update_due, id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![to_sql(now.as_millis()), count_max], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the next of our leaf keys is due to be renewed. An instant before 1970 is long ago.
pub(crate) fn next_update_due(conn: &Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let due: Option<i64> = conn
        .prepare_cached("SELECT min(update_due) FROM conversations WHERE state = 2 AND quarantined IS NULL AND standing <> 0")?
        .query_row([], |row| row.get(0))?;
    Ok(due.map(|due| Timestamp::from_millis(u64::try_from(due).unwrap_or_default())))
}

/// The direct conversations that the user wants, that this device is in, with people who are not blocked, and that were used
/// last, at most `count_max`.
pub(crate) fn newest_direct(conn: &Connection, count_max: u32) -> Result<Vec<ChatId>, DatabaseError> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM conversations c
         WHERE kind = 1 AND state = 2 AND entering = 0 AND hidden = 0 AND standing NOT IN (0, 2)
           AND NOT EXISTS (SELECT 1 FROM members m JOIN blocked b ON b.account = m.account WHERE m.conversation = c.id)
         ORDER BY active_at DESC, id LIMIT ?1",
    )?;
    readable(statement.query([count_max])?, |row| Ok(row.get(0)?))
}
