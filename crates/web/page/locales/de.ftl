# Die Worte der Oberfläche auf Deutsch: kurz, freundlich, genau. Fehler sagen, was geschehen ist und was zu tun ist.

app = Subrosa
starting = Subrosa startet
slow-start = Der Start dauert länger als sonst. Ist Subrosa in einem anderen Tab offen, lade diesen neu oder schließe ihn. Sonst lade diese Seite neu: Es geht nichts verloren.
skip = Zur Unterhaltung springen
cancel = Abbrechen
close = Schließen
back = Zurück
copy = Kopieren
copied = Kopiert
delete = Löschen
dismiss = Ausblenden
reload = Neu laden
retry = Erneut senden
send = Senden
try-again = Erneut versuchen
try-now = Jetzt versuchen
you = Du

# Willkommen
welcome-lead = Nachrichten, die nur du und dein Gegenüber lesen könnt.
welcome-encrypted = Verschlüsselt von deinem Bildschirm bis zum anderen. Der Server sieht nichts davon.
welcome-devices = Auf jedem Gerät sofort da, auch ohne Netz.
welcome-handle = Keine Telefonnummer, keine E-Mail-Adresse. Ein Handle genügt.
create-account = Konto anlegen
sign-in = Anmelden

# Registrierung
register-title = Lege dein Konto an
register-lead = Andere finden dich über dein Handle. Dein Passwort verlässt dieses Gerät nie.
register-working = Dein Konto wird angelegt
have-account = Du hast schon ein Konto?
handle = Handle
handle-rule = 3 bis 32 Buchstaben, Ziffern, „_“ oder „.“, mit einem Buchstaben am Anfang.
handle-good = Du bist dann { $handle }.
handle-length = Ein Handle hat 3 bis 32 Zeichen.
handle-character = Möglich sind nur die Buchstaben a bis z, Ziffern, „_“ und „.“.
handle-start = Ein Handle beginnt mit einem Buchstaben.
handle-separator = „_“ und „.“ stehen nur einzeln zwischen Buchstaben oder Ziffern.
handle-reserved = Dieses Handle ist reserviert. Bitte wähle ein anderes.
display-name = Name
display-name-rule = Was andere sehen. Freiwillig, und später änderbar.
password = Passwort
password-show = Passwort anzeigen
password-rule = Mindestens 10 Zeichen. Am besten ein paar Wörter, die nur für dich zusammengehören.
password-too-short = Mindestens 10 Zeichen.
password-guessable = Zu leicht zu erraten: ein häufiges Passwort oder ein Muster. Bitte wähle ein anderes.
password-fair = Gut genug. Ein längeres wäre sicherer.
password-good = Ein gutes Passwort.
password-strong = Ein starkes Passwort.
password-missing = Bitte gib dein Passwort ein.

# Wiederherstellungscode
code-title = Bewahre deinen Wiederherstellungscode auf
code-lead = Niemand kann dein Passwort zurücksetzen, auch der Server nicht. Dieser Code ist der einzige andere Weg in dein Konto: Schreib ihn jetzt auf oder speichere ihn.
code-saved = Ich habe ihn aufbewahrt
code-check-title = Hast du den Code?
code-check-lead = Gib ihn von dort ein, wo du ihn aufbewahrt hast. So weißt du, dass er da ist, wenn du ihn brauchst.
code-check = Gib die letzte Gruppe des Codes ein
code-check-hint = Die letzten vier Zeichen genügen. Der ganze Code geht auch.
code-fits = Das stimmt.
code-does-not-fit = Das ist nicht die letzte Gruppe des Codes. Bitte sieh nach, was du aufbewahrt hast.
code-continue = Weiter
code-again = Code noch einmal zeigen
code-check-newer = Wenn du auf einem anderen Gerät einen neueren Code erstellt hast, gilt jener.
code-later = Jetzt nicht
code-file =
    Subrosa-Wiederherstellungscode

    { $code }

    Bewahre ihn dort auf, wo nur du ihn findest. Zusammen mit deinem Handle setzt er ein neues Passwort.
save-as-file = Als Datei speichern
recovery-code = Wiederherstellungscode

# Anmeldung
login-title = Willkommen zurück
login-lead = Deine Chats kommen auf dieses Gerät, mit allem, was von jetzt an gesagt wird. Frühere Nachrichten bleiben auf deinen anderen Geräten.
login-working = Du wirst angemeldet
no-account = Neu hier?
forgot-password = Passwort vergessen?
recover-title = Neues Passwort setzen
recover-lead = Mit deinem Wiederherstellungscode setzt du ein neues Passwort und meldest dich auf diesem Gerät an.
recover-code-hint = Der Code, den du beim Anlegen deines Kontos aufbewahrt hast, oder der, der ihn ersetzt hat.
recover-do = Passwort setzen und anmelden
new-password = Neues Passwort
back-to-login = Zurück zur Anmeldung

