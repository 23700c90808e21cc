package postgres

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
)

const (
	// makeUsers notes when a user logs in first. It writes nothing of others, whose logins come often.
	makeUsers = `INSERT INTO @.users AS u (user_id, last_seq, logged_in_at) SELECT n.user_id, 0, ` + now + ` FROM unnest($1::text[]) AS n(user_id)
		WHERE NOT EXISTS (SELECT 1 FROM @.users u WHERE u.user_id = n.user_id AND u.logged_in_at IS NOT NULL)
		ON CONFLICT (user_id) DO UPDATE SET logged_in_at = coalesce(u.logged_in_at, excluded.logged_in_at)`
	// readUsers locks them, so that none gets one device too many; in the order in which they take places.
	readUsers = `SELECT user_key, user_id FROM @.users WHERE user_id = ANY($1::text[]) ORDER BY user_id COLLATE "C" FOR NO KEY UPDATE`
	// named are the devices of a batch, with those that hold its tokens in whatever scope, and those of its users.
	named = `(SELECT unnest($1::bigint[]) UNION SELECT p.device_key FROM @.devices p WHERE p.push_id = ANY($2::text[])
		UNION SELECT t.device_key FROM @.tokens t WHERE t.token_hash = ANY($3::bytea[])
		UNION SELECT b.device_key FROM @.users o JOIN @.devices b ON b.user_key = o.user_key WHERE o.user_id = ANY($4::text[]))`
	lockNamed = `SELECT device_key FROM @.devices WHERE device_key IN ` + named + ` ORDER BY device_key FOR UPDATE`
	newKeys   = `SELECT nextval(pg_get_serial_sequence('@.devices', 'device_key')) FROM generate_series(1, $1)`
)

// These read with later snapshots than the one that waited for the locks.
const (
	readNamed = `SELECT ` + deviceColumns + `, d.user_key, d.token_gen, d.seen_at, d.confirmed_epoch,
			coalesce(d.login_at, d.seen_at)
		FROM @.devices d LEFT JOIN @.users u ON u.user_key = d.user_key WHERE d.device_key IN ` + named
	readTokens = `SELECT device_key, kind, value, gen FROM @.tokens WHERE device_key IN ` + named
)

// load locks and reads what the requests name.
func (t *tx) load(ctx context.Context, requests []*change) (*work, error) {
	w := &work{
		devices: map[int64]*deviceState{}, pushIDs: map[string]*deviceState{},
		holders: map[tokenKey]*deviceState{}, users: map[string]int64{}, losses: losses{},
	}
	n := needsOf(requests)
	b := t.batch()
	if len(n.users) > 0 {
		b.add(makeUsers, n.users)
		b.add(readUsers, n.users).Query(w.takeUsers)
	}
	locked := map[int64]bool{}
	b.add(lockNamed, n.devices, n.pushIDs, n.hashes, n.users).Query(func(rows pgx.Rows) error {
		var key int64
		_, err := pgx.ForEachRow(rows, []any{&key}, func() error {
			locked[key] = true
			return nil
		})
		return err
	})
	b.add(readNamed, n.devices, n.pushIDs, n.hashes, n.users).Query(w.takeDevices)
	if len(n.hashes)+len(n.pushIDs) > 0 { // nothing else looks at them
		b.add(readTokens, n.devices, n.pushIDs, n.hashes, n.users).Query(w.takeTokens)
	}
	b.add(readLosses, n.hashes, n.devices).Query(w.takeLosses)
	if n.made > 0 {
		b.add(newKeys, n.made).Query(func(rows pgx.Rows) (err error) {
			w.keys, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	}
	b.add(`SELECT ` + now).QueryRow(func(row pgx.Row) error { return row.Scan(&w.now) })
	if err := t.run(ctx, b); err != nil {
		return nil, err
	}
	for key := range w.devices {
		if !locked[key] {
			return nil, errAgain
		}
	}
	return w, nil
}

// needs is what a batch names, in the order in which rows are made and locked.
type needs struct {
	devices        []int64
	pushIDs, users []string
	hashes         [][]byte
	made           int
}

func needsOf(requests []*change) needs {
	n := needs{devices: []int64{}, pushIDs: []string{}, users: []string{}, hashes: [][]byte{}}
	for _, r := range requests {
		n.devices, n.pushIDs, n.users = append(n.devices, r.devices...), append(n.pushIDs, r.pushIDs...), append(n.users, r.users...)
		for _, value := range r.tokens {
			hash := sha256.Sum256([]byte(value))
			n.hashes = append(n.hashes, hash[:])
		}
		if r.makes {
			n.made++
		}
	}
	slices.Sort(n.users)
	n.users = slices.Compact(n.users)
	return n
}

func (w *work) takeUsers(rows pgx.Rows) error {
	var key int64
	var userID string
	_, err := pgx.ForEachRow(rows, []any{&key, &userID}, func() error {
		w.users[userID] = key
		return nil
	})
	return err
}

func (w *work) takeDevices(rows pgx.Rows) error {
	return each(rows, func(row pgx.CollectableRow) (err error) {
		var d deviceState
		d.Device, err = scanDevice(row, &d.user, &d.tokenGen, &d.seen, &d.confirmed, &d.login)
		w.add(&d)
		return err
	})
}

func (w *work) takeTokens(rows pgx.Rows) error {
	var device int64
	var kind message.TokenKind
	var t token
	_, err := pgx.ForEachRow(rows, []any{&device, &kind, &t.value, &t.gen}, func() error {
		d, ok := w.devices[device]
		if !ok { // The token came to a device of another process since the devices were read.
			return errAgain
		}
		d.tokens[kind] = t
		w.holders[keyOf(d.Selector, kind, t.value)] = d
		return nil
	})
	return err
}
