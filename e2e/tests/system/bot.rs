//! The bot of the book: what the chapter says is built in an empty folder, and talks.
#![expect(clippy::expect_used, reason = "a test stops at the first surprise")]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rustix::process::Signal;
use subrosa_e2e::{
    Person, Server,
    person::PASSWORD,
    process::{Process, clean_command},
};

const CHAPTER: &str = include_str!("../../../docs/book/src/bot.md");
/// The program, which the chapter includes by [`INCLUDE`].
const PROGRAM: &str = include_str!("../../../crates/client/examples/echo.rs");
const INCLUDE: &str = "{{#include ../../../crates/client/examples/echo.rs:bot}}";

#[tokio::test]
async fn the_bot_of_the_book_is_built_from_an_empty_folder_and_answers() {
    let folder = tempfile::tempdir().expect("an empty folder");
    let program = build(&folder.path().join("echobot"));

    let server = Server::start().await;
    let alice = Person::sign_up(&server, "alice").await;
    let start = || {
        let mut command = clean_command(&program, folder.path());
        command.args(["./profile", &server.url(), "echobot"]);
        Process::start_with_input(command)
    };

    let mut bot = start();
    bot.write(format!("{PASSWORD}\n").as_bytes()).await;
    listens(&bot).await;
    assert!(bot.stdout().contains("recovery code"), "{}", bot.stdout());
    // From another device: the one that listens has to be there before the bot answers.
    let second = alice.second_device().await;
    let mut alice_listens = alice.listen();
    alice_listens.note("connected").await;
    for (round, text) in ["under the rose", "once more"].into_iter().enumerate() {
        if round > 0 {
            // The second start opens the profile that the first one made.
            end(bot).await;
            bot = start();
            listens(&bot).await;
        }
        // The program is not optimised: on a busy machine it takes long to make what others need to write to it.
        let send = ["send", "--timeout", "170", "@echobot", text];
        second.run(&send).await.ok();
        alice_listens
            .next("the echo", |line| {
                line["event"] == "message" && line["from"] == "echobot" && line["text"] == text
            })
            .await;
    }
    alice_listens.end().await.ok();
    end(bot).await;
}

#[tokio::test]
async fn the_bot_of_a_room_welcomes_whoever_comes_in() {
    let server = Server::start().await;
    let ada = Person::sign_up(&server, "ada").await;
    let ben = Person::sign_up(&server, "ben").await;
    let porter = Person::sign_up(&server, "porter").await;
    let room = ada.run(&["room", "create", "Allotment 12"]).await.ok().one();
    let link = room["link"].as_str().expect("a link").to_owned();

    let folder = tempfile::tempdir().expect("an empty folder");
    let mut command = clean_command(example("welcome"), folder.path());
    command.arg(porter.profile()).arg(&link);
    let bot = Process::start(command);
    says(&bot, "welcomes people in Allotment 12").await;
    let mut ada_listens = ada.listen();
    ada_listens.note("connected").await;
    ben.run(&["join", &link]).await.ok();
    ada_listens
        .next("the welcome", |line| {
            line["event"] == "message" && line["from"] == "porter" && line["text"] == "Welcome, @ben!"
        })
        .await;
    ada_listens.end().await.ok();
    end(bot).await;
}

/// Compiles one of the SDK's examples, with what the tests were compiled with.
fn example(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let built = std::process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--offline", "--quiet", "-p", "subrosa-client"])
        .args(["--example", name, "--target-dir"])
        .arg(&target)
        .current_dir(source)
        .output()
        .expect("cargo starts");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "the example does not compile:\n{said}");
    target.join("debug/examples").join(name)
}

async fn listens(bot: &Process) {
    says(bot, "@echobot listens").await;
}

async fn says(bot: &Process, words: &str) {
    bot.wait_for_output("what it says", |output| {
        String::from_utf8_lossy(output).contains(words).then_some(())
    })
    .await;
}

async fn end(bot: Process) {
    bot.signal(Signal::INT);
    assert_eq!(bot.exit().await.code, Some(0));
}

/// Does in a folder what the chapter says, and returns the program. Compiled dependencies are kept from one run to the
/// next.
fn build(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = source.canonicalize().expect("the source is there");
    // The one difference: the source stands elsewhere. A path that stays the same lets cargo recognise its work.
    let manifest = block("toml").replace("../subrosa/", &format!("{}/", source.display()));
    fs::create_dir_all(folder.join("src")).expect("a folder for the source");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/main.rs"), program()).expect("a program");
    fs::copy(source.join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");

    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bot-of-the-book");
    let built = std::process::Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--offline", "--quiet", "--target-dir"])
        .arg(&target)
        // Quicker to compile; nobody debugs it.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .current_dir(folder)
        .output()
        .expect("cargo starts");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "the bot of the book does not compile:\n{said}"
    );
    target.join("debug/echobot")
}

/// What the chapter shows as src/main.rs.
fn program() -> String {
    let (_, program) = PROGRAM
        .split_once("// ANCHOR: bot\n")
        .expect("the program begins");
    let (program, _) = program
        .split_once("// ANCHOR_END: bot\n")
        .expect("the program ends");
    block("rust,ignore").replace(INCLUDE, program)
}

/// The only block of code in this language in the chapter.
fn block(language: &str) -> &'static str {
    let blocks: Vec<_> = CHAPTER
        .split(&format!("\n```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split_once("```\n"))
        .collect();
    let [(block, _)] = blocks.as_slice() else {
        panic!("the chapter has {} blocks of {language}", blocks.len());
    };
    block
}