# Zustände, in denen sonst nichts geht
detail-for-report = Einzelheiten für eine Fehlermeldung
dead-title = Etwas ist schiefgegangen
dead-lead = Der Teil der App, der deine Nachrichten verwahrt, wurde beendet. Es ist nichts verloren: Lade die Seite neu.
not-loaded-title = Subrosa wurde nicht vollständig geladen
not-loaded-lead = Bitte prüfe deine Verbindung und versuche es wieder. Wenn das nicht hilft, lade die Seite neu: Vielleicht gibt es eine neue Version. Nichts ist verloren.
unsupported-title = Subrosa läuft in diesem Browser nicht
unsupported-lead = Ihm fehlt etwas, das deine Nachrichten auf diesem Gerät schützt: { $feature }.
unsupported-what = Bitte nimm eine aktuelle Version von Firefox, Chrome, Edge oder Safari, und kein privates Fenster. Es wurde nichts gespeichert.
evicted-title = Dieser Browser hat deine Daten entfernt
evicted-lead = Der Speicher war knapp, oder die Daten dieser Seite wurden gelöscht. Dein Konto ist sicher.
evicted-what = Die Nachrichten, die hier waren, sind weg, und eine neue Anmeldung bringt sie nicht zurück. Deine anderen Geräte haben ihre noch. Melde dich neu an, um weiterzumachen.
sign-in-again = Neu anmelden
broken-title = Deine Nachrichten lassen sich nicht öffnen
broken-lead = Die Datenbank auf diesem Gerät ist beschädigt oder wird anderswo benutzt. Versuche es zuerst noch einmal. Hilft das nicht, entferne sie und melde dich neu an.
remove-and-sign-in = Entfernen und neu anmelden
forget-title = Alles auf diesem Gerät entfernen?
forget-lead = Nachrichten und Schlüssel auf diesem Gerät sind dann endgültig weg: Eine neue Anmeldung bringt sie nicht zurück. Dein Konto und deine anderen Geräte bleiben, wie sie sind. Was noch nicht gesendet ist, geht verloren.
forget-do = Entfernen

# Die Liste
chats = Chats
account = Konto
account-online = Dein Konto, verbunden
account-offline = Dein Konto, nicht verbunden
new = Neu
new-chat = Neuer Chat
new-group = Neue Gruppe
notes-to-self = Notizen an mich
search = Chats und Leute suchen
search-clear = Suche leeren
people = Leute
online = online
typing = schreibt …
nobody-found = Niemand gefunden. Gesucht wird ab dem Anfang des Handles.
find-somebody = Jemanden finden
empty-list = Noch keine Chats
empty-list-hint = Suche nach einem Handle, oder gib anderen deines: { $handle }
no-messages-yet = Noch keine Nachrichten
no-messages-here = Noch keine Nachrichten auf diesem Gerät
draft = Entwurf:
you-said = Du: { $text }
unknown-person = Jemand
unknown-account = Jemand, Konto { $id } …
former-member = Früheres Mitglied
group-without-name = Gruppe
members-count =
    { $count ->
        [one] Ein Mitglied
       *[other] { $count } Mitglieder
    }

they-said = { $name }: { $text }
unread-count =
    { $count ->
        [one] { $count } ungelesene Nachricht
       *[other] { $count } ungelesene Nachrichten
    }
chat-menu = Optionen für { $name }
pin = Anheften
unpin = Nicht mehr anheften
pinned = angeheftet
mark-unread = Als ungelesen markieren
mark-read = Als gelesen markieren
marked-unread = Als ungelesen markiert
mute = Stummschalten
mute-choose = Stummschalten …
unmute = Nicht mehr stummschalten
muted = stummgeschaltet
mute-menu = { $name } stummschalten
mute-hour = Für 1 Stunde
mute-hours = Für 8 Stunden
mute-day = Für 1 Tag
mute-week = Für 1 Woche
mute-for-ever = Bis ich es wieder einschalte
mute-off = Aus
mute-on = An
mute-until = Bis { $time }

timer = Verschwindende Nachrichten
timer-off = Aus
timer-own = Andere Dauer …
timer-what = Neue Nachrichten verschwinden bei allen: bei dem, der sie schreibt, nach dem Senden, bei den anderen nach dem Lesen.
timer-count = Dauer
timer-unit = Einheit
timer-rule = Höchstens 366 Tage.
timer-is = Verschwindende Nachrichten: { $time }
timer-message = Verschwindende Nachricht: { $time }
unit-minutes = Minuten
unit-hours = Stunden
unit-days = Tage
count-seconds =
    { $count ->
        [one] 1 Sekunde
       *[other] { $count } Sekunden
    }
count-minutes =
    { $count ->
        [one] 1 Minute
       *[other] { $count } Minuten
    }
count-hours =
    { $count ->
        [one] 1 Stunde
       *[other] { $count } Stunden
    }
count-days =
    { $count ->
        [one] 1 Tag
       *[other] { $count } Tage
    }
