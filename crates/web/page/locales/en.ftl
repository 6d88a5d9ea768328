# The texts of the interface in English: short, friendly, exact. Errors say what happened and what to do about it.

app = Subrosa
starting = Subrosa is starting
slow-start = Subrosa is taking longer than usual to start. If it’s open in another tab, reload or close that tab. Otherwise, reload this page: nothing is lost.
skip = Skip to conversation
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
welcome-encrypted = Encrypted from your screen to theirs. The server can’t read them.
welcome-devices = Instantly there on all your devices, even offline.
welcome-handle = No phone number, no e-mail address. Just a handle.
create-account = Create account
sign-in = Sign in

# Sign-up
register-title = Create your account
register-lead = People find you by your handle. Your password never leaves this device.
register-working = Creating your account
have-account = Already have an account?
handle = Handle
handle-rule = 3 to 32 letters, digits, “_” or “.”, starting with a letter.
handle-good = You’ll be { $handle }.
handle-length = Handles must be 3 to 32 characters long.
handle-character = Only the letters a to z, digits, “_” and “.” are allowed.
handle-start = Handles must start with a letter.
handle-separator = Use “_” and “.” only between letters or digits, and only one at a time.
handle-reserved = This handle is reserved. Please choose another.
display-name = Name
display-name-rule = What other people see. Optional; you can change it later.
password = Password
password-show = Show password
password-rule = At least 10 characters. A few words that only you would put together work best.
password-too-short = At least 10 characters.
password-guessable = Too easy to guess: it’s a common password or a pattern. Please choose another.
password-fair = Good enough. A longer one would be safer.
password-good = A good password.
password-strong = A strong password.
password-missing = Please enter your password.

# Recovery code
code-title = Save your recovery code
code-lead = No one can reset your password, not even the server. This code is the only other way into your account, so write it down or save it now.
code-saved = I’ve saved it
code-check-title = Do you have the code?
code-check-lead = Enter it from where you saved it. That way you know it’s there when you need it.
code-check = Enter the last group of the code
code-check-hint = The last four characters are enough. You can also enter the whole code.
code-fits = That’s right.
code-does-not-fit = That’s not the last group of the code. Please check what you saved.
code-continue = Continue
code-again = Show the code again
code-check-newer = If you have made a newer code on another device, that one counts.
code-later = Not now
code-file =
    Subrosa recovery code

    { $code }

    Keep it where only you can find it. With this code and your handle you can set a new password.
save-as-file = Save as a file
recovery-code = Recovery code

# Sign-in
login-title = Welcome back
login-lead = Your chats will appear here, with what is said from now on. Earlier messages stay on your other devices.
login-working = Signing in
no-account = New here?
forgot-password = Forgot your password?
recover-title = Set a new password
recover-lead = Use your recovery code to set a new password and sign in on this device.
recover-code-hint = The code you saved when you created your account, or the one that has replaced it.
recover-do = Set password and sign in
new-password = New password
back-to-login = Back to sign-in

# Screens that replace everything else
detail-for-report = Details for a bug report
dead-title = Something went wrong
dead-lead = The part of the app that holds your messages has stopped. Nothing is lost: reload the page to continue.
not-loaded-title = Subrosa couldn’t be loaded completely
not-loaded-lead = Please check your connection and try again. If that doesn’t help, reload the page: there may be a new version. Nothing is lost.
unsupported-title = This browser can’t run Subrosa
unsupported-lead = It’s missing a feature that keeps your messages safe on this device: { $feature }.
unsupported-what = Please use a current version of Firefox, Chrome, Edge or Safari, outside of private browsing. Nothing was stored.
evicted-title = This browser has removed your data
evicted-lead = Storage was running low, or this site’s data was cleared. Your account is safe.
evicted-what = The messages that were here are gone, and signing in again doesn’t bring them back. Your other devices still have theirs. Sign in again to continue.
sign-in-again = Sign in again
broken-title = Your messages can’t be opened
broken-lead = The database on this device is damaged, or something else is using it. Try again first. If that doesn’t help, remove it and sign in again.
remove-and-sign-in = Remove and sign in again
forget-title = Remove everything on this device?
forget-lead = The messages and keys on this device will be gone for good: signing in again doesn’t bring them back. Your account and your other devices stay as they are. Anything that hasn’t been sent yet will be lost.
forget-do = Remove

