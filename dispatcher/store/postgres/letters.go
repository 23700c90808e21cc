package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// meant are the letters of a LetterRange, by letterArgs.
const meant = `l.letter_id BETWEEN $1 AND $2 AND l.at >= $3 AND l.at < $4 AND ($5 = '' OR l.channel = $5) AND ($6 = '' OR l.reason = $6)
	AND ($7 = '' OR l.state = $7) AND ($8 = '' OR l.user_key = (SELECT user_key FROM @.users WHERE user_id = $8))
	AND ($9::uuid IS NULL OR l.message_id = $9) AND ($10::bigint[] IS NULL OR l.letter_id = ANY($10))`

const (
	insertLetters = `INSERT INTO @.dead_letters
			(message_id, user_key, device_key, seq, badge, channel, rule, state, reason, class, code, detail, in_doubt, at)
		SELECT l.*, ` + now + ` FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::text[], $7::text[], $8::text[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[]) AS l`
	letterOf = `LEFT JOIN @.messages m ON m.message_id = l.message_id LEFT JOIN @.letter_messages k ON k.message_id = l.message_id `
	listing  = `SELECT ` + rules.LetterColumns + ` FROM (
			SELECT l.* FROM @.dead_letters l WHERE ` + meant + ` ORDER BY l.letter_id DESC LIMIT $11) AS l
		LEFT JOIN @.users u ON u.user_key = l.user_key
		LEFT JOIN @.devices d ON d.device_key = l.device_key ` + letterOf + `ORDER BY l.letter_id DESC`
	// countLetters reads them all, which are few at any time.
	countLetters = `SELECT l.channel, l.state, l.reason, count(*) FROM @.dead_letters l WHERE ` + meant + `
		GROUP BY l.channel, l.state, l.reason ORDER BY l.channel COLLATE "C", l.state COLLATE "C", l.reason COLLATE "C"`
	// purgeLetters leaves to others what they requeue or purge.
	purgeLetters = `DELETE FROM @.dead_letters WHERE letter_id = ANY (ARRAY (
		SELECT l.letter_id FROM @.dead_letters l WHERE ` + meant + ` ORDER BY l.letter_id LIMIT $11 FOR UPDATE SKIP LOCKED))`
	requeueable = `SELECT l.letter_id, l.message_id, l.channel, l.rule, l.device_key, d.epoch, l.seq,
			CASE WHEN l.badge > 0 THEN coalesce(b.badge, l.badge) ELSE 0 END, l.user_key,
			coalesce(m.push_expires_at - m.created_at, k.push_expires_at - k.created_at)
		FROM @.dead_letters l
		JOIN @.devices d ON d.device_key = l.device_key AND (l.user_key = 0 OR d.user_key = l.user_key)
		LEFT JOIN @.badges b ON b.device_key = l.device_key ` + letterOf + `
		WHERE ` + meant + `
			AND EXISTS (SELECT 1 FROM @.tokens t WHERE t.device_key = l.device_key AND t.quarantined_at IS NULL)
			AND (k.message_id IS NOT NULL OR m.message_id IS NOT NULL AND m.recalled_at IS NULL)
		ORDER BY l.letter_id LIMIT $11 FOR UPDATE OF l SKIP LOCKED`
	deleteLetters = `DELETE FROM @.dead_letters WHERE letter_id = ANY($1::bigint[])`
	keptMessage   = `SELECT k.message_id, k.kind, k.detail, k.user_id, k.body, k.push, k.created_at, k.push_expires_at, NULL::bigint
		FROM @.letter_messages k WHERE k.message_id = $1`
	// keepContent is of the messages of a day that goes while letters of them stay.
	keepContent = `INSERT INTO @.letter_messages (message_id, user_id, kind, detail, body, push, created_at, push_expires_at)
		SELECT m.message_id, m.sender, m.kind, m.detail, m.body, m.push, m.created_at, m.push_expires_at
		FROM (SELECT DISTINCT message_id FROM @.dead_letters WHERE message_id >= $1 AND message_id < $2) AS l
		JOIN @.messages m ON m.message_id = l.message_id AND m.recalled_at IS NULL
		WHERE NOT EXISTS (SELECT 1 FROM @.letter_messages k WHERE k.message_id = l.message_id) ON CONFLICT DO NOTHING`
	pruneLetters = `DELETE FROM @.dead_letters WHERE letter_id = ANY (ARRAY (
		SELECT letter_id FROM @.dead_letters WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))`
	// pruneBeyond deletes those that are older than as many as are kept.
	pruneBeyond = `DELETE FROM @.dead_letters WHERE letter_id = ANY (ARRAY (
		SELECT letter_id FROM @.dead_letters WHERE letter_id <= (
			SELECT letter_id FROM @.dead_letters ORDER BY letter_id DESC LIMIT 1 OFFSET $1)
		ORDER BY letter_id LIMIT $2 FOR UPDATE SKIP LOCKED))`
	// pruneContent looks for letters and deliveries like pruneLeases.
	pruneContent = `DELETE FROM @.letter_messages WHERE message_id = ANY (ARRAY (
		SELECT k.message_id FROM @.letter_messages k WHERE k.created_at > $1
			AND (SELECT 1 FROM @.dead_letters l WHERE l.message_id = k.message_id ORDER BY l.message_id LIMIT 1) IS NULL
			AND (SELECT 1 FROM @.deliveries d WHERE d.message_id = k.message_id ORDER BY d.message_id LIMIT 1) IS NULL
		ORDER BY k.message_id LIMIT $2 FOR UPDATE SKIP LOCKED))`
)