delete-chat-choose = Chat löschen …
delete-chat-title = { $name } auf diesem Gerät löschen?
delete-chat-what = Die Nachrichten werden nur auf diesem Gerät gelöscht. Deine anderen Geräte und alle anderen behalten sie. Der Chat ist wieder da, sobald etwas Neues geschrieben wird.
delete-chat-group = Du bleibst Mitglied der Gruppe. Suche ihren Namen, um darin zu schreiben oder sie zu verlassen.
archive = Archivieren
unarchive = Zurückholen
archived = Archiviert
chats-count =
    { $count ->
        [one] Ein Chat
       *[other] { $count } Chats
    }

# Teile der Liste, Anfragen und Blockierte
filter = Anzeigen
filter-all = Alle
filter-unread = Ungelesen
filter-groups = Gruppen
filter-requests = Anfragen
no-unread = Du hast alles gelesen.
no-groups = Noch keine Gruppen.
no-requests = Gerade keine Anfragen.
requests-lead = Leute, mit denen du noch nicht gechattet hast. Sie sehen nicht, dass du nachgesehen hast.
invites-you = Lädt dich zu { $name } ein
invited-by = { $name } hat dich zu dieser Gruppe hinzugefügt.
both-in = Ihr seid beide in { $groups }
subtitle-request = Anfrage
subtitle-invitation = Einladung in eine Gruppe
subtitle-person-blocked = Blockiert
accept = Annehmen
accept-title = Darf { $name } dir schreiben?
accept-what = Bis du annimmst, sieht { $name } nicht, dass du das hier gelesen hast, dass du online bist oder dass du tippst.
join = Beitreten
join-title = { $name } beitreten?
join-what = Bis du beitrittst, sehen die Mitglieder nicht, dass du das hier gelesen hast oder dass du tippst.
decline = Ablehnen
decline-title = Einladung zu { $name } ablehnen?
decline-what = Du verlässt die Gruppe, und niemand erfährt, warum. Jemand aus der Gruppe kann dich wieder hinzufügen.
delete-request-title = Diese Anfrage löschen?
delete-request-what = { $name } erfährt nichts davon. Bei einer neuen Nachricht wirst du wieder gefragt.
block = Blockieren
block-choose = Blockieren…
block-title = { $name } blockieren?
block-what = Die Person kann dir nicht schreiben, dich nicht zu Gruppen hinzufügen und nicht sehen, ob du online bist. Sie erfährt nichts davon. In Gruppen, in denen ihr beide seid, siehst du weiter, was sie schreibt.
block-invitation = Du lehnst damit auch ihre Einladung ab.
blocked = blockiert
unblock = Nicht mehr blockieren
unblock-label = { $name } nicht mehr blockieren
you-blocked = Du hast { $name } blockiert.
blocked-people = Blockierte Personen
blocked-people-what = Sie können dir nicht schreiben, dich nicht zu Gruppen hinzufügen und nicht sehen, ob du online bist.
blocked-nobody = Du hast niemanden blockiert.

# Eine Unterhaltung
nothing-open = Wähle einen Chat
nothing-open-hint = Oder suche nach einem Handle, um einen neuen zu beginnen.
nobody-title = Niemand heißt { $handle }
nobody-lead = Prüfe die Schreibweise, oder frag noch einmal nach dem Handle.
open-failed = Dieser Chat lässt sich gerade nicht öffnen
to-chats = Zu den Chats
conversation-with = Unterhaltung mit { $name }
messages-with = Nachrichten mit { $name }
is-typing = { $name } schreibt gerade
last-seen-at = zuletzt online { $day } um { $time }
last-seen-on = zuletzt online am { $date }
subtitle-handle = { $handle } · Ende-zu-Ende-verschlüsselt
subtitle-encrypted = Ende-zu-Ende-verschlüsselt
subtitle-joining = Dieses Gerät kommt gerade dazu
subtitle-cut-off = Dieses Gerät hat den Chat aus den Augen verloren
subtitle-set-aside = Etwas lässt sich hier nicht verarbeiten
subtitle-removed = Du wurdest entfernt
subtitle-blocked = Hier kann nichts gesendet werden
empty-conversation = Sag hallo. Nur du und { $name } könnt lesen, was hier steht.
empty-conversation-here = Nachrichten aus der Zeit vor deiner Anmeldung auf diesem Gerät sind nicht hier. Neue erscheinen hier.
conversation-start-group = Auf diesem Gerät beginnen die Nachrichten dieser Gruppe hier. Nur ihre Mitglieder können sie lesen.
empty-notes = Was du hier schreibst, kannst nur du lesen, auf allen deinen Geräten.
conversation-start-notes = Deine Notizen beginnen auf diesem Gerät hier. Nur du kannst sie lesen.
composer-notes = Notiz schreiben
empty-group = Sag hallo. Nur die Mitglieder können lesen, was hier steht.
conversation-start = Auf diesem Gerät beginnt deine Unterhaltung mit { $name } hier. Nur ihr beide könnt sie lesen.
said = { $name }:
unread-divider =
    { $count ->
        [one] { $count } neue Nachricht
       *[other] { $count } neue Nachrichten
    }
unread-divider-plain = Neue Nachrichten
jump-latest = Zur neuesten Nachricht
jump-latest-new =
    { $count ->
        [one] { $count } neue Nachricht: zur neuesten
       *[other] { $count } neue Nachrichten: zur neuesten
    }