# The list
chats = Chats
account = Account
account-online = Your account, connected
account-offline = Your account, not connected
new = New
new-chat = New chat
new-group = New group
notes-to-self = Notes to self
search = Search chats and people
search-clear = Clear search
people = People
online = online
typing = typing…
nobody-found = No one found. Enter the start of a handle.
find-somebody = Find someone
empty-list = No chats yet
empty-list-hint = Search for someone’s handle, or share yours: { $handle }
no-messages-yet = No messages yet
no-messages-here = No messages on this device yet
draft = Draft:
you-said = You: { $text }
unknown-person = Someone
unknown-account = Someone, account { $id }…
former-member = Former member
group-without-name = Group
members-count =
    { $count ->
        [one] One member
       *[other] { $count } members
    }

they-said = { $name }: { $text }
unread-count =
    { $count ->
        [one] { $count } unread message
       *[other] { $count } unread messages
    }
chat-menu = Options for { $name }
pin = Pin
unpin = Unpin
pinned = pinned
mark-unread = Mark as unread
mark-read = Mark as read
marked-unread = Marked as unread
mute = Mute
mute-choose = Mute…
unmute = Unmute
muted = muted
mute-menu = Mute { $name }
mute-hour = For 1 hour
mute-hours = For 8 hours
mute-day = For 1 day
mute-week = For 1 week
mute-for-ever = Until I turn it back on
mute-off = Off
mute-on = On
mute-until = Until { $time }

timer = Disappearing messages
timer-off = Off
timer-own = Other time…
timer-what = New messages disappear for everyone: for whoever wrote them after sending, for the others after reading.
timer-count = Disappear after
timer-unit = Unit
timer-rule = At most 366 days.
timer-is = Disappearing messages: { $time }
timer-message = Disappearing message: { $time }
unit-minutes = Minutes
unit-hours = Hours
unit-days = Days
count-seconds =
    { $count ->
        [one] 1 second
       *[other] { $count } seconds
    }
count-minutes =
    { $count ->
        [one] 1 minute
       *[other] { $count } minutes
    }
count-hours =
    { $count ->
        [one] 1 hour
       *[other] { $count } hours
    }
count-days =
    { $count ->
        [one] 1 day
       *[other] { $count } days
    }
delete-chat-choose = Delete chat…
delete-chat-title = Delete { $name } on this device?
delete-chat-what = The messages are deleted on this device only. Your other devices and everyone else keep them. The chat is back as soon as something new is written.
delete-chat-group = You stay a member of the group. Search for its name to write in it or to leave it.
archive = Archive
unarchive = Bring back
archived = Archived
chats-count =
    { $count ->
        [one] One chat
       *[other] { $count } chats
    }

# Parts of the list, requests, and people who are blocked
filter = Show
filter-all = All
filter-unread = Unread
filter-groups = Groups
filter-requests = Requests
no-unread = You’ve read everything.
no-groups = No groups yet.
no-requests = No requests right now.
requests-lead = People you haven’t chatted with yet. They can’t see that you’ve looked.
invites-you = Invites you to { $name }
invited-by = { $name } has added you to this group.
both-in = You are both in { $groups }
subtitle-request = Message request
subtitle-invitation = Invitation to a group
subtitle-person-blocked = Blocked
accept = Accept
accept-title = Let { $name } message you?
accept-what = Until you accept, { $name } can’t see that you’ve read this, that you’re online or that you’re typing.
join = Join
join-title = Join { $name }?
join-what = Until you join, the members can’t see that you’ve read this or that you’re typing.
decline = Decline
decline-title = Decline the invitation to { $name }?
decline-what = You leave the group, and no one is told why. Someone in it can add you again.
delete-request-title = Delete this request?
delete-request-what = { $name } isn’t told. If they write again, you’ll be asked again.
block = Block
block-choose = Block…
block-title = Block { $name }?
block-what = They can’t write to you, add you to groups or see whether you’re online. They aren’t told. In groups that you’re both in, you still see what they write.
block-invitation = You also decline their invitation.
blocked = blocked
unblock = Unblock
unblock-label = Unblock { $name }
you-blocked = You have blocked { $name }.
blocked-people = Blocked people
blocked-people-what = They can’t write to you, add you to groups or see whether you’re online.
blocked-nobody = You haven’t blocked anyone.

