//! The stream of what changes.

use subrosa_engine::Event;
use tokio::sync::broadcast;

/// One item of the stream.
///
/// See [`Events`] for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Update {
    /// Something changed.
    Event(Event),
    /// The subscriber was too slow and missed this many events: reload what is shown.
    Missed(u64),
}

/// One subscriber's view of the events, from the moment of its subscription.
///
/// ```no_run
/// use subrosa_client::{Event, Update};
///
/// # async fn example(client: subrosa_client::Client) -> Result<(), subrosa_client::ClientError> {
/// let mut events = client.events();
/// client.connect();
/// while let Some(update) = events.next().await {
///     match update {
///         Update::Event(Event::MessageReceived(message)) => println!("{}", message.text),
///         Update::Missed(_) => println!("too slow: reload what is shown"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    pub(crate) const fn new(receiver: broadcast::Receiver<Event>) -> Self {
        Self(receiver)
    }

    /// The next update; `None` once the client is closed. Cancel safe: no update is lost if the future is dropped.
    ///
    /// ```no_run
    /// # async fn example(mut events: subrosa_client::Events, mut stop: tokio::sync::watch::Receiver<bool>) -> Result<(), subrosa_client::ClientError> {
    /// tokio::select! {
    ///     update = events.next() => println!("{update:?}"),
    ///     _ = stop.changed() => {}
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Update> {
        match self.0.recv().await {
            Ok(event) => Some(Update::Event(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Update::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_subscriber_is_told_that_it_missed_something() {
        let sender = broadcast::Sender::new(2);
        let mut events = Events::new(sender.subscribe());
        for _ in 0..3 {
            let _ = sender.send(Event::CaughtUp);
        }
        assert_eq!(events.next().await, Some(Update::Missed(1)));
        assert_eq!(events.next().await, Some(Update::Event(Event::CaughtUp)));
        drop(sender);
        assert_eq!(events.next().await, Some(Update::Event(Event::CaughtUp)));
        assert_eq!(events.next().await, None);
    }
}