// letterArgs are the arguments of meant.
func letterArgs(r rules.LetterRange) []any {
	var of *uuid.UUID
	if r.Of != uuid.Nil {
		of = &r.Of
	}
	return []any{r.First, r.Last, r.Since, r.Until, r.Channel, r.Reason, string(r.State), r.UserID, of, r.IDs}
}

// letterRows are the columns of the letters that a batch of settlements leaves.
type letterRows struct {
	messages                                                  [][16]byte
	users, devices, seqs                                      []int64
	badges                                                    []int32
	channels, rules, states, reasons, classes, codes, details []string
	inDoubt                                                   []bool
}

// add leaves a letter of a target if its end is one for that.
func (l *letterRows) add(r settledRow, target packed.Target, d store.TargetResult) {
	if !rules.Dies(r.Rule, d) {
		return
	}
	said := rules.LastWord(d, r.last)
	l.messages, l.users, l.devices = append(l.messages, r.Message), append(l.users, target.User), append(l.devices, target.Device)
	l.seqs, l.badges, l.channels = append(l.seqs, target.Seq), append(l.badges, target.Badge), append(l.channels, r.Channel)
	l.rules, l.states, l.reasons = append(l.rules, r.Rule), append(l.states, string(d.State)), append(l.reasons, text(d.Reason))
	l.classes, l.codes, l.details = append(l.classes, string(said.Class)), append(l.codes, text(said.Code)), append(l.details, text(said.Detail))
	l.inDoubt = append(l.inDoubt, d.InDoubt)
}

func (l *letterRows) queue(b *batch) {
	if len(l.messages) > 0 {
		b.add(insertLetters, l.messages, l.users, l.devices, l.seqs, l.badges, l.channels, l.rules, l.states, l.reasons,
			l.classes, l.codes, l.details, l.inDoubt)
	}
}

// Letters implements store.Store.
func (s *Store) Letters(ctx context.Context, f store.LetterFilter, before int64, limit int) (out []store.Letter, err error) {
	r, ok := rules.NewLetterRange(f, before)
	if !ok {
		return nil, nil
	}
	err = s.rows(ctx, listing, func(row pgx.CollectableRow) error {
		var r rules.LetterRow
		if err := row.Scan(r.Dest()...); err != nil {
			return err
		}
		l, err := r.Result()
		out = append(out, l)
		return err
	}, append(letterArgs(r), limit)...)
	return out, err
}