show-all = Alles anzeigen
status-pending = Wartet auf das Senden
status-sent = Gesendet
status-delivered = Zugestellt
status-read = Gelesen
status-failed = Nicht gesendet
not-sent = Nicht gesendet.
composer-label = Nachricht an { $name }
composer-revoked = Dieses Gerät ist abgemeldet. Du kannst lesen, aber nicht schreiben.
composer-removed = Du bist kein Mitglied mehr und kannst hier nichts senden.
composer-blocked = Hier kann nichts gesendet werden.
paste-too-long = Dieser Text ist zu lang für eine Nachricht und wurde nicht eingefügt. Er ist noch in der Zwischenablage. Eine Nachricht fasst etwa 64.000 Zeichen.
text-too-long = Dieser Text ist zu lang für eine Nachricht. Bitte kürze ihn oder sende ihn in Teilen.

# Über jemanden
about-person = Details
encrypted-title = Ende-zu-Ende-verschlüsselt
encrypted-what = Nur deine Geräte und die deines Gegenübers können diese Nachrichten lesen. Der Server reicht sie weiter, ohne sie lesen zu können.
encrypted-what-notes = Nur deine eigenen Geräte können deine Notizen lesen. Der Server gibt sie weiter, kann sie aber nicht lesen.
encrypted-what-group = Nur die Geräte der Mitglieder können diese Nachrichten lesen. Der Server reicht sie weiter, ohne sie lesen zu können.
encrypted-key-group = Wer dazukommt, kann lesen, was von da an gesagt wird, und nichts von vorher.
encrypted-key = Sollte der Server je ein anderes Konto für diese Person zeigen, erfährst du es, bevor etwas gesendet wird.
blocked-title = Dieser Chat mit { $name } ließ sich nicht prüfen
blocked-what = Was der Server für diesen Chat zeigt, ist nicht gültig, und vielleicht will jemand mithören. Zur Sicherheit wird hier nichts gesendet. Frag die Person auf anderem Weg.
cut-off-title = Dieses Gerät findet nicht in diesen Chat zurück
cut-off-what = Was der Server zeigt, folgt nicht aus dem, was dieses Gerät von dem Chat weiß. Entweder wurden dort Nachrichten gelöscht, oder jemand greift ein. Du kannst trotzdem zurückkehren: Nachrichten können hier fehlen, und nichts zeigt, dass es noch derselbe Chat ist. Frag im Zweifel { $name } erst auf anderem Weg.
cut-off-do = Trotzdem zurückkehren
set-aside-title = Etwas in diesem Chat lässt sich nicht verarbeiten
set-aside-what = Die anderen Chats sind nicht betroffen, und nichts ist verloren: Was du hier schreibst, wartet. Versuche es erneut, vielleicht nach einem Update. Gelingt es auch dann nicht, kommt dieses Gerät beim nächsten Versuch neu in den Chat, und Nachrichten von davor können hier fehlen.
hide-chat = Chat ausblenden
warning-handle-reassigned = Der Server zeigt für { $name } ein anderes Konto als zuvor. Das ist ein neues Konto, oder jemand will mithören. Es wurde nichts gesendet.
warning-handle-reassigned-unnamed = Der Server zeigt für diese Person ein anderes Konto als zuvor. Das ist ein neues Konto, oder jemand will mithören. Es wurde nichts gesendet.
warning-log = Der Server hat Nachrichten dieses Chats zurückgehalten, wiederholt oder verändert. Was nicht passt, wurde abgelehnt, und etwas kann fehlen. Bitte sag es denen, die den Server betreiben.
warning-forged = Der Server hat etwas weitergegeben, das nicht echt ist. Es wurde abgelehnt. Bitte sag es denen, die den Server betreiben.
warning-account = Der Server hat ein falsches Konto oder falsche Schlüssel gezeigt. Dorthin wird nichts gesendet. Bitte sag es denen, die den Server betreiben.
warning-device = Ein abgemeldetes Gerät von dir kommt immer wieder in diesen Chat und kann vielleicht lesen, was du schreibst. Bitte sag es denen, die den Server betreiben.
warning-message = Die App von { $name } hat eine ungültige Nachricht gesendet. Sie wird nicht gezeigt. Bitte die Person, ihre App zu aktualisieren.
warning-change = Die App von { $name } wollte diesen Chat auf unzulässige Weise ändern. Das wurde abgelehnt. Bitte die Person, ihre App zu aktualisieren.
warning-devices = Die Liste deiner Geräte, die der Server zeigt, stimmt nicht. Sie wurde nicht beachtet; wenn das wieder vorkommt, sag es der Person, die den Server betreibt.
warning-logs-disagree = { $name } hat hier andere Nachrichten als du, oder behauptet es. Vielleicht zeigt der Server euch Verschiedenes: Vergleicht eure letzten Nachrichten auf einem anderen Weg.
warning-messages-missing = Nachrichten von { $name } sind nie angekommen. Bitte darum, sie noch einmal zu senden.
warning-unreadable = Eine Nachricht war nicht lesbar und wurde übersprungen. Entweder ihr Absender oder der Server hat sie beschädigt; wenn dir eine fehlt, bitte noch einmal darum.
warning-gap = Einige Nachrichten haben dieses Gerät nie erreicht: Es war länger weg, als der Server sie aufbewahrt.
warning-server-went-back = Der Server ist auf einen früheren Stand zurückgesetzt worden, zum Beispiel aus einer Sicherung, und hatte Nachrichten verloren. Dieses Gerät hat ihm zurückgegeben, was es hatte.
warning-profile-went-back = Die Nachrichten auf diesem Gerät sind auf einen früheren Stand zurückgesetzt worden. Was seitdem von hier gesendet wurde, fehlt hier; wer es bekommen hat, hat es noch.
warning-not-processed = Eine Einladung in einen Chat ließ sich nicht verarbeiten und wurde ausgelassen. Sonst ist nichts betroffen.
warning-change-given-up = Was du bei { $name } ändern wolltest, ließ sich nicht ändern.
warning-change-not-permitted = Was du bei { $name } ändern wolltest, wurde nicht geändert: Die Rechte dieser Gruppe erlauben es nicht mehr.
warning-change-not-in-group = Die Rolle von { $name } wurde nicht geändert: Die Person ist nicht mehr in dieser Gruppe.
warning-change-last-owner = Du hast die Gruppe nicht verlassen, weil sie sonst niemandem gehörte. Mache jemanden zum Eigentümer, und verlasse sie dann.
warning-change-group-full = { $name } konnte nicht hinzugefügt werden: Diese Gruppe ist voll.
warning-change-unsuitable = { $name } konnte nicht hinzugefügt werden: Die Schlüssel der Geräte sind hier nicht gültig. Bitte die Person, ihre App zu aktualisieren.
warning-change-too-old = Was du bei { $name } ändern wolltest, war einen Tag lang nicht möglich. Hinzugefügt werden kann nur, wer auf einem Gerät angemeldet ist.
warning-certificates = Deine Nachricht wartet: Kein Gerät dieser Person hat ein Zertifikat, das jetzt gültig ist. Prüfe Datum und Uhrzeit dieses Geräts, oder bitte die Person, Subrosa zu öffnen.
warning-refused = Der Server hat etwas abgelehnt. Es geht nichts verloren, und was möglich ist, wird erneut versucht.
warning-more = Es gibt mehr Warnungen, als hier gezeigt werden.
formerly = früher { $handle }
compare-look = Konten vergleichen
compare-title = Ist { $handle } jetzt jemand anderes?
compare-lead = Ein Handle wechselt nie von selbst das Konto. Frag die Person am Telefon oder persönlich nach ihrer Konto-ID. Sie steht in ihrer App unter „Konto“.
compare-known = Das Konto, das du kennst
compare-shown = Das Konto, das der Server jetzt zeigt
compare-same = Der Server zeigt das Konto, das du kennst. Es gibt nichts zu entscheiden.
compare-what = Gehört ihr das erste, dann behalte es: Vielleicht will jemand mithören. Gehört ihr das zweite, dann nimm es an. Von da an steht { $handle } auf allen deinen Geräten für dieses Konto, und der Chat mit dem anderen bleibt ohne das Handle.
compare-keep = Bekanntes Konto behalten
compare-accept = Neues annehmen
blocked-look = Was du tun kannst
blocked-again-title = Chat mit { $name } erneut versuchen?
blocked-again-what = Etwas, das der Server deinem Gerät für diesen Chat gegeben hat, wurde abgelehnt. Sagt der Server diesmal die Wahrheit, geht der Chat weiter. Sonst wird er wieder gesperrt, und es wird nichts gesendet.
blocked-keep = So lassen
to-devices = Geräte ansehen
warning-new-device = In deinem Konto wurde ein neues Gerät angemeldet: { $id }. Wenn du das nicht warst, melde es ab und ändere dein Passwort.
warning-unknown-device = In deinem Konto ist ein Gerät, das deine anderen Geräte nicht kennen: { $id }. Wenn du es nicht kennst, melde es ab und ändere dein Passwort.
warning-device-unlisted = Der Server führt dein Gerät { $id } nicht mehr auf. Es wurde abgemeldet, oder seine Sitzung ist abgelaufen, weil es nicht benutzt wurde. Wenn du es noch benutzt, sieh dort nach.
warning-vault = Der Server ist auf einen älteren Stand deiner Kontodaten zurückgegangen, vielleicht aus einer Sicherung. Der alte Stand wurde nicht verwendet, und deine Geräte speichern ihren erneut.
event-device-own = { $name } hat sich auf einem neuen Gerät angemeldet
event-device-by = { $by } hat ein neues Gerät von { $name } hinzugefügt
event-device-away = { $name } hat ein neues Gerät bekommen, während dieses weg war
event-other = Bei { $name } hat sich etwas geändert
event-created = { $by } hat die Gruppe erstellt
event-created-you = Du hast die Gruppe erstellt
event-added = { $by } hat { $name } hinzugefügt
event-added-by-you = Du hast { $name } hinzugefügt
event-added-you = { $by } hat dich hinzugefügt
event-added-away = { $name } kam dazu, während dieses Gerät weg war
event-removed = { $by } hat { $name } entfernt
event-removed-by-you = Du hast { $name } entfernt
event-removed-you = { $by } hat dich entfernt
event-removed-away = { $name } ging, während dieses Gerät weg war
event-left = { $name } ist gegangen
event-left-you = Du hast die Gruppe verlassen
event-rights = { $by } hat geändert, wer was darf
event-rights-you = Du hast geändert, wer was darf
event-owner = { $name } gehört jetzt zu den Eigentümern
event-owner-you = Du gehörst jetzt zu den Eigentümern
event-admin = { $name } gehört jetzt zu den Admins
event-admin-you = Du gehörst jetzt zu den Admins
event-member = { $name } ist jetzt ein gewöhnliches Mitglied
event-member-you = Du bist jetzt ein gewöhnliches Mitglied
event-renamed = { $by } hat den Namen der Gruppe geändert
event-renamed-you = Du hast den Namen der Gruppe geändert
event-picture = { $by } hat das Bild der Gruppe geändert
event-picture-you = Du hast das Bild der Gruppe geändert
event-description = { $by } hat geändert, worum es in der Gruppe geht
event-description-you = Du hast geändert, worum es in der Gruppe geht
event-timer = { $by } hat die Dauer verschwindender Nachrichten auf { $time } gesetzt
event-timer-you = Du hast die Dauer verschwindender Nachrichten auf { $time } gesetzt
event-timer-off = { $by } hat verschwindende Nachrichten ausgeschaltet
event-timer-off-you = Du hast verschwindende Nachrichten ausgeschaltet
account-id = Deine Konto-ID
account-id-what = Andere können sie mit dem vergleichen, was ihre App zeigt, um sicher zu sein, dass du es bist.

