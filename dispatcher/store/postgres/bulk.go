package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const recordsFrom = `SELECT ` + deviceColumns + `, d.seen_at,
		(SELECT coalesce(json_object_agg(t.kind, t.value), '{}') FROM @.tokens t WHERE t.device_key = d.device_key)
	FROM @.devices d LEFT JOIN @.users u ON u.user_key = d.user_key
	WHERE d.device_key > $1 AND (d.user_key IS NOT NULL OR EXISTS (SELECT FROM @.tokens t WHERE t.device_key = d.device_key))
	ORDER BY d.device_key LIMIT $2`

// Export implements store.Store.
func (s *Store) Export(ctx context.Context, after int64, limit int) (out []store.Record, err error) {
	err = s.rows(ctx, recordsFrom, func(row pgx.CollectableRow) (err error) {
		var r store.Record
		var seen int64
		r.Device, err = scanDevice(row, &seen, &r.Tokens)
		r.SeenAt = instant(seen)
		out = append(out, rules.Exported(r))
		return err
	}, after, limit)
	return out, err
}

// Import implements store.Store.
func (s *Store) Import(ctx context.Context, records []store.Record) []store.Imported {
	out := make([]store.Imported, len(records))
	changes := make([]*change, 0, len(records))
	index := make([]int, 0, len(records)) // of each change's record
	for i, r := range records {
		checked, err := rules.NewRecord(r)
		if err != nil {
			out[i].Err = err
			continue
		}
		index = append(index, i)
		changes = append(changes, importChange(checked, &out[i]))
	}
	for i, err := range s.changes.DoAll(ctx, changes) {
		if err = errors.Join(err, changes[i].refused); err != nil {
			out[index[i]] = store.Imported{Err: explain(err)}
		}
	}
	return out
}

func importChange(r store.Record, out *store.Imported) *change {
	c := &change{
		pushIDs: []string{r.Device.PushID}, tokens: slices.Collect(maps.Values(r.Tokens)), makes: true,
		apply: func(w *work) error {
			*out = w.take(r)
			return nil
		},
	}
	if r.Device.UserID != "" {
		c.users = []string{r.Device.UserID}
	}
	return c
}

// take stores a record unless what is known is of the same time or later.
func (w *work) take(r store.Record) (out store.Imported) {
	known := w.pushIDs[r.Device.PushID]
	open := w.unconfirmed(known, r.Tokens)
	out.Outcome = rules.Import(known.record(), r, w.claims(known, r))
	switch out.Outcome {
	case store.ImportCreated:
		// No push can be open for the device, so that its own epoch is no change.
		d := w.make(r.Device, millis(r.SeenAt))
		w.bind(d, r.Device.UserID)
		out.Changes = w.giveTokens(d, r.Tokens, millis(r.SeenAt))
		if d.UserID != "" {
			out.Changes = append(out.Changes, w.evict(d.UserID, nil)...)
		}
	case store.ImportUpdated:
		out.Changes = w.replace(known, r)
	case store.ImportUnchanged, store.ImportOutdated:
	}
	out.Unconfirmed = rules.Unconfirmed(open, out.Changes)
	return out
}

// record is what moves of a device; nil for none.
func (d *deviceState) record() *store.Record {
	if d == nil {
		return nil
	}
	r := &store.Record{Device: d.Device, SeenAt: instant(d.seen), Tokens: map[message.TokenKind]string{}}
	for kind, t := range d.tokens {
		r.Tokens[kind] = t.value
	}
	return r
}

// claims are when the other devices that hold one of the tokens were seen.
func (w *work) claims(known *deviceState, r store.Record) (seen []int64) {
	for kind, value := range r.Tokens {
		if holder := w.holders[keyOf(r.Device.Selector, kind, value)]; holder != nil && holder != known {
			seen = append(seen, holder.seen)
		}
	}
	return seen
}

// replace makes a known device what it was elsewhere later.
func (w *work) replace(d *deviceState, r store.Record) (changes []store.EpochChange) {
	moves := rules.Moves(d.Device, r.Device)
	for _, kind := range slices.Collect(maps.Keys(d.tokens)) {
		if _, kept := r.Tokens[kind]; !kept || d.Selector != r.Device.Selector {
			w.takeToken(d, kind)
		}
	}
	d.SecretHash, d.Selector, d.Platform, d.RegisteredAt = r.Device.SecretHash, r.Device.Selector, r.Device.Platform, r.Device.RegisteredAt
	d.seen, d.moved, d.replaced = millis(r.SeenAt), true, true
	changes = w.giveTokens(d, r.Tokens, d.seen)
	if moves {
		changes = append(changes, w.rebind(d, r.Device.UserID, d.seen))
		if d.UserID != "" {
			changes = append(changes, w.evict(d.UserID, nil)...)
		}
	}
	return changes
}