# A conversation
nothing-open = Choose a chat
nothing-open-hint = Or search for someone’s handle to start a new one.
nobody-title = No one has the handle { $handle }
nobody-lead = Check the spelling, or ask for the handle again.
open-failed = This chat can’t be opened right now
to-chats = Back to chats
conversation-with = Conversation with { $name }
messages-with = Messages with { $name }
is-typing = { $name } is typing…
last-seen-at = last seen { $day } at { $time }
last-seen-on = last seen on { $date }
subtitle-handle = { $handle } · end-to-end encrypted
subtitle-encrypted = End-to-end encrypted
subtitle-joining = This device is joining
subtitle-cut-off = This device has lost track of the chat
subtitle-set-aside = Something here can’t be processed
subtitle-removed = You were removed
subtitle-blocked = You can’t send messages here
empty-conversation = Say hello. Only you and { $name } can read what’s written here.
empty-conversation-here = Messages from before you signed in on this device aren’t here. New ones will be.
conversation-start-group = The messages of this group start here on this device. Only its members can read them.
empty-notes = Only you can read what you write here, on all your devices.
conversation-start-notes = Your notes start here on this device. Only you can read them.
composer-notes = Write a note
empty-group = Say hello. Only the members can read what’s written here.
conversation-start = Your conversation with { $name } starts here on this device. Only the two of you can read it.
said = { $name }:
unread-divider =
    { $count ->
        [one] { $count } new message
       *[other] { $count } new messages
    }
unread-divider-plain = New messages
jump-latest = Jump to the latest message
jump-latest-new =
    { $count ->
        [one] { $count } new message: jump to the latest
       *[other] { $count } new messages: jump to the latest
    }
show-all = Show all
status-pending = Waiting to be sent
status-sent = Sent
status-delivered = Delivered
status-read = Read
status-failed = Not sent
not-sent = Not sent.
composer-label = Message { $name }
composer-revoked = This device is signed out. You can read messages but not write any.
composer-removed = You are no longer a member, so you can’t send messages here.
composer-blocked = You can’t send messages here.
paste-too-long = That text is too long for one message, so it wasn’t pasted. It’s still on your clipboard. A message can hold about 64,000 characters.
text-too-long = This text is too long for one message. Please shorten it, or split it into several messages.