# Gruppen
people-search = Name oder @Handle
people-search-hint = Gib den Anfang eines Handles ein, um jemanden zu finden.
chip-remove = { $name } wieder entfernen
people-count =
    { $count ->
        [one] Bisher nur du
       *[other] { $count } Personen, dich eingeschlossen
    }
group-name = Name
group-name-rule = Du kannst ihn später ändern.
group-new-name-rule = Alle Mitglieder sehen ihn.
next = Weiter
create-group = Gruppe erstellen
discard = Verwerfen
discard-group-title = Diese Gruppe verwerfen?
discard-group-what = Die Personen und der Name, die du gewählt hast, gehen verloren.
add = Hinzufügen
add-people = Personen hinzufügen
already-member = Schon in der Gruppe
edit-group = Gruppe bearbeiten
group-about = Worum geht es?
group-about-rule = Freiwillig. Alle Mitglieder sehen es.
group-picture-what = Nur Mitglieder können es sehen.
group-picture-remove-label = Das Bild der Gruppe entfernen
picture-change = Bild ändern
members-search = Mitglieder suchen
nobody-here = Kein Mitglied heißt so.
show-all-members = Alle { $count } zeigen
role-owner = Eigentümer
role-admin = Admin
leave-group = Gruppe verlassen
leaving-group = Du gehst …
leave-title = { $name } verlassen?
leave-what = Auf allen deinen Geräten. Was bisher gesagt wurde, behältst du, und jemand aus der Gruppe kann dich wieder hinzufügen.
leave-successor = Neuer Eigentümer
who-adds = Wer Leute hinzufügen darf
who-posts = Wer Nachrichten senden darf
everyone = Alle
only-admins = Nur Admins
only-admins-write = In dieser Gruppe dürfen nur Admins Nachrichten senden.
member-menu = Was du bei { $name } tun kannst
message-person = Nachricht schreiben
person-show = Profil ansehen
groups-in-common =
    { $count ->
        [one] Eine gemeinsame Gruppe
       *[other] { $count } gemeinsame Gruppen
    }
