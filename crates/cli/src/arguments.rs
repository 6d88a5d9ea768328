//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        accept, backup, bench, block, chat, chats, completions, devices, group, history, link, listen, name,
        nickname, passwd, picture, privacy, recover, requests, restore, search, send, serve, signin, signout,
        signup, try_again, whoami,
    },
    exit,
    global::Global,
    shapes,
};

const EXAMPLES: &str = "\
Examples:
  subrosa serve                              run a server on http://localhost:8080
  subrosa signup alice --name 'Alice A.'     create an account
  subrosa chat                               open the terminal app
  subrosa send @bob 'See you at six.'        send one message
  subrosa group create Harvest @bob @eva     create a group
  make 2>&1 | tail | subrosa send @bob -     send the output of other commands
  subrosa listen --json --count 1            wait for one message";

/// An end-to-end encrypted messenger that anyone can host: the server and a terminal client.
#[derive(Debug, Parser)]
#[command(name = "subrosa", version, max_term_width = 100, subcommand_required = true)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}\n\n{}", exit::HELP, shapes::HELP))]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Signup(signup::Arguments),
    Signin(signin::Arguments),
    Recover(recover::Arguments),
    Passwd(passwd::Arguments),
    Signout(signout::Arguments),
    Whoami(whoami::Arguments),
    Devices(devices::Arguments),
    Name(name::Arguments),
    Nickname(nickname::Arguments),
    Picture(picture::Arguments),
    Privacy(privacy::Arguments),
    Search(search::Arguments),
    Requests(requests::Arguments),
    Accept(accept::Arguments),
    Decline(requests::DeclineArguments),
    Block(block::BlockArguments),
    Unblock(block::UnblockArguments),
    TryAgain(try_again::Arguments),
    Send(send::Arguments),
    Group(group::Arguments),
    Room(link::RoomArguments),
    Link(link::Arguments),
    Join(link::JoinArguments),
    Chats(chats::Arguments),
    History(history::Arguments),
    Listen(listen::Arguments),
    Chat(chat::Arguments),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a test that cannot read its own input has failed"
    )]
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_handle_is_written_with_or_without_its_sign() {
        for text in ["@Bob", "bob"] {
            let arguments = Arguments::try_parse_from(["subrosa", "accept", text]).unwrap();
            let Command::Accept(accept) = arguments.command else {
                panic!("not accept")
            };
            assert_eq!(accept.chat.as_handle(), "bob".parse().ok());
        }
    }

    #[test]
    fn a_bad_command_line_ends_with_the_code_for_usage() {
        for bad in [
            &["subrosa"][..],
            &["subrosa", "send"],
            &["subrosa", "send", "@b", "hi"],
            &["subrosa", "group", "role", "Harvest", "@bob", "king"],
            &["subrosa", "--server", "ftp://x", "whoami"],
            &["subrosa", "history", "@bob", "--limit", "0"],
            &["subrosa", "listen", "--count", "-1"],
            &["subrosa", "privacy", "--typing", "perhaps"],
            &["subrosa", "privacy", "--typing", "off", "--offline"],
            &["subrosa", "frobnicate"],
        ] {
            assert_eq!(
                Arguments::try_parse_from(bad).unwrap_err().exit_code(),
                2,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for order in [["subrosa", "--json", "whoami"], ["subrosa", "whoami", "--json"]] {
            assert!(Arguments::try_parse_from(order).unwrap().global.json);
        }
    }

    #[test]
    fn the_long_help_documents_exit_codes_and_json() {
        let help = Arguments::command().render_long_help().to_string();
        for part in ["Exit codes:", "sent_at", "recovery_code", "Examples:"] {
            assert!(help.contains(part), "{part}");
        }
    }
}