# About a person
about-person = Details
encrypted-title = End-to-end encrypted
encrypted-what = Only your devices and theirs can read these messages. The server passes them on but can’t read them.
encrypted-what-notes = Only your own devices can read your notes. The server passes them on but can’t read them.
encrypted-what-group = Only the devices of the members can read these messages. The server passes them on but can’t read them.
encrypted-key-group = Whoever is added can read what is said from then on, and nothing from before.
encrypted-key = If the server ever shows a different account for this person, you’ll be warned before anything is sent.
blocked-title = This chat with { $name } couldn’t be verified
blocked-what = What the server shows for this chat isn’t valid, and someone may be trying to listen in. To be safe, nothing is sent here. Please check with them some other way.
cut-off-title = This device can’t find its way back into this chat
cut-off-what = What the server shows doesn’t follow from what this device knows of the chat. Either messages were deleted there, or someone is interfering. You can come back anyway: messages can be missing here, and nothing shows that the chat is still the same. If in doubt, ask { $name } some other way first.
cut-off-do = Come back anyway
set-aside-title = Something in this chat can’t be processed
set-aside-what = The other chats aren’t affected, and nothing is lost: messages you write here wait. Try again, perhaps after an update. If it fails a second time, trying again makes this device join the chat anew, and messages from before that can be missing here.
hide-chat = Hide this chat
warning-handle-reassigned = The server now shows a different account for { $name }. Either they have a new account, or someone is trying to listen in. Nothing was sent.
warning-handle-reassigned-unnamed = The server now shows a different account for this person. Either they have a new account, or someone is trying to listen in. Nothing was sent.
warning-log = The server withheld, repeated or changed messages in this chat. Anything that didn’t check out was refused, and something may be missing. Please tell whoever runs the server.
warning-forged = The server passed on something that couldn’t be verified, so it was refused. Please tell whoever runs the server.
warning-account = The server presented a fake account or fake keys, so nothing is sent to them. Please tell whoever runs the server.
warning-device = One of your devices that was signed out keeps coming back to this chat, and may be able to read what you write. Please tell whoever runs the server.
warning-message = { $name }’s app sent an invalid message, so it isn’t shown. Ask them to update their app.
warning-change = { $name }’s app tried to change this chat in a way that isn’t allowed, so the change was refused. Ask them to update their app.
warning-devices = The server’s list of your devices is wrong. It was ignored; if you see this again, tell whoever runs the server.
warning-logs-disagree = { $name } has other messages here than you, or says so. The server may show each of you something else: compare your last messages some other way.
warning-messages-missing = Messages from { $name } never arrived. Ask for them again.
warning-unreadable = A message couldn’t be read and was skipped. Either its sender or the server broke it; if you miss one, ask for it again.
warning-gap = Some messages never reached this device: it was offline for longer than the server keeps them.
warning-server-went-back = The server went back to an earlier state, as after a restore from a backup, and had lost messages. This device has put back what it had.
warning-profile-went-back = This device’s messages went back to an earlier state. Messages that were sent from it since then are missing here; whoever received them has them.
warning-not-processed = An invitation to a chat couldn’t be processed, so it was left out. Nothing else is affected.
warning-change-given-up = What you wanted to change about { $name } couldn’t be changed.
warning-change-not-permitted = What you wanted to change about { $name } wasn’t changed: the rights of this group no longer allow it.
warning-change-not-in-group = The role of { $name } wasn’t changed: they are no longer in this group.
warning-change-last-owner = You didn’t leave the group, because nobody would own it. Choose an owner, and leave again.
warning-change-group-full = { $name } couldn’t be added: this group is full.
warning-change-unsuitable = { $name } couldn’t be added: the keys of their devices aren’t valid here. Ask them to update their app.
warning-change-too-old = What you wanted to change about { $name } wasn’t possible within a day. Someone can only be added once they are signed in on a device.
warning-certificates = Your message waits: no device of this person has a certificate that is valid now. Check the date and time of this device, or ask them to open Subrosa.
warning-refused = The server refused something. Nothing is lost, and it will be tried again if possible.
warning-more = There are more warnings than can be shown here.
formerly = formerly { $handle }
compare-look = Compare the accounts
compare-title = Is { $handle } someone else now?
compare-lead = A handle never moves to another account by itself. Ask this person for their account ID on a call or in person. They find it under “Account” in their app.
compare-known = The account you know
compare-shown = The account the server shows now
compare-same = The server shows the account you know. There’s nothing to decide.
compare-what = If the first one is theirs, keep it: someone may be trying to listen in. If the second one is theirs, accept it. From then on, { $handle } means that account on all your devices, and the chat with the other one stays without the handle.
compare-keep = Keep the account I know
compare-accept = Accept the new one
blocked-look = See what you can do
blocked-again-title = Try the chat with { $name } again?
blocked-again-what = Something that the server gave your device for this chat was refused. If the server tells the truth this time, the chat goes on. If not, it is blocked again, and nothing is sent.
blocked-keep = Leave it as it is
to-devices = See your devices
warning-new-device = A new device was signed in to your account: { $id }. If that wasn’t you, sign it out and change your password.
warning-unknown-device = There’s a device of your account that your other devices don’t know: { $id }. If you don’t recognise it, sign it out and change your password.
warning-device-unlisted = The server no longer lists your device { $id }. It was signed out, or its session ended because it wasn’t used. If you still use it, have a look there.
warning-vault = The server went back to an earlier copy of your account’s data, perhaps from a backup. The old copy wasn’t used, and your devices store theirs again.
event-device-own = { $name } signed in on a new device
event-device-by = { $by } added a new device of { $name }
event-device-away = { $name } got a new device while this one was away
event-other = Something changed for { $name }
event-created = { $by } created the group
event-created-you = You created the group
event-added = { $by } added { $name }
event-added-by-you = You added { $name }
event-added-you = { $by } added you
event-added-away = { $name } came in while this device was away
event-removed = { $by } removed { $name }
event-removed-by-you = You removed { $name }
event-removed-you = { $by } removed you
event-removed-away = { $name } went while this device was away
event-left = { $name } left
event-left-you = You left the group
event-rights = { $by } changed who may do what
event-rights-you = You changed who may do what
event-owner = { $name } is an owner now
event-owner-you = You are an owner now
event-admin = { $name } is an admin now
event-admin-you = You are an admin now
event-member = { $name } is an ordinary member now
event-member-you = You are an ordinary member now
event-renamed = { $by } changed the name of the group
event-renamed-you = You changed the name of the group
event-picture = { $by } changed the picture of the group
event-picture-you = You changed the picture of the group
event-description = { $by } changed what the group is about
event-description-you = You changed what the group is about
event-timer = { $by } set messages to disappear after { $time }
event-timer-you = You set messages to disappear after { $time }
event-timer-off = { $by } turned disappearing messages off
event-timer-off-you = You turned disappearing messages off
account-id = Your account ID
account-id-what = Others can compare it with what their app shows, to be sure that it’s you.