nickname-give = Spitznamen geben
nickname-change = Spitznamen ändern
nickname-title = Wie nennst du { $name }?
nickname-field = Spitzname
nickname-rule = Nur du siehst ihn, auf allen deinen Geräten.
save = Speichern
make-owner = Zum Eigentümer machen
make-admin = Zum Admin machen
make-member = Zum einfachen Mitglied machen
become-admin = Admin werden
become-member = Einfaches Mitglied werden
give-up = Rolle abgeben
give-up-title = Deine Rolle abgeben?
give-up-what = Du kannst sie nicht selbst zurücknehmen. Jemand mit einer höheren Rolle müsste sie dir wieder geben.
owner-title = { $name } zum Eigentümer machen?
owner-what = Eigentümer dürfen in dieser Gruppe alles. Sie können dir auch deine Rolle nehmen.
remove = Entfernen
remove-member = Aus der Gruppe entfernen
remove-title = { $name } entfernen?
remove-what = Was von da an gesagt wird, kann die Person nicht lesen; was sie hat, behält sie. Sie kann wieder hinzugefügt werden.
ban-member = Verbannen
ban-title = { $name } verbannen?
ban-what = Die Person wird entfernt und kann erst wieder hinzugefügt werden, wenn sie wieder zugelassen ist. Was sie hat, behält sie.
banned = Verbannt
readmit = Wieder zulassen
readmit-label = Wieder zulassen: { $name }
pending-addition = Wird hinzugefügt …
pending-removal = Wird entfernt …
pending-ban = Wird verbannt …
pending-readmission = Wird wieder zugelassen …
pending-role = Rolle wird geändert …