// CountLetters implements store.Store.
func (s *Store) CountLetters(ctx context.Context, f store.LetterFilter) (out []store.LetterCount, err error) {
	r, ok := rules.NewLetterRange(f, 0)
	if !ok {
		return nil, nil
	}
	err = s.rows(ctx, countLetters, func(row pgx.CollectableRow) error {
		var c store.LetterCount
		err := row.Scan(&c.Channel, &c.State, &c.Reason, &c.N)
		out = append(out, c)
		return err
	}, letterArgs(r)...)
	return out, err
}

// PurgeLetters implements store.Store.
func (s *Store) PurgeLetters(ctx context.Context, f store.LetterFilter, limit int) (int64, error) {
	r, ok := rules.NewLetterRange(f, 0)
	if !ok {
		return 0, nil
	}
	return s.exec(ctx, s.pool, purgeLetters, append(letterArgs(r), limit)...)
}

// Requeue implements store.Store.
func (s *Store) Requeue(ctx context.Context, f store.LetterFilter, maxBacklog int64, limit int) (out store.Requeued, err error) {
	r, ok := rules.NewLetterRange(f, 0)
	if !ok {
		return out, nil
	}
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		out = store.Requeued{}
		letters, err := t.requeueable(ctx, r, limit)
		if err != nil || len(letters) == 0 {
			return err
		}
		var pending, at int64
		if err := t.row(ctx, `SELECT coalesce(sum(pending), 0)::bigint, `+now+` FROM @.backlog`).Scan(&pending, &at); err != nil {
			return err
		}
		if pending+int64(len(letters)) > maxBacklog {
			return store.ErrBacklogFull
		}
		out.Letters, out.More = int64(len(letters)), len(letters) == limit
		out.Deliveries, err = t.requeue(ctx, letters, at)
		return err
	})
	if err != nil {
		return store.Requeued{}, explain(err)
	}
	return out, nil
}

func (t *tx) requeueable(ctx context.Context, r rules.LetterRange, limit int) (letters []rules.Requeue, err error) {
	err = t.rows(ctx, requeueable, func(row pgx.CollectableRow) error {
		var l rules.Requeue
		at := &l.Target
		err := row.Scan(&l.ID, &l.Message, &l.Channel, &l.Rule, &at.Device, &at.Epoch, &at.Seq, &at.Badge, &at.User, &l.TTL)
		letters = append(letters, l)
		return err
	}, append(letterArgs(r), limit)...)
	return letters, err
}

// requeue makes deliveries of the letters, which end. They are this process's if its lease lives.
func (t *tx) requeue(ctx context.Context, letters []rules.Requeue, at int64) (out []message.Delivery, err error) {
	var ids []int64
	for _, l := range letters {
		ids = append(ids, l.ID)
	}
	var rows deliveryRows
	chunks := rules.RequeueChunks(letters, at)
	for _, c := range chunks {
		rows.messages, rows.channels, rows.rules = append(rows.messages, c.Message), append(rows.channels, c.Channel), append(rows.rules, c.Rule)
		rows.priorities = append(rows.priorities, int16(rules.RequeuePriority))
		rows.targets, rows.counts = append(rows.targets, packed.Encode(c.Targets)), append(rows.counts, int32(len(c.Targets))) //nolint:gosec // At most message.MaxTargets.
		rows.dues, rows.expires = append(rows.dues, c.Due), append(rows.expires, c.Expires)
	}
	b := t.batch()
	b.add(deleteLetters, ids)
	b.add(insertDeliveries, t.store.incarnation.Load(), rows.messages, rows.channels, rows.rules, rows.priorities, rows.targets, rows.counts, rows.dues, rows.expires).
		Query(func(found pgx.Rows) error {
			stored, err := storedDeliveries(found)
			for i, id := range stored {
				out = append(out, chunks[i].Delivery(id))
			}
			return err
		})
	l := newLedger()
	l.counts[rules.Admitted] += int64(len(letters))
	l.queue(b)
	return out, t.run(ctx, b)
}

// keepLetters keeps what the letters of a day's messages said.
func keepLetters(ctx context.Context, exec func(context.Context, string, ...any) (int64, error), p partition) error {
	if p.table != messagesTable {
		return nil
	}
	_, err := exec(ctx, keepContent, firstID(p.day), firstID(p.day+1))
	return err
}