# Groups
people-search = Name or @handle
people-search-hint = Enter the start of a handle to find someone.
chip-remove = Take { $name } off
people-count =
    { $count ->
        [one] Only you so far
       *[other] { $count } people, including you
    }
group-name = Name
group-name-rule = You can change it later.
group-new-name-rule = All members see it.
next = Next
create-group = Create group
discard = Discard
discard-group-title = Discard this group?
discard-group-what = The people and the name that you’ve chosen will be gone.
add = Add
add-people = Add people
already-member = Already in the group
edit-group = Edit the group
group-about = What is it about?
group-about-rule = Optional. All members see it.
group-picture-what = Only members can see it.
group-picture-remove-label = Remove the picture of the group
picture-change = Change picture
members-search = Search members
nobody-here = No member has this name.
show-all-members = Show all { $count }
role-owner = Owner
role-admin = Admin
leave-group = Leave group
leaving-group = Leaving…
leave-title = Leave { $name }?
leave-what = On all your devices. You keep what was said so far, and someone in it can add you again.
leave-successor = New owner
who-adds = Who can add people
who-posts = Who can send messages
everyone = Everyone
only-admins = Only admins
only-admins-write = Only admins can send messages in this group.
member-menu = What you can do about { $name }
message-person = Message
person-show = View profile
groups-in-common =
    { $count ->
        [one] One group in common
       *[other] { $count } groups in common
    }
nickname-give = Give a nickname
nickname-change = Change the nickname
nickname-title = What do you call { $name }?
nickname-field = Nickname
nickname-rule = Only you see it, on all your devices.
save = Save
make-owner = Make owner
make-admin = Make admin
make-member = Make ordinary member
become-admin = Become an admin
become-member = Become an ordinary member
give-up = Give up the role
give-up-title = Give up your role?
give-up-what = You can’t take it back yourself. Someone with a higher role would have to give it to you again.
owner-title = Make { $name } an owner?
owner-what = Owners can do everything in this group. They can also take your role away.
remove = Remove
remove-member = Remove from group
remove-title = Remove { $name }?
remove-what = They can’t read what is said here from then on, but keep what they have. They can be added again.
ban-member = Ban
ban-title = Ban { $name }?
ban-what = They are removed, and can’t be added again until they are let back in. They keep what they have.
banned = Banned
readmit = Let back in
readmit-label = Let back in: { $name }
pending-addition = Adding…
pending-removal = Removing…
pending-ban = Banning…
pending-readmission = Letting back in…
pending-role = Changing the role…

# Banners
strip-offline = No connection. Messages will be sent once you’re back online.
strip-connecting = Connecting
strip-clock = This device’s clock is wrong: for the server it is { $server }. Please set it, or new conversations may leave this device out.
strip-refused = The server isn’t handing over what’s waiting for this device. It will be asked again, and you can go on reading and writing.
strip-storage = This browser’s storage is almost full. Please free up some space, so that no messages are refused.
strip-revoked = This device was signed out remotely. You can still read what’s here.
strip-version = A new version of Subrosa is available. Please reload.
strip-version-again = This page and the server aren’t compatible yet. Please try again later.

