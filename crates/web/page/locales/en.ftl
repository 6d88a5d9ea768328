# The words of the interface in English: short, friendly, exact. Errors say what happened and what to do.

app = Subrosa
starting = Subrosa is starting
slow-start = Starting takes longer than usual. If Subrosa is open in another tab, reload or close that one. Otherwise reload this page: nothing is lost.
skip = Skip to the conversation
cancel = Cancel
close = Close
back = Back
copy = Copy
copied = Copied
delete = Delete
dismiss = Dismiss
reload = Reload
retry = Retry
send = Send
try-again = Try again
try-now = Try now
you = You

# Welcome
welcome-lead = Messages that only you and the people you write to can read.
welcome-encrypted = Encrypted from your screen to theirs. The server sees none of it.
welcome-devices = Here at once on every device, also without a network.
welcome-handle = No phone number, no e-mail address. A handle is enough.
create-account = Create account
sign-in = Sign in

# Sign-up
register-title = Create your account
register-lead = People find you by your handle. Your password never leaves this device.
register-working = Creating your account
have-account = Already have an account?
handle = Handle
handle-rule = 3 to 32 letters, digits, “_” or “.”, starting with a letter.
handle-good = You will be { $handle }.
handle-length = A handle has 3 to 32 characters.
handle-character = Only the letters a to z, digits, “_” and “.” can be used.
handle-start = A handle starts with a letter.
handle-separator = “_” and “.” stand only between letters or digits, one at a time.
handle-reserved = This handle is reserved. Please choose another.
display-name = Name
display-name-rule = What people see. Optional, and can be changed later.
password = Password
password-show = Show password
password-rule = At least 10 characters. A few words that belong together only for you are best.
password-too-short = At least 10 characters.
password-guessable = Too easy to guess: it is a common password or a pattern. Please choose another.
password-fair = Good enough. A longer one would be safer.
password-good = A good password.
password-strong = A strong password.
password-missing = Please enter your password.

# Recovery code
code-title = Keep your recovery code
code-lead = Nobody can reset your password, not even the server. This code is the only other way into your account. It is shown once: write it down or save it now.
code-check = Type the last group of the code
code-check-hint = So that you know you have it. All of the code will do, too.
code-fits = That is right.
code-does-not-fit = That is not the last group of the code. Please look at what you have kept.
code-continue = I have kept it
code-file =
    Subrosa recovery code

    { $code }

    Keep it where only you can find it. With your handle it sets a new password.
save-as-file = Save as a file
recovery-code = Recovery code

# Sign-in
login-title = Welcome back
login-lead = Your conversations come back to this device.
login-working = Signing in
no-account = New here?
forgot-password = Forgot your password?
recover-title = Set a new password
recover-lead = With your recovery code you set a new password and sign in on this device.
recover-code-hint = The code that you kept when you made your account.
recover-do = Set password and sign in
new-password = New password
back-to-login = Back to sign-in

# States in which nothing else goes
detail-for-report = Details for a report
dead-title = Something went wrong
dead-lead = The part of the app that holds your messages has stopped. Nothing is lost: reload the page to go on.
unsupported-title = This browser cannot run Subrosa
unsupported-lead = It lacks a feature that keeps your messages safe on this device: { $feature }.
unsupported-what = Please use a current version of Firefox, Chrome, Edge or Safari, and not a private window. Nothing was stored.
evicted-title = This browser has removed your data
evicted-lead = Storage was low, or the data of this site was cleared. Your account is safe.
evicted-what = Sign in again to go on. What was written here and had not been sent yet is gone.
sign-in-again = Sign in again
broken-title = Your messages cannot be opened
broken-lead = The database on this device is damaged or is held by something else. Try again first. If that does not help, remove it and sign in again.
remove-and-sign-in = Remove and sign in again
forget-title = Remove everything on this device?
forget-lead = Messages and keys on this device are deleted. Your account and your other devices stay as they are. What has not been sent yet is lost.
forget-do = Remove

# The list
chats = Chats
account = Account
account-online = Your account, connected
account-offline = Your account, not connected
new-chat = New chat
search = Search chats and people
search-clear = Clear the search
people = People
nobody-found = Nobody found. Handles are matched from their start.
find-somebody = Find somebody
empty-list = No chats yet
empty-list-hint = Search for somebody’s handle, or tell others yours: { $handle }
no-messages-yet = No messages yet
draft = Draft:
you-said = You: { $text }
unknown-person = Somebody
unread-count =
    { $count ->
        [one] { $count } unread message
       *[other] { $count } unread messages
    }

# A conversation
nothing-open = Choose a chat
nothing-open-hint = Or search for somebody’s handle to begin a new one.
nobody-title = Nobody is called { $handle }
nobody-lead = Check the spelling, or ask for the handle again.
open-failed = This chat cannot be opened now
to-chats = To the chats
conversation-with = Conversation with { $name }
messages-with = Messages with { $name }
subtitle-handle = { $handle } · end-to-end encrypted
subtitle-encrypted = End-to-end encrypted
subtitle-joining = This device is joining
subtitle-blocked = Nothing can be sent
empty-conversation = Say hello. Only you and { $name } can read what is written here.
conversation-start = Your conversation with { $name } begins here. Only the two of you can read it.
said = { $name }:
unread-divider =
    { $count ->
        [one] { $count } new message
       *[other] { $count } new messages
    }
