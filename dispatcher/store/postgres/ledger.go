package postgres

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
)

// ledger collects what a transaction ends and counts.
type ledger struct {
	messages                                                     [][16]byte
	users, devices                                               []int64
	channels, rules, states, reasons, codes, details, vendorsIDs []string
	inDoubt                                                      []bool
	counts                                                       map[message.State]int64
}

// outcome is the end of the story for one (message, user, device).
type outcome struct {
	message      uuid.UUID
	user, device int64
	channel      string
	rule         string
	state        message.State
	reason       string
	vendor       message.Outcome
	inDoubt      bool
}

func newLedger() *ledger { return &ledger{counts: map[message.State]int64{}} }

// end appends a transition and counts it.
func (l *ledger) end(o outcome) {
	l.messages = append(l.messages, o.message)
	l.users, l.devices = append(l.users, o.user), append(l.devices, o.device)
	l.channels, l.rules, l.states = append(l.channels, o.channel), append(l.rules, o.rule), append(l.states, string(o.state))
	l.reasons, l.codes = append(l.reasons, text(o.reason)), append(l.codes, text(o.vendor.Code))
	l.details, l.vendorsIDs = append(l.details, text(o.vendor.Detail)), append(l.vendorsIDs, text(o.vendor.VendorMessageID))
	l.inDoubt = append(l.inDoubt, o.inDoubt)
	l.counts[o.state]++
}

// queue writes the ledger. Counters come last of all, because other
// transactions wait for them.
func (l *ledger) queue(b *batch) {
	if len(l.messages) > 0 {
		b.add(insertOutcomes, l.messages, l.users, l.devices, l.channels, l.rules, l.states, l.reasons, l.codes, l.details, l.vendorsIDs, l.inDoubt)
	}
	if len(l.counts) > 0 {
		states, counts := columns(l.counts)
		b.add(addToAccount, states, counts)
	}
}

// columns are the keys, in the order in which rows are locked, and their values.
func columns[K ~string](counts map[K]int64) (keys []string, values []int64) {
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		keys, values = append(keys, string(k)), append(values, counts[k])
	}
	return keys, values
}

// text is what PostgreSQL takes of a vendor's words.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

const (
	insertOutcomes = `INSERT INTO @.outcomes
			(message_id, user_key, device_key, channel, rule, state, reason, code, detail, vendor_message_id, in_doubt, at)
		SELECT o.*, ` + now + ` FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::text[], $11::boolean[]) AS o`
	addToAccount = `INSERT INTO @.account AS a (shard, state, n)
		SELECT pg_backend_pid() % 16, c.state, c.n FROM unnest($1::text[], $2::bigint[]) AS c(state, n)
		ON CONFLICT (shard, state) DO UPDATE SET n = a.n + excluded.n`
)