# Banner
strip-offline = Keine Verbindung. Nachrichten gehen hinaus, sobald es eine gibt.
strip-connecting = Verbindung wird hergestellt
strip-clock = Die Uhr dieses Geräts geht falsch: Für den Server ist es { $server }. Bitte stelle sie, sonst fehlt dieses Gerät womöglich in neuen Unterhaltungen.
strip-refused = Der Server gibt nicht heraus, was auf dieses Gerät wartet. Er wird erneut gefragt, und du kannst weiter lesen und schreiben.
strip-storage = Der Speicher dieses Browsers ist fast voll. Bitte schaff Platz, damit keine Nachricht abgewiesen wird.
strip-revoked = Dieses Gerät wurde aus der Ferne abgemeldet. Was hier ist, kannst du noch lesen.
strip-version = Es gibt eine neue Version von Subrosa. Bitte lade neu.
strip-version-again = Server und Seite passen noch nicht zusammen. Bitte versuche es später wieder.

# Konto
settings = Konto
profile = Profil
picture-lead = Alle, denen du schreibst, sehen dein Bild ab deiner nächsten Nachricht.
picture-choose = Bild auswählen
picture-saved = Dein Bild ist gespeichert.
picture-unreadable = Diese Datei ist kein Bild, das dein Browser lesen kann.
picture-too-large = Diese Datei ist größer als 20 MB. Bitte wähle eine kleinere.
picture-remove = Entfernen
picture-remove-label = Dein Bild entfernen
picture-remove-question = Dein Bild entfernen?
picture-remove-what = Ab deiner nächsten Nachricht sehen alle wieder deine Initialen.
picture-removed = Dein Bild ist entfernt.
save-name = Namen speichern
name-saved = Dein Name ist gespeichert.
look = Aussehen
theme = Farben
theme-system = Wie das System
theme-light = Hell
theme-dark = Dunkel
language = Sprache
language-missing = { $language } konnte nicht geladen werden. Bitte prüfe deine Verbindung und versuche es wieder.
privacy = Privatsphäre
privacy-lead = Was andere sehen und dürfen, auf allen deinen Geräten gleich.
read-receipts = Lesebestätigungen
read-receipts-what = Wenn du sie ausschaltest, siehst du auch die der anderen nicht.
typing-others-see = Schreiben
typing-others-see-what = Andere sehen, wenn du gerade schreibst. Wenn du das ausschaltest, siehst du es auch bei ihnen nicht.
last-seen-others-see = Zuletzt online
last-seen-others-see-what = Andere sehen, ob du online bist und wann du es zuletzt warst. Wenn du das ausschaltest, siehst du es auch bei ihnen nicht.
who-writes = Wer dir schreiben kann
who-writes-what = Was alle anderen schreiben, wartet unter „Anfragen“.
who-adds-you = Wer dich zu Gruppen hinzufügen kann
who-adds-you-what = Einladungen von allen anderen warten unter „Anfragen“.
audience-everybody = Alle
audience-known = Leute, die ich kenne
audience-nobody = Niemand
devices = Geräte
devices-lead = Wo du angemeldet bist. Melde ab, was du nicht kennst oder nicht mehr benutzt.
device-name = Gerät { $id }
this-device = Dieses Gerät
device-since = Angemeldet seit: { $day }
device-seen = Zuletzt benutzt: { $seen } · angemeldet: { $made }
device-uncertified = Dein Konto hat dieses Gerät nicht bestätigt. Deine Kontakte lehnen es ab. Wenn du es nicht kennst, melde es ab und sag es denen, die den Server betreiben.
rename = Umbenennen
device-rename-label = { $name } umbenennen
device-rename-title = Name des Geräts
device-rename-field = Name
device-rename-rule = Nur deine eigenen Geräte sehen ihn.
device-sign-out-label = { $name } abmelden
device-sign-out-title = { $name } abmelden?
device-sign-out-lead = Es bekommt keine Nachrichten mehr. Was es schon hat, bleibt dort lesbar, bis es entfernt wird.
change-password = Passwort
change-password-lead = Deine anderen Geräte bleiben angemeldet.
old-password = Aktuelles Passwort
old-password-wrong = Das ist nicht dein aktuelles Passwort.
change-password-do = Passwort ändern
password-changed = Dein Passwort ist geändert.
renew-lead = Ein neuer Code ersetzt den, den du hast. Erzeuge einen, wenn jemand ihn gesehen haben könnte. Dazu brauchst du den bisherigen.
renew-password-hint = Damit sicher ist, dass du es bist.
renew-old-code = Bisheriger Wiederherstellungscode
renew-old-code-hint = Der Code, den du jetzt hast.
renew-old-code-wrong = Das ist nicht dein bisheriger Wiederherstellungscode.
renew-do = Neuen Code erzeugen
sign-out = Abmelden
sign-out-lead = Alles von Subrosa wird endgültig von diesem Gerät entfernt. Dein Konto bleibt.
sign-out-this = Dieses Gerät abmelden
sign-out-question = Dieses Gerät abmelden?
sign-out-what = Die Nachrichten auf diesem Gerät sind dann endgültig weg: Eine neue Anmeldung bringt sie nicht zurück. Nur deine anderen Geräte haben ihre noch. Um wiederzukommen, brauchst du dein Handle und dein Passwort.
sign-out-unsent =
    { $count ->
        [one] { $count } Nachricht ist noch nicht gesendet und ginge verloren.
       *[other] { $count } Nachrichten sind noch nicht gesendet und gingen verloren.
    }