unread-divider-plain = New messages
jump-latest = To the latest message
jump-latest-new =
    { $count ->
        [one] { $count } new message: to the latest
       *[other] { $count } new messages: to the latest
    }
show-all = Show all of it
status-pending = Waiting to be sent
status-sent = Sent
status-delivered = Delivered
status-read = Read
status-failed = Not sent
not-sent = Not sent.
composer-label = Message { $name }
composer-revoked = This device is signed out. You can read, but not write.
composer-blocked = Nothing can be sent here.
paste-too-long = That text is too long for a message and was not pasted. It is still in your clipboard. A message holds about 64,000 characters.
text-too-long = This text is too long for one message. Please shorten it or send it in parts.

# About a person
about-person = About this person
encrypted-title = End-to-end encrypted
encrypted-what = Only the devices of the two of you can read these messages. The server passes them on without being able to.
encrypted-key = Should the key of this person ever change, you will be told before anything is sent.
blocked-title = The key of { $name } has changed
blocked-what = That happens with a new account, or when somebody tries to listen in. To be safe, nothing is sent here. Ask the person in another way, and begin a new chat once you are sure.
warning-key-changed = The server shows another key for { $name } than before. That is a new account, or somebody tries to listen in. Nothing was sent.
warning-key-changed-unnamed = The server shows another key for this person than before. That is a new account, or somebody tries to listen in. Nothing was sent.
warning-forged = The server handed out something that does not verify. It was refused. Please tell whoever runs the server.
warning-message = A message did not verify and is not shown.
warning-gap = Some messages never reached this device: it was away for longer than the server keeps them.
warning-refused = The server refused something. Nothing is lost, and what can be is tried again.

# Strips
strip-offline = No connection. Messages leave as soon as there is one.
strip-connecting = Connecting
strip-storage = The storage of this browser is almost full. Please make room, so that no message is turned away.
strip-revoked = This device was signed out from elsewhere. What is here can still be read.
strip-version = There is a new version of Subrosa. Please reload.
strip-version-again = The server and this page do not fit together yet. Please try again later.

# Account
settings = Account
profile = Profile
save-name = Save name
name-saved = Your name is saved.
look = Appearance
theme = Theme
theme-system = Like the system
theme-light = Light
theme-dark = Dark
language = Language
language-missing = { $language } could not be loaded. Please check your connection and try again.
devices = Devices
devices-lead = Where you are signed in. Sign out what you do not know or no longer use.
device-name = Device { $id }
this-device = This device
device-since = Signed in since { $day }
device-seen = Last used: { $seen } · signed in: { $made }
device-uncertified = Your account has not confirmed this device. Your contacts refuse it. If you do not know it, sign it out and tell whoever runs the server.
device-sign-out-label = Sign out device { $id }
device-sign-out-title = Sign this device out?
device-sign-out-lead = It gets no more messages. What it already has stays readable there until it is removed.
change-password = Password
change-password-lead = Your other devices stay signed in.
old-password = Present password
old-password-wrong = This is not your present password.
change-password-do = Change password
password-changed = Your password is changed.
renew-lead = A new code replaces the one you have. Make one if you have lost it, or somebody may have seen it.
renew-password-hint = To be sure that it is you.
renew-do = Make a new code
renew-shown = This is your new recovery code. The old one no longer works. It is shown once: write it down or save it now.
renew-done = You have a new recovery code.
sign-out = Sign out
sign-out-lead = Everything of Subrosa is removed from this device. Your account stays.
sign-out-this = Sign out of this device
sign-out-question = Sign out of this device?
sign-out-what = Messages and keys are removed from this device. To come back you need your handle and your password.
sign-out-unsent =
    { $count ->
        [one] { $count } message has not been sent yet and would be lost.
       *[other] { $count } messages have not been sent yet and would be lost.
    }
sign-out-offline = The server cannot be reached, so it still counts this device as signed in. You can remove everything here anyway, and sign the device out later from another one.
sign-out-do = Sign out
remove-anyway = Remove anyway
about = About Subrosa
about-lead = An end-to-end encrypted messenger that anyone can host.
version = Version
build = Build
licence = Licence
source = Source
licences = Licences of what is in it
font = Typeface

# Failures
failure-wrong-password = Handle or password is wrong.
failure-wrong-code = Handle or recovery code is wrong.
failure-malformed-code = This is not a recovery code. Please check it for a typing error.
failure-handle-taken = This handle is taken. Please choose another.
failure-name = This name cannot be used. Please choose a shorter one.
failure-text = A message has at least one character and at most 64 KiB.
failure-unknown-person = Nobody has this handle.
failure-own-account = This is your own handle.
failure-key-changed = The server shows another key for this person than before. To be safe, nothing is sent. Ask the person in another way.
failure-not-found = It is no longer there.
failure-rate-limited = Too many attempts. Please wait a moment and try again.
failure-rate-limited-for =
    { $minutes ->
        [one] Too many attempts. Please try again in a minute.
       *[other] Too many attempts. Please try again in { $minutes } minutes.
    }
failure-closed = This server takes no new accounts at present.
failure-unreachable = The server cannot be reached. Please check your connection and try again.
failure-version = The server speaks another version. Please reload the page.
failure-server = The server’s answer does not verify, so it was refused. Please tell whoever runs the server.
failure-signed-out = This device is signed out.
failure-storage-full = The storage of this browser is full. Nothing is lost: make room and try again.
failure-storage = The database on this device cannot be written. Please reload the page.
failure-internal = Something went wrong. Please reload the page and try again.
