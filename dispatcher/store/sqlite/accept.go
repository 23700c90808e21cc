package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Accept implements store.Store.
func (s *Store) Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult {
	results := make([]store.AcceptResult, len(reqs))
	changes := make([]change, 0, len(reqs))
	index := make([]int, 0, len(reqs)) // of each change's request
	for i, r := range reqs {
		a, err := newAccept(r)
		if err != nil {
			results[i].Err = err
			continue
		}
		index = append(index, i)
		changes = append(changes, func(t *tx) (err error) {
			results[i], err = a.run(t)
			return err
		})
	}
	for i, err := range s.writeAll(ctx, changes) {
		if err != nil {
			results[index[i]] = store.AcceptResult{Err: err}
		}
	}
	return results
}

// accept is one request that is known to be consistent.
type accept struct {
	store.AcceptRequest
	id      uuid.UUID
	push    *string
	targets int64
}

// newAccept checks beforehand what would make the account wrong or a commit fail.
func newAccept(r store.AcceptRequest) (*accept, error) {
	id, err := uuid.Parse(r.Message.ID)
	if err != nil {
		return nil, fmt.Errorf("message id %q: must be a UUID: %w", r.Message.ID, err)
	}
	a := &accept{AcceptRequest: r, id: id}
	if r.Message.Push != nil {
		b, err := json.Marshal(r.Message.Push)
		if err != nil {
			return nil, fmt.Errorf("message push: %w", err)
		}
		a.push = new(string(b))
	}
	a.Recipients = slices.Compact(slices.Sorted(slices.Values(r.Recipients)))
	return a, a.checkDecisions()
}

func (a *accept) checkDecisions() error {
	devices := map[int64]bool{}
	check := func(userID string, device int64) error {
		if _, ok := slices.BinarySearch(a.Recipients, userID); !ok {
			return fmt.Errorf("message %s: a decision names user %q, who is no recipient", a.Message.ID, userID)
		}
		if device != 0 && devices[device] {
			return fmt.Errorf("message %s: device %d has two decisions", a.Message.ID, device)
		}
		devices[device] = true
		return nil
	}
	var errs []error
	for _, d := range a.Deliveries {
		a.targets += int64(len(d.Targets))
		for _, t := range d.Targets {
			errs = append(errs, check(t.UserID, t.Device))
		}
	}
	for _, s := range a.Suppressed {
		errs = append(errs, check(s.UserID, s.Device))
	}
	return errors.Join(errs...)
}

// run decides first and writes then, so that a refused request leaves nothing behind.
func (a *accept) run(t *tx) (store.AcceptResult, error) {
	if first, found, err := a.duplicate(t); found || err != nil {
		return first, err
	}
	if err := a.fits(t); err != nil {
		return store.AcceptResult{}, err
	}
	if err := a.insertMessage(t); err != nil {
		return store.AcceptResult{}, err
	}
	places, err := a.insertInbox(t)
	if err != nil {
		return store.AcceptResult{}, err
	}
	result := store.AcceptResult{MessageID: a.id.String(), Seqs: make(map[string]int64, len(places))}
	for user, p := range places {
		result.Seqs[user] = p.seq
	}
	if result.Deliveries, err = a.insertDeliveries(t, places); err != nil {
		return store.AcceptResult{}, err
	}
	return result, a.insertSuppressed(t, places)
}

// duplicate answers a repeated request like the first one.
func (a *accept) duplicate(t *tx) (store.AcceptResult, bool, error) {
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

// fits applies the cap on what is pending; 0 means that there is none.
func (a *accept) fits(t *tx) error {
	if a.MaxBacklog <= 0 || a.targets == 0 {
		return nil
	}
	var pending int64
	if err := t.row(`SELECT coalesce(sum(pending), 0) FROM backlog`, []any{&pending}); err != nil {
		return err
	}
	if pending+a.targets > a.MaxBacklog {
		return store.ErrBacklogFull
	}
	return nil
}

func (a *accept) insertMessage(t *tx) error {
	m := a.Message
	if a.ClientID != "" {
		if _, err := t.exec(`INSERT INTO idempotency (sender, client_id, request_hash, message_id, expires_at) VALUES (?, ?, ?, ?, ?)`,
			m.Sender, a.ClientID, a.Hash[:], a.id[:], millis(a.IdempotentUntil)); err != nil {
			return err
		}
	}
	_, err := t.exec(`INSERT INTO messages (message_id, sender, body, push, created_at, push_expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
		a.id[:], m.Sender, m.Body, a.push, millis(m.CreatedAt), millis(m.PushExpiresAt))
	return err
}

// place is where the message is in one user's inbox.
type place struct{ user, seq int64 }

// insertInbox advances every recipient's sequence in the accept's own transaction, so there are no gaps.
func (a *accept) insertInbox(t *tx) (map[string]place, error) {
	places := make(map[string]place, len(a.Recipients))
	for _, userID := range a.Recipients {
		var p place
		if err := t.update(`INSERT INTO users (user_id, last_seq) VALUES (?, 1)
			ON CONFLICT (user_id) DO UPDATE SET last_seq = last_seq + 1 RETURNING user_key, last_seq`,
			[]any{&p.user, &p.seq}, userID); err != nil {
			return nil, err
		}
		if _, err := t.exec(`INSERT INTO inbox (user_key, seq, message_id) VALUES (?, ?, ?)`, p.user, p.seq, a.id[:]); err != nil {
			return nil, err
		}
		places[userID] = p
	}
	return places, nil
}

// insertDeliveries returns the rows that this process may send. Without a
// lease the rows wait for the one that is acquired next.
func (a *accept) insertDeliveries(t *tx, places map[string]place) ([]message.Delivery, error) {
	lease, err := t.lease()
	if err != nil || a.targets == 0 {
		return nil, err
	}
	var out []message.Delivery
	for _, d := range a.Deliveries {
		for chunk := range slices.Chunk(d.Targets, message.MaxTargets) {
			row, err := a.insertChunk(t, lease, d, pack(chunk, places))
			if err != nil {
				return nil, err
			}
			out = append(out, row)
		}
	}
	t.counts[admitted] += a.targets
	if lease == nobody {
		return nil, nil
	}
	return out, nil
}

func pack(targets []store.NewTarget, places map[string]place) []packed.Target {
	out := make([]packed.Target, len(targets))
	for i, t := range targets {
		p := places[t.UserID]
		out[i] = packed.Target{User: p.user, Target: message.Target{Device: t.Device, Epoch: t.Epoch, Seq: p.seq}}
	}
	return out
}

func (a *accept) insertChunk(t *tx, lease int64, d store.NewDelivery, targets []packed.Target) (message.Delivery, error) {
	expires := millis(a.Message.PushExpiresAt)
	id, err := t.insert(`INSERT INTO deliveries
		(message_id, channel, owner, targets, target_count, attempt, due_at, expires_at, changed_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)`,
		a.id[:], d.Channel, lease, packed.Encode(targets), len(targets), millis(d.DueAt), expires, t.now)
	return message.Delivery{
		ID: id, MessageID: a.id.String(), Channel: d.Channel, Targets: plain(targets),
		DueAt: instant(millis(d.DueAt)), ExpiresAt: instant(expires),
	}, err
}

func (a *accept) insertSuppressed(t *tx, places map[string]place) error {
	for _, s := range a.Suppressed {
		err := t.outcome(outcome{
			message: a.id, user: places[s.UserID].user, device: s.Device, state: message.Suppressed, reason: s.Reason,
		})
		if err != nil {
			return err
		}
	}
	t.counts[admitted] += int64(len(a.Suppressed))
	return nil
}
