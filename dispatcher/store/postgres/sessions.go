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

// ownLease locks this process's lease until the end of the transaction, and
// reports whether it lives: nobody takes it over meanwhile.
const ownLease = `SELECT incarnation FROM @.leases l WHERE l.incarnation = $1 AND ` + alive + ` FOR SHARE`

// connect sets one session of each device, the last of those in the batch. A
// login that is overtaken by a later one of the same process must not take its number away.
const connect = `WITH former AS (
		SELECT d.device_key, d.session, d.session_number, r.number
		FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS r (device_key, epoch, number)
		JOIN @.devices d ON d.device_key = r.device_key AND d.epoch = r.epoch AND d.user_key IS NOT NULL
		ORDER BY d.device_key FOR UPDATE OF d), changed AS (
		UPDATE @.devices d SET session = $1,
			session_number = CASE WHEN f.session = $1 THEN greatest(f.session_number, f.number) ELSE f.number END
		FROM former f WHERE d.device_key = f.device_key)
	SELECT f.device_key, coalesce(l.incarnation, 0), coalesce(f.session_number, 0)
	FROM former f LEFT JOIN @.leases l ON l.incarnation = f.session AND l.incarnation <> $1 AND ` + alive

func (s *Store) commitConnects(ctx context.Context, t *tx, batch []*connectRequest) error {
	own := s.incarnation.Load()
	newest := map[int64]store.Session{}
	for _, r := range batch {
		for _, c := range r.sessions {
			if former, ok := newest[c.Device]; !ok || former.Number < c.Number {
				newest[c.Device] = c
			}
		}
	}
	var devices, epochs, numbers []int64
	for _, c := range newest {
		devices, epochs, numbers = append(devices, c.Device), append(epochs, c.Epoch), append(numbers, c.Number)
	}
	living := false
	former := map[int64]store.Place{} // by device; those that are bound otherwise are absent
	if err := t.rows(ctx, ownLease, func(pgx.CollectableRow) error { living = true; return nil }, own); err != nil {
		return err
	}
	if living {
		err := t.rows(ctx, connect, func(row pgx.CollectableRow) error {
			var device int64
			var p store.Place
			err := row.Scan(&device, &p.Incarnation, &p.Number)
			if p.Incarnation == 0 {
				p = store.Place{}
			}
			former[device] = p
			return err
		}, own, devices, epochs, numbers)
		if err != nil {
			return err
		}
	}
	for _, r := range batch {
		r.answer(living, newest, former)
	}
	return nil
}

// answer looks up what became of the request's sessions. One whose device has
// another epoch in the same batch was written under neither or the newer.
func (r *connectRequest) answer(living bool, newest map[int64]store.Session, former map[int64]store.Place) {
	r.answers, r.refused = nil, nil
	if !living {
		r.refused = store.ErrLeaseLost
		return
	}
	r.answers = make([]store.Connected, len(r.sessions))
	for i, c := range r.sessions {
		p, bound := former[c.Device]
		if !bound || newest[c.Device].Epoch != c.Epoch {
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
		UPDATE @.devices d SET session = NULL, session_number = NULL FROM mine WHERE d.device_key = mine.device_key`,
		s.incarnation.Load(), devices, numbers)
	return err
}

// Holders implements store.Store.
func (s *Store) Holders(ctx context.Context, userIDs []string) (map[string][]int64, error) {
	out := map[string][]int64{}
	err := s.rows(ctx, `SELECT DISTINCT u.user_id, l.incarnation FROM @.users u JOIN @.devices d ON d.user_key = u.user_key
			JOIN @.leases l ON l.incarnation = d.session AND `+alive+` WHERE u.user_id = ANY($1)`,
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
