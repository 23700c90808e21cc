package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Accept implements store.Store.
func (s *Store) Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult {
	results := make([]store.AcceptResult, len(reqs))
	changes := make([]change, 0, len(reqs))
	index := make([]int, 0, len(reqs)) // of each change's request
	for i, r := range reqs {
		checked, err := rules.NewAccept(r)
		if err != nil {
			results[i].Err = err
			continue
		}
		a := accept{checked}
		index = append(index, i)
		changes = append(changes, func(t *tx) (err error) {
			results[i], err = a.run(t)
			return err
		})
	}
	for i, err := range s.writeAll(ctx, changes) {
		if err != nil {
			results[index[i]] = store.AcceptResult{Err: err}
			continue
		}
		s.accepts.Note(1, nil)
	}
	return results
}

// accept is one request that is known to be consistent.
type accept struct{ *rules.Accept }

// run decides first and writes then, so that a refused request leaves nothing behind.
func (a accept) run(t *tx) (store.AcceptResult, error) {
	if first, found, err := a.duplicate(t); found || err != nil {
		return first, err
	}
	if err := a.fits(t); err != nil {
		return store.AcceptResult{}, err
	}
	if err := a.begin(t); err != nil {
		return store.AcceptResult{}, err
	}
	places, err := a.insertInbox(t)
	if err != nil {
		return store.AcceptResult{}, err
	}
	places = a.PlusOutside(places)
	result := store.AcceptResult{MessageID: a.ID.String(), Seqs: rules.Seqs(places)}
	if result.Deliveries, err = a.insertDeliveries(t, places); err != nil {
		return store.AcceptResult{}, err
	}
	if err := a.changeAlso(t, places); err != nil {
		return store.AcceptResult{}, err
	}
	return result, a.insertSuppressed(t, places)
}

// changeAlso writes what the message changes besides.
func (a accept) changeAlso(t *tx, places map[string]rules.Place) error {
	if err := a.changeRule(t, places); err != nil {
		return err
	}
	return a.changeCall(t)
}

// begin writes what comes before the receivers: the message, with what it takes back and what it is for many, or how
// far a step goes.
func (a accept) begin(t *tx) error {
	if a.Step != nil {
		if err := a.step(t); err != nil {
			return err
		}
		return a.move(t)
	}
	g, err := a.admitExpansion(t)
	if err != nil {
		return err
	}
	if err := a.current(t); err != nil {
		return err
	}
	if err := a.change(t); err != nil {
		return err
	}
	if err := a.insertMessage(t); err != nil || a.Expansion() == nil {
		return err
	}
	return a.insertExpansion(t, g)
}

// duplicate answers a repeated request like the first one.
func (a accept) duplicate(t *tx) (store.AcceptResult, bool, error) {
	if a.ClientID == "" {
		return store.AcceptResult{}, false, nil
	}
	var hash []byte
	var id uuid.UUID
	err := t.row(`SELECT request_hash, message_id FROM idempotency WHERE sender = ? AND client_id = ?`,
		[]any{&hash, &id}, a.Message.Sender, a.ClientID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.AcceptResult{}, false, nil
	case err != nil:
		return store.AcceptResult{}, false, err
	case string(hash) != string(a.Hash[:]):
		return store.AcceptResult{}, false, store.ErrConflict
	}
	seqs := map[string]int64{}
	if a.Expansion() != nil { // whose places are too many
		return store.AcceptResult{MessageID: id.String(), Duplicate: true, Seqs: seqs}, true, nil
	}
	err = t.rows(`SELECT u.user_id, i.seq FROM inbox i JOIN users u ON u.user_key = i.user_key WHERE i.message_id = ?`,
		func(rows *sql.Rows) error {
			var userID string
			var seq int64
			err := rows.Scan(&userID, &seq)
			seqs[userID] = seq
			return err
		}, id[:])
	return store.AcceptResult{MessageID: id.String(), Duplicate: true, Seqs: seqs}, true, err
}

