package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
)

// connectRequest notes sessions of this process.
type connectRequest struct {
	sessions []store.Session
	answers  []store.Connected
	refused  error
}

// Connect implements store.Store.
func (s *Store) Connect(ctx context.Context, sessions []store.Session) ([]store.Connected, error) {
	if len(sessions) == 0 {
		return nil, nil
	}
	r := &connectRequest{sessions: sessions}
	if err := s.connects.Do(ctx, r); err != nil {
		return nil, explain(err)
	}
	return r.answers, r.refused
}

// connect sets one session of each device, the last of those at its epoch, if
// this process's lease lives: without it there are no rows at all. A login that is
// overtaken by a later one of the same process must not take its number away.
const connect = `WITH own AS (` + lockLease + `), former AS (
		SELECT d.device_key, d.epoch, d.session, d.session_number, r.number, ` + graceOf + ` AS grace
		FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS r (device_key, epoch, number)
		JOIN @.devices d ON d.device_key = r.device_key AND d.epoch = r.epoch AND d.user_key IS NOT NULL
		WHERE EXISTS (SELECT FROM own)
		ORDER BY d.device_key FOR UPDATE OF d), changed AS (
		UPDATE @.devices d SET session = $1, login_at = ` + now + `, grace_until = f.grace,
			session_number = CASE WHEN f.session = $1 THEN greatest(f.session_number, f.number) ELSE f.number END
		FROM former f WHERE d.device_key = f.device_key)
	SELECT coalesce(f.device_key, 0), coalesce(f.epoch, 0), coalesce(l.incarnation, 0), coalesce(f.session_number, 0)
	FROM own LEFT JOIN former f ON true
	LEFT JOIN @.leases l ON l.incarnation = f.session AND l.incarnation <> $1 AND ` + alive

// binding is what a session's device must be.
type binding struct{ device, epoch int64 }

func (s *Store) commitConnects(ctx context.Context, t *tx, batch []*connectRequest) error {
	newest := map[binding]int64{}
	for _, r := range batch {
		for _, c := range r.sessions {
			b := binding{c.Device, c.Epoch}
			newest[b] = max(newest[b], c.Number)
		}
	}
	var devices, epochs, numbers []int64
	for b, number := range newest {
		devices, epochs, numbers = append(devices, b.device), append(epochs, b.epoch), append(numbers, number)
	}
	living := false
	former := map[binding]store.Place{} // of the devices that are bound at that epoch
	err := t.rows(ctx, connect, func(row pgx.CollectableRow) error {
		living = true
		var b binding
		var p store.Place
		err := row.Scan(&b.device, &b.epoch, &p.Incarnation, &p.Number)
		if p.Incarnation == 0 {
			p = store.Place{}
		}
		former[b] = p
		return err
	}, s.incarnation.Load(), devices, epochs, numbers)
	if err != nil {
		return err
	}
	for _, r := range batch {
		r.answer(living, former)
	}
	return nil
}

func (r *connectRequest) answer(living bool, former map[binding]store.Place) {
	r.answers, r.refused = nil, nil
	if !living {
		r.refused = store.ErrLeaseLost
		return
	}
	r.answers = make([]store.Connected, len(r.sessions))
	for i, c := range r.sessions {
		p, bound := former[binding{c.Device, c.Epoch}]
		if !bound {
			r.answers[i].Err = store.ErrNotFound
			continue
		}
		r.answers[i].Former = p
	}
}

// disconnectRequest forgets sessions of this process.
type disconnectRequest struct{ sessions []store.Session }

// Disconnect implements store.Store.
func (s *Store) Disconnect(ctx context.Context, sessions []store.Session) error {
	if len(sessions) == 0 {
		return nil
	}
	return explain(s.disconnects.Do(ctx, &disconnectRequest{sessions: sessions}))
}

func (s *Store) commitDisconnects(ctx context.Context, t *tx, batch []*disconnectRequest) error {
	newest := map[int64]int64{}
	for _, r := range batch {
		for _, c := range r.sessions {
			newest[c.Device] = max(newest[c.Device], c.Number)
		}
	}
	var devices, numbers []int64
	for device, number := range newest {
		devices, numbers = append(devices, device), append(numbers, number)
	}
	_, err := t.exec(ctx, `WITH mine AS (
			SELECT d.device_key FROM unnest($2::bigint[], $3::bigint[]) AS r (device_key, number)
			JOIN @.devices d ON d.device_key = r.device_key AND d.session = $1 AND d.session_number <= r.number
			ORDER BY d.device_key FOR UPDATE OF d)
		UPDATE @.devices d SET session = NULL, session_number = NULL, grace_until = 0 FROM mine WHERE d.device_key = mine.device_key`,
		s.incarnation.Load(), devices, numbers)
	return err
}

// Holders implements store.Store.
func (s *Store) Holders(ctx context.Context, userIDs []string) (map[string][]int64, error) {
	out := map[string][]int64{}
	err := s.rows(ctx, `SELECT DISTINCT u.user_id, l.incarnation FROM @.users u JOIN @.devices d ON d.user_key = u.user_key
			JOIN @.leases l ON l.incarnation = d.session AND `+staying+` WHERE u.user_id = ANY($1)`,
		func(row pgx.CollectableRow) error {
			var userID string
			var holder int64
			err := row.Scan(&userID, &holder)
			out[userID] = append(out[userID], holder)
			return err
		}, userIDs)
	for _, holders := range out {
		slices.Sort(holders)
	}
	return out, err
}