sign-out-offline = Der Server ist nicht zu erreichen, für ihn bleibt dieses Gerät also angemeldet. Du kannst trotzdem alles hier endgültig entfernen und das Gerät später von einem anderen aus abmelden.
sign-out-do = Abmelden
remove-anyway = Trotzdem entfernen
about = Über Subrosa
about-lead = Ein Ende-zu-Ende-verschlüsselter Messenger, den jeder betreiben kann.
version = Version
build = Stand
licence = Lizenz
source = Quelltext
licences = Lizenzen dessen, was darin steckt
font = Schrift

# Fehler
failure-wrong-password = Handle oder Passwort ist falsch.
failure-wrong-code = Handle oder Wiederherstellungscode ist falsch.
failure-malformed-code = Das ist kein Wiederherstellungscode. Bitte prüfe ihn auf Tippfehler.
failure-handle-taken = Dieses Handle ist vergeben oder sieht einem vergebenen ähnlich. Bitte wähle ein anderes.
failure-name = Dieser Name geht nicht. Bitte wähle einen kürzeren.
failure-too-many-blocked = Du hast so viele Personen blockiert, wie es geht. Bitte gib zuerst jemanden frei.
failure-person-blocked = Du hast diese Person blockiert. Gib sie frei, um ihr zu schreiben.
failure-too-many-nicknames = Du hast so viele Spitznamen vergeben, wie es geben kann. Bitte entferne zuerst einen.
failure-description = Dieser Text geht nicht. Bitte wähle einen kürzeren.
failure-picture = Dieses Bild geht nicht. Bitte wähle ein anderes.
failure-text = Eine Nachricht hat mindestens ein Zeichen und höchstens 64 KiB.
failure-unknown-person = Niemand hat dieses Handle.
failure-own-account = Das ist dein eigenes Handle.
failure-handle-reassigned = Der Server zeigt für diese Person ein anderes Konto als zuvor. Zur Sicherheit wird nichts gesendet. Frag die Person auf anderem Weg.
failure-not-permitted = Die Rechte dieser Gruppe erlauben das nicht.
failure-last-owner = Jemand muss die Gruppe besitzen. Mache zuerst eine andere Person zur Eigentümerin.
failure-group-full = Diese Gruppe ist voll.
failure-banned = Jemand, den du gewählt hast, ist aus dieser Gruppe verbannt und muss erst wieder zugelassen werden.
failure-not-in-group = Die Person ist nicht mehr in dieser Gruppe.
failure-not-a-member = Du bist kein Mitglied dieser Gruppe mehr.
failure-not-yet = Diese Gruppe ist auf diesem Gerät noch nicht bereit. Bitte versuche es gleich noch einmal.
failure-not-found = Das gibt es nicht mehr.
failure-rate-limited = Zu viele Versuche. Bitte warte einen Moment und versuche es wieder.
failure-rate-limited-for =
    { $minutes ->
        [one] Zu viele Versuche. Bitte versuche es in einer Minute wieder.
       *[other] Zu viele Versuche. Bitte versuche es in { $minutes } Minuten wieder.
    }
failure-closed = Dieser Server nimmt zurzeit keine neuen Konten an.
failure-unreachable = Der Server ist nicht zu erreichen. Bitte prüfe deine Verbindung und versuche es wieder.
failure-version = Der Server spricht eine andere Version. Bitte lade die Seite neu.
failure-server = Die Antwort des Servers ist nicht echt und wurde abgelehnt. Bitte sag es denen, die den Server betreiben.
failure-signed-out = Dieses Gerät ist abgemeldet.
failure-clock = Die Uhr dieses Geräts geht um mehr als einen Tag falsch. Bitte stelle sie und versuche es wieder.
failure-storage-full = Der Speicher dieses Browsers ist voll. Es ist nichts verloren: Schaff Platz und versuche es wieder.
failure-storage = Die Datenbank auf diesem Gerät lässt sich nicht schreiben. Bitte lade die Seite neu.
failure-internal = Etwas ist schiefgegangen. Bitte lade die Seite neu und versuche es wieder.
