package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"slices"

	"github.com/offlinepush/operator/dispatcher/store"
)

// Connect implements store.Store. There is no other live process whose place a
// session could take. A login that is overtaken by a later one of the same
// device must not take its number away.
func (s *Store) Connect(ctx context.Context, sessions []store.Session) (out []store.Connected, err error) {
	if len(sessions) == 0 {
		return nil, nil
	}
	err = s.write(ctx, func(t *tx) error {
		out = make([]store.Connected, len(sessions))
		lease, err := t.lease()
		if err != nil {
			return err
		}
		if lease == nobody {
			return store.ErrLeaseLost
		}
		for i, c := range sessions {
			bound, err := t.exec(`UPDATE devices AS d SET session = ?1, login_at = ?5, grace_until = `+graceOf+`,
					session_number = CASE WHEN session = ?1 THEN max(session_number, ?2) ELSE ?2 END
				WHERE device_key = ?3 AND epoch = ?4 AND user_key IS NOT NULL`, lease, c.Number, c.Device, c.Epoch, t.now)
			if err != nil {
				return err
			}
			if bound == 0 {
				out[i].Err = store.ErrNotFound
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Disconnect implements store.Store. All sessions are of this process, or of none that lives.
func (s *Store) Disconnect(ctx context.Context, sessions []store.Session) error {
	if len(sessions) == 0 {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		for _, c := range sessions {
			if _, err := t.exec(`UPDATE devices SET session = NULL, session_number = NULL, grace_until = 0
				WHERE device_key = ? AND session_number <= ?`, c.Device, c.Number); err != nil {
				return err
			}
		}
		return nil
	})
}

// Holders implements store.Store.
func (s *Store) Holders(ctx context.Context, userIDs []string) (map[string][]int64, error) {
	ids, err := json.Marshal(userIDs)
	if err != nil {
		return nil, err
	}
	out := map[string][]int64{}
	err = s.reader.rows(ctx, `SELECT u.user_id, l.incarnation FROM json_each(?) j CROSS JOIN users u ON u.user_id = j.value
			CROSS JOIN devices d ON d.user_key = u.user_key CROSS JOIN leases l ON l.incarnation = `+sessionOf,
		func(rows *sql.Rows) error {
			var userID string
			var holder int64
			err := rows.Scan(&userID, &holder)
			out[userID] = append(out[userID], holder)
			return err
		}, string(ids))
	for userID := range maps.Keys(out) { // several devices of a user may be here
		slices.Sort(out[userID])
		out[userID] = slices.Compact(out[userID])
	}
	return out, s.explain(err)
}
