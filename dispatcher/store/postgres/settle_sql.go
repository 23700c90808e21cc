package postgres

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	deleteRows = `DELETE FROM @.deliveries WHERE delivery_id = ANY($1::bigint[])`
	keepRows   = `UPDATE @.deliveries d SET targets = r.targets, target_count = r.n, attempt = r.attempt, due_at = r.due_at,
			last_class = r.class, last_code = r.code, last_detail = r.detail, changed_at = ` + now + `
		FROM unnest($1::bigint[], $2::bytea[], $3::integer[], $4::integer[], $5::bigint[], $6::text[], $7::text[], $8::text[])
			AS r(delivery_id, targets, n, attempt, due_at, class, code, detail)
		WHERE d.delivery_id = r.delivery_id`
	// splitRows adds rows that are like those they come from, but for their targets and what their outcomes say.
	splitRows = `INSERT INTO @.deliveries (message_id, channel, rule, priority, owner, expires_at,
			targets, target_count, attempt, due_at, last_class, last_code, last_detail, changed_at)
		SELECT d.message_id, d.channel, d.rule, d.priority, d.owner, d.expires_at, r.targets, r.n, r.attempt, r.due_at, r.class, r.code, r.detail, ` + now + `
		FROM unnest($1::bigint[], $2::bytea[], $3::integer[], $4::integer[], $5::bigint[], $6::text[], $7::text[], $8::text[])
			AS r(delivery_id, targets, n, attempt, due_at, class, code, detail)
		JOIN @.deliveries d ON d.delivery_id = r.delivery_id`
	// lockBacklog takes at once what the triggers of several statements would take one after the other.
	lockBacklog = `SELECT 1 FROM @.backlog WHERE shard = pg_backend_pid() % 16 AND channel = ANY($1::text[])
		ORDER BY channel FOR UPDATE`
	// noteAnswers locks the tokens in their order, which the plan of an update alone would not keep.
	noteAnswers = `UPDATE @.tokens t SET channel = a.channel, answered_at = ` + now + `, invalid = a.invalid,
			accepted_at = CASE WHEN a.accepted THEN ` + now + ` ELSE t.accepted_at END,
			quarantined_at = CASE WHEN a.quarantine THEN coalesce(t.quarantined_at, ` + now + `) ELSE t.quarantined_at END
		FROM (SELECT t.kind, a.* FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[], $5::boolean[], $6::boolean[])
				AS a(device_key, gen, channel, accepted, invalid, quarantine)
			JOIN @.tokens t ON t.device_key = a.device_key AND t.gen = a.gen
			ORDER BY t.device_key, t.kind FOR NO KEY UPDATE OF t) AS a
		WHERE t.device_key = a.device_key AND t.kind = a.kind`
)

// write writes in the order of tables that all transactions keep, and commits.
func (st *settling) write(ctx context.Context) error {
	b := st.batch()
	if len(st.changed) == 0 {
		return st.finish(ctx, b)
	}
	if err := st.ensure(ctx, []partition{st.outcomesDay()}); err != nil {
		return err
	}
	st.answers.queue(b)
	gone, kept, resized := st.left()
	if len(st.split) > 0 || len(gone) > 0 && resized {
		b.add(lockBacklog, st.channels())
	}
	st.splitOff(b) // first, because the rows that they come from may end in the same batch
	if len(gone) > 0 {
		b.add(deleteRows, gone)
	}
	kept.queue(b, keepRows)
	st.letters.queue(b)
	st.ledger.queue(b)
	return st.finish(ctx, b)
}

// keptRows are the columns of the rows that stay, and of those that come from them.
type keptRows struct {
	ids, dues               []int64
	targets                 [][]byte
	counts, attempts        []int32
	classes, codes, details []string
}

// left tells the rows that end from those that stay, and whether one of those has fewer targets now.
func (st *settling) left() (gone []int64, kept keptRows, resized bool) {
	for _, id := range slices.Sorted(maps.Keys(st.changed)) {
		r := st.rows[id]
		if len(r.Targets) == 0 {
			gone = append(gone, id)
			continue
		}
		resized = resized || len(r.Targets) < r.counted
		kept.add(id, rules.Kept{Retry: r.retry, Stored: r.Targets})
	}
	return gone, kept, resized
}

// splitOff adds the rows that come from others.
func (st *settling) splitOff(b *batch) {
	var added keptRows
	for _, s := range st.split {
		added.add(s.from, s.Kept)
	}
	added.queue(b, splitRows)
}

func (k *keptRows) queue(b *batch, query string) {
	if len(k.ids) > 0 {
		b.add(query, k.ids, k.targets, k.counts, k.attempts, k.dues, k.classes, k.codes, k.details)
	}
}

func (k *keptRows) add(id int64, r rules.Kept) {
	k.ids, k.dues = append(k.ids, id), append(k.dues, millis(r.DueAt))
	k.targets = append(k.targets, packed.Encode(r.Stored))
	k.counts, k.attempts = append(k.counts, int32(len(r.Stored))), append(k.attempts, int32(r.Attempt)) //nolint:gosec // Both are small.
	last := r.Last
	k.classes, k.codes, k.details = append(k.classes, string(last.Class)), append(k.codes, text(last.Code)), append(k.details, text(last.Detail))
}

// channels are those of the changed rows.
func (st *settling) channels() []string {
	channels := map[string]bool{}
	for id := range st.changed {
		channels[st.rows[id].Channel] = true
	}
	return slices.Sorted(maps.Keys(channels))
}

// answers are what vendors said about tokens, the last word about each.
type answers map[heldToken]answer

// heldToken names a token: generations are unique for the device over all kinds.
type heldToken struct{ device, gen int64 }

type answer struct {
	channel                       string
	accepted, invalid, quarantine bool
}

func (a answers) add(channel string, d store.TargetResult) {
	k := heldToken{d.Target.Device, d.TokenGen}
	last := a[k]
	last.channel = channel
	switch d.Outcome.Class {
	case message.Accepted:
		last.accepted, last.invalid = true, false
	case message.InvalidToken:
		last.invalid, last.quarantine = true, last.quarantine || !d.KeepToken
	case message.AuthExpired, message.CredentialRejected, message.Throttled, message.QuotaExhausted,
		message.Transient, message.Rejected, message.Unknown: // these say nothing about the token
		return
	default:
		return
	}
	a[k] = last
}

func (a answers) queue(b *batch) {
	if len(a) == 0 {
		return
	}
	var devices, gens []int64
	var channels []string
	var accepted, invalid, quarantine []bool
	for _, k := range slices.SortedFunc(maps.Keys(a), compareHeld) {
		v := a[k]
		devices, gens, channels = append(devices, k.device), append(gens, k.gen), append(channels, v.channel)
		accepted, invalid, quarantine = append(accepted, v.accepted), append(invalid, v.invalid), append(quarantine, v.quarantine)
	}
	b.add(noteAnswers, devices, gens, channels, accepted, invalid, quarantine)
}

func compareHeld(a, b heldToken) int {
	return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.gen, b.gen))
}
