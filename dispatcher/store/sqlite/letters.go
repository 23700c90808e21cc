package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// meant are the letters of a LetterRange, by letterArgs. The plus keeps the order of the ids.
const meant = `l.letter_id BETWEEN ?1 AND ?2 AND +l.at >= ?3 AND +l.at < ?4 AND (?5 = '' OR l.channel = ?5) AND (?6 = '' OR l.reason = ?6)
	AND (?7 = '' OR l.state = ?7) AND (?8 = '' OR l.user_key = (SELECT user_key FROM users WHERE user_id = ?8))
	AND (?9 IS NULL OR l.message_id = ?9) AND (?10 = '[]' OR l.letter_id IN (SELECT value FROM json_each(?10) j))`

const (
	insertLetter = `INSERT INTO dead_letters
			(message_id, user_key, device_key, seq, badge, channel, rule, state, reason, class, code, detail, in_doubt, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	letterOf = `LEFT JOIN messages m ON m.message_id = l.message_id LEFT JOIN letter_messages k ON k.message_id = l.message_id `
	listing  = `SELECT ` + rules.LetterColumns + ` FROM dead_letters l LEFT JOIN users u ON u.user_key = l.user_key
		LEFT JOIN devices d ON d.device_key = l.device_key ` + letterOf + `WHERE ` + meant + ` ORDER BY l.letter_id DESC LIMIT ?11`
	countLetters = `SELECT l.channel, l.state, l.reason, count(*) FROM dead_letters l INDEXED BY dead_letters_count
		WHERE l.channel >= '' AND ` + meant + ` GROUP BY l.channel, l.state, l.reason`
	purgeLetters = `DELETE FROM dead_letters WHERE letter_id IN
		(SELECT l.letter_id FROM dead_letters l WHERE ` + meant + ` ORDER BY l.letter_id LIMIT ?11)`
	requeueable = `SELECT l.letter_id, l.message_id, l.channel, l.rule, l.device_key, d.epoch, l.seq,
			CASE WHEN l.badge > 0 THEN coalesce(b.badge, l.badge) ELSE 0 END, l.user_key,
			coalesce(m.push_expires_at - m.created_at, k.push_expires_at - k.created_at)
		FROM dead_letters l
		CROSS JOIN devices d ON d.device_key = l.device_key AND (l.user_key = 0 OR d.user_key = l.user_key)
		LEFT JOIN badges b ON b.device_key = l.device_key ` + letterOf + `
		WHERE ` + meant + `
			AND EXISTS (SELECT 1 FROM tokens t WHERE t.device_key = l.device_key AND t.quarantined_at IS NULL)
			AND (k.message_id IS NOT NULL OR m.message_id IS NOT NULL AND m.recalled_at IS NULL)
		ORDER BY l.letter_id LIMIT ?11`
	insertRequeued = `INSERT INTO deliveries
			(message_id, channel, rule, priority, owner, targets, target_count, attempt, due_at, expires_at, changed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`
	keptMessage = `SELECT k.message_id, k.kind, k.detail, k.user_id, k.body, k.push, k.created_at, k.push_expires_at, NULL
		FROM letter_messages k WHERE k.message_id = ?`
	// keepContent is a message that goes while a letter of it stays.
	keepContent = `INSERT OR IGNORE INTO letter_messages (message_id, user_id, kind, detail, body, push, created_at, push_expires_at)
		SELECT message_id, sender, kind, detail, body, push, created_at, push_expires_at FROM messages
		WHERE message_id IN (` + oldMessages + `) AND recalled_at IS NULL
			AND EXISTS (SELECT 1 FROM dead_letters l WHERE l.message_id = messages.message_id)`
	oldLetters = `SELECT letter_id FROM dead_letters WHERE at < ? ORDER BY at LIMIT ?`
	// beyondLetters are those that are older than as many as are kept.
	beyondLetters = `SELECT letter_id FROM dead_letters WHERE letter_id <= (
			SELECT letter_id FROM dead_letters WHERE letter_id > 0 ORDER BY letter_id DESC LIMIT 1 OFFSET ?) ORDER BY letter_id LIMIT ?`
	forgotten = `SELECT k.message_id FROM letter_messages k WHERE k.message_id > ?
		AND NOT EXISTS (SELECT 1 FROM dead_letters l WHERE l.message_id = k.message_id)
		AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.message_id = k.message_id) LIMIT ?`
)

// letterArgs are the arguments of meant, and the limit.
func letterArgs(r rules.LetterRange, limit int) ([]any, error) {
	ids, err := json.Marshal(append([]int64{}, r.IDs...)) // never nil, which is null in JSON
	var of any
	if r.Of != uuid.Nil {
		of = r.Of[:]
	}
	return []any{r.First, r.Last, r.Since, r.Until, r.Channel, r.Reason, string(r.State), r.UserID, of, string(ids), limit}, err
}

// die leaves a letter of a target if its end is one for that.
func (t *tx) die(r settledRow, target packed.Target, d store.TargetResult) error {
	if !rules.Dies(r.Rule, d) {
		return nil
	}
	said := rules.LastWord(d, r.last)
	_, err := t.exec(insertLetter, r.Message[:], target.User, target.Device, target.Seq, target.Badge, r.Channel, r.Rule,
		string(d.State), d.Reason, string(said.Class), said.Code, said.Detail, d.InDoubt, t.now)
	return err
}

// Letters implements store.Store.
func (s *Store) Letters(ctx context.Context, f store.LetterFilter, before int64, limit int) (out []store.Letter, err error) {
	r, ok := rules.NewLetterRange(f, before)
	if !ok {
		return nil, nil
	}
	args, err := letterArgs(r, limit)
	if err != nil {
		return nil, err
	}
	err = s.reader.rows(ctx, listing, func(rows *sql.Rows) error {
		var r rules.LetterRow
		if err := rows.Scan(r.Dest()...); err != nil {
			return err
		}
		l, err := r.Result()
		out = append(out, l)
		return err
	}, args...)
	return out, s.explain(err)
}

// CountLetters implements store.Store.
func (s *Store) CountLetters(ctx context.Context, f store.LetterFilter) (out []store.LetterCount, err error) {
	r, ok := rules.NewLetterRange(f, 0)
	if !ok {
		return nil, nil
	}
	args, err := letterArgs(r, 0)
	if err != nil {
		return nil, err
	}
	err = s.reader.rows(ctx, countLetters, func(rows *sql.Rows) error {
		var c store.LetterCount
		err := rows.Scan(&c.Channel, &c.State, &c.Reason, &c.N)
		out = append(out, c)
		return err
	}, args[:10]...)
	return out, s.explain(err)
}

// PurgeLetters implements store.Store.
func (s *Store) PurgeLetters(ctx context.Context, f store.LetterFilter, limit int) (n int64, err error) {
	r, ok := rules.NewLetterRange(f, 0)
	if !ok {
		return 0, nil
	}
	args, err := letterArgs(r, limit)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(purgeLetters, args...)
		return err
	})
	return n, err
}

// Requeue implements store.Store.
func (s *Store) Requeue(ctx context.Context, f store.LetterFilter, maxBacklog int64, limit int) (out store.Requeued, err error) {
	r, ok := rules.NewLetterRange(f, 0)
	if !ok {
		return out, nil
	}
	args, err := letterArgs(r, limit)
	if err != nil {
		return out, err
	}
	err = s.write(ctx, func(t *tx) error {
		letters, err := t.requeueable(args)
		if err != nil {
			return err
		}
		var pending int64
		if err := t.row(`SELECT coalesce(sum(pending), 0) FROM backlog`, []any{&pending}); err != nil {
			return err
		}
		if len(letters) > 0 && pending+int64(len(letters)) > maxBacklog {
			return store.ErrBacklogFull
		}
		out = store.Requeued{Letters: int64(len(letters)), More: len(letters) == limit}
		out.Deliveries, err = t.requeue(letters)
		return err
	})
	if err != nil {
		return store.Requeued{}, err
	}
	return out, nil
}

func (t *tx) requeueable(args []any) (letters []rules.Requeue, err error) {
	err = t.rows(requeueable, func(rows *sql.Rows) error {
		var l rules.Requeue
		at := &l.Target
		err := rows.Scan(&l.ID, &l.Message, &l.Channel, &l.Rule, &at.Device, &at.Epoch, &at.Seq, &at.Badge, &at.User, &l.TTL)
		letters = append(letters, l)
		return err
	}, args...)
	return letters, err
}

// requeue makes deliveries of the letters, which end.
func (t *tx) requeue(letters []rules.Requeue) (out []message.Delivery, err error) {
	lease, err := t.lease()
	if err != nil {
		return nil, err
	}
	for _, c := range rules.RequeueChunks(letters, t.now) {
		id, err := t.insert(insertRequeued, c.Message[:], c.Channel, c.Rule, rules.RequeuePriority, lease, packed.Encode(c.Targets), len(c.Targets), c.Due, c.Expires, t.now)
		if err != nil {
			return nil, err
		}
		out = append(out, c.Delivery(id))
	}
	for _, l := range letters {
		if _, err := t.exec(`DELETE FROM dead_letters WHERE letter_id = ?`, l.ID); err != nil {
			return nil, err
		}
	}
	t.counts[rules.Admitted] += int64(len(letters))
	if lease == nobody {
		return nil, nil
	}
	return out, nil
}