// fits applies the cap on what is pending.
func (a accept) fits(t *tx) error {
	if !a.Capped() {
		return nil
	}
	var pending int64
	if err := t.row(`SELECT coalesce(sum(pending), 0) FROM backlog`, []any{&pending}); err != nil {
		return err
	}
	return a.Fits(pending)
}

func (a accept) insertMessage(t *tx) error {
	m := a.Message
	if a.ClientID != "" {
		if _, err := t.exec(`INSERT INTO idempotency (sender, client_id, request_hash, message_id, expires_at) VALUES (?, ?, ?, ?, ?)`,
			m.Sender, a.ClientID, a.Hash[:], a.ID[:], millis(a.IdempotentUntil)); err != nil {
			return err
		}
	}
	_, err := t.exec(`INSERT INTO messages (message_id, kind, detail, sender, body, push, created_at, push_expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID[:], m.Kind, a.Detail, m.Sender, m.Body, a.Push, millis(m.CreatedAt), millis(m.PushExpiresAt))
	return err
}

// nameUser finds or makes a user whose inbox stays as it is.
const nameUser = `INSERT INTO users (user_id, last_seq) VALUES (?, 0) ON CONFLICT (user_id) DO UPDATE SET last_seq = last_seq RETURNING user_key`

// insertInbox advances every recipient's sequence in the accept's own transaction, so there are no gaps.
func (a accept) insertInbox(t *tx) (map[string]rules.Place, error) {
	places := make(map[string]rules.Place, len(a.Recipients))
	for _, userID := range a.Recipients {
		var p rules.Place
		if !a.InInbox() {
			if err := t.update(nameUser, []any{&p.User}, userID); err != nil {
				return nil, err
			}
			places[userID] = p
			continue
		}
		if err := t.update(`INSERT INTO users (user_id, last_seq) VALUES (?, 1)
			ON CONFLICT (user_id) DO UPDATE SET last_seq = last_seq + 1 RETURNING user_key, last_seq`,
			[]any{&p.User, &p.Seq}, userID); err != nil {
			return nil, err
		}
		if err := a.insertEntry(t, p); err != nil {
			return nil, err
		}
		places[userID] = p
	}
	return places, nil
}

func (a accept) insertEntry(t *tx, p rules.Place) error {
	_, err := t.exec(`INSERT INTO inbox (user_key, seq, message_id) VALUES (?, ?, ?)`, p.User, p.Seq, a.ID[:])
	if err == nil && rules.Crowds(p.Seq) {
		_, err = t.exec(insertCrowded, p.User, p.Seq)
	}
	return err
}

// insertDeliveries returns the rows that this process may send. Without a
// lease the rows wait for the one that is acquired next.
func (a accept) insertDeliveries(t *tx, places map[string]rules.Place) ([]message.Delivery, error) {
	lease, err := t.lease()
	if err != nil || a.Targets == 0 {
		return nil, err
	}
	badges, err := a.raiseBadges(t)
	if err != nil {
		return nil, err
	}
	var out []message.Delivery
	for _, c := range a.Chunks(places, badges) {
		id, err := t.insert(`INSERT INTO deliveries
			(message_id, channel, rule, priority, owner, targets, target_count, attempt, due_at, expires_at, changed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
			a.ID[:], c.Channel, c.Rule, c.Priority, lease, packed.Encode(c.Targets), len(c.Targets), millis(c.DueAt), millis(a.Message.PushExpiresAt), t.now)
		if err != nil {
			return nil, err
		}
		out = append(out, a.Delivery(id, c))
	}
	t.counts[rules.Admitted] += a.Targets
	if lease == nobody {
		return nil, nil
	}
	return out, nil
}

func (a accept) insertSuppressed(t *tx, places map[string]rules.Place) error {
	for _, s := range a.Suppressed {
		err := t.outcome(outcome{
			message: a.ID, user: places[s.UserID].User, device: s.Device, rule: s.Reason, state: message.Suppressed, reason: s.Reason,
		})
		if err != nil {
			return err
		}
	}
	t.counts[rules.Admitted] += int64(len(a.Suppressed))
	return nil
}
