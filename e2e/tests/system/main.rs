//! The whole system: real servers and real clients as processes, on real files and sockets.

mod backups;
mod blindness;
mod bot;
mod chat_settings;
mod crashes;
mod crowd;
mod devices;
mod disappearing;
mod document;
mod groups;
mod interface;
mod lies;
mod links;
mod lying_server;
mod names_and_pictures;
mod networks;
mod operations;
mod privacy;
mod refusals;
mod requests;
mod returns;
mod talking;
mod terminal_app;
mod terminal_safety;
mod unreliable_server;
