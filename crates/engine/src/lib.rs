//! The client as a state machine over one encrypted SQLite database.