# Account
settings = Account
profile = Profile
picture-lead = The people you write to see your picture from your next message on.
picture-choose = Choose a picture
picture-saved = Your picture has been saved.
picture-unreadable = This file is not a picture that your browser can read.
picture-too-large = This file is larger than 20 MB. Please choose a smaller one.
picture-remove = Remove
picture-remove-label = Remove your picture
picture-remove-question = Remove your picture?
picture-remove-what = People will see your initials again from your next message on.
picture-removed = Your picture has been removed.
save-name = Save name
name-saved = Your name has been saved.
look = Appearance
theme = Theme
theme-system = System
theme-light = Light
theme-dark = Dark
language = Language
language-missing = { $language } could not be loaded. Please check your connection and try again.
privacy = Privacy
privacy-lead = What others see and can do, the same on all your devices.
read-receipts = Read receipts
read-receipts-what = If this is off, you don’t see theirs either.
typing-others-see = Typing
typing-others-see-what = Let others see when you’re typing. If this is off, you don’t see when they are.
last-seen-others-see = Last seen and online
last-seen-others-see-what = Let others see when you’re online and when you last were. If this is off, you don’t see theirs either.
who-writes = Who can message you
who-writes-what = What everyone else writes waits under Requests.
who-adds-you = Who can add you to groups
who-adds-you-what = Invitations from everyone else wait under Requests.
audience-everybody = Everybody
audience-known = People I know
audience-nobody = Nobody
devices = Devices
devices-lead = Where you’re signed in. Sign out any device that you don’t recognise or no longer use.
device-name = Device { $id }
this-device = This device
device-since = Signed in since { $day }
device-seen = Last used: { $seen } · signed in: { $made }
device-uncertified = Your account hasn’t confirmed this device, so your contacts refuse it. If you don’t recognise it, sign it out and tell whoever runs the server.
rename = Rename
device-rename-label = Rename { $name }
device-rename-title = Device name
device-rename-field = Name
device-rename-rule = Only your own devices can see it.
device-sign-out-label = Sign out { $name }
device-sign-out-title = Sign out { $name }?
device-sign-out-lead = It won’t get any more messages. What it already has can still be read there until it’s removed.
change-password = Password
change-password-lead = Your other devices stay signed in.
old-password = Current password
old-password-wrong = That’s not your current password.
change-password-do = Change password
password-changed = Your password has been changed.
renew-lead = A new code replaces the one you have. Create one if someone may have seen yours. You’ll need your current code.
renew-password-hint = To make sure it’s you.
renew-old-code = Current recovery code
renew-old-code-hint = The code you have now.
renew-old-code-wrong = That’s not your current recovery code.
renew-do = Create a new code
sign-out = Sign out
sign-out-lead = This removes everything Subrosa has stored on this device, for good. Your account stays.
sign-out-this = Sign out of this device
sign-out-question = Sign out of this device?
sign-out-what = The messages on this device will be gone for good: signing in again doesn’t bring them back. Only your other devices still have theirs. To sign in again, you’ll need your handle and your password.
sign-out-unsent =
    { $count ->
        [one] { $count } message hasn’t been sent yet and would be lost.
       *[other] { $count } messages haven’t been sent yet and would be lost.
    }
sign-out-offline = The server can’t be reached, so it will still count this device as signed in. You can remove everything here for good anyway, and sign this device out later from another one.
sign-out-do = Sign out
remove-anyway = Remove anyway
about = About Subrosa
about-lead = An end-to-end encrypted messenger that anyone can host.
version = Version
build = Build
licence = Licence
source = Source
licences = Third-party licences
font = Font

# Failures
failure-wrong-password = Wrong handle or password.
failure-wrong-code = Wrong handle or recovery code.
failure-malformed-code = That’s not a recovery code. Please check it for typos.
failure-handle-taken = This handle is taken, or looks like one that is. Please choose another.
failure-name = This name can’t be used. Please choose a shorter one.
failure-too-many-blocked = You have blocked as many people as you can. Please unblock someone first.
failure-person-blocked = You have blocked this person. Unblock them to write to them.
failure-too-many-nicknames = You have given as many nicknames as there can be. Please remove one first.
failure-description = This text can’t be used. Please choose a shorter one.
failure-picture = This picture can’t be used. Please choose another.
failure-text = A message must have at least one character and at most 64 KiB.
failure-unknown-person = No one has this handle.
failure-own-account = This is your own handle.
failure-handle-reassigned = The server now shows a different account for this person. To be safe, nothing is sent. Please check with them some other way.
failure-not-permitted = The rights of this group don’t allow that.
failure-last-owner = A group needs an owner. Make someone else an owner first.
failure-group-full = This group is full.
failure-banned = Someone you chose is banned from this group. They have to be let back in first.
failure-not-in-group = They are no longer in this group.
failure-not-a-member = You are no longer a member of this group.
failure-not-yet = This group isn’t ready on this device yet. Please try again in a moment.
failure-not-found = It no longer exists.
failure-rate-limited = Too many attempts. Please wait a moment and try again.
failure-rate-limited-for =
    { $minutes ->
        [one] Too many attempts. Please try again in a minute.
       *[other] Too many attempts. Please try again in { $minutes } minutes.
    }
failure-closed = This server isn’t accepting new accounts right now.
failure-unreachable = The server can’t be reached. Please check your connection and try again.
failure-version = The server uses a different version. Please reload the page.
failure-server = The server’s answer couldn’t be verified, so it was refused. Please tell whoever runs the server.
failure-signed-out = This device is signed out.
failure-clock = This device’s clock is wrong by more than a day. Please set it, then try again.
failure-storage-full = This browser’s storage is full. Nothing is lost: free up some space and try again.
failure-storage = Can’t write to the database on this device. Please reload the page.
failure-internal = Something went wrong. Please reload the page and try again.
