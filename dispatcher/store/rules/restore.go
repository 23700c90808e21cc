package rules

import "strconv"

// RestoreJump is how far epochs and sequences of a restored store go ahead: further than any device or inbox came
// between the backup and its loss, and still a number that every client can read a hundred million times later.
const RestoreJump = 1 << 24

// Restore are the statements that make an older state of a store safe to go on with. Who used a phone since is not
// known: nobody is bound, and what was pending is for epochs that are over. Phones drop what has a sequence that
// they know: none is given a second time. Schema stands before the names of tables. An erasure finds its devices.
func Restore(schema string) []string {
	jump := strconv.Itoa(RestoreJump)
	return []string{
		`UPDATE ` + schema + `devices SET epoch = epoch + ` + jump + `, confirmed_epoch = epoch + ` + jump + `,
			session = NULL, session_number = NULL, grace_until = 0,
			user_key = CASE WHEN user_key IN (SELECT user_key FROM ` + schema + `erasures) THEN user_key END`,
		`UPDATE ` + schema + `users SET last_seq = last_seq + ` + jump,
		`UPDATE ` + schema + `badges SET badge = 0 WHERE badge <> 0`,
		`DELETE FROM ` + schema + `presence`,
	}
}

// CopiedCure is what to do about store.ErrCopied.
const CopiedCure = `run "dispatcher restored" where this dispatcher runs: it unbinds every phone until its user logs in again, because who ` +
	`used it since the backup is not known; or "dispatcher restored --complete" if nothing was written to the original since`
