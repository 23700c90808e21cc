package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// outcome is the end of the story for one (message, user, device).
type outcome struct {
	message      uuid.UUID
	user, device int64
	channel      string
	rule         string
	state        message.State
	reason       string
	vendor       message.Outcome
	inDoubt      bool
}

// outcome appends a transition and counts it in the same transaction.
func (t *tx) outcome(o outcome) error {
	t.counts[o.state]++
	_, err := t.exec(`INSERT INTO outcomes
		(message_id, user_key, device_key, channel, rule, state, reason, code, detail, vendor_message_id, in_doubt, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.message[:], o.user, o.device, o.channel, o.rule, string(o.state), o.reason,
		o.vendor.Code, o.vendor.Detail, o.vendor.VendorMessageID, o.inDoubt, t.now)
	return err
}

// count writes what the whole batch counted, one statement for each state.
func (t *tx) count() error {
	for _, state := range slices.Sorted(maps.Keys(t.counts)) {
		if _, err := t.exec(`INSERT INTO account (state, n) VALUES (?, ?) ON CONFLICT (state) DO UPDATE SET n = n + excluded.n`,
			string(state), t.counts[state]); err != nil {
			return err
		}
	}
	return nil
}

// Account implements store.Store. One statement is one snapshot.
func (s *Store) Account(ctx context.Context) (report.Account, error) {
	var a report.Account
	err := s.reader.rows(ctx, `SELECT state, n FROM account UNION ALL SELECT ?, coalesce(sum(pending), 0) FROM backlog
			UNION ALL SELECT ?, count(*) FROM expansions WHERE owner >= 0 AND finished_at = 0`,
		func(rows *sql.Rows) error {
			var state message.State
			var n int64
			if err := rows.Scan(&state, &n); err != nil {
				return err
			}
			return rules.Add(&a, state, n)
		}, string(message.Pending), string(rules.Unexpanded))
	return a, s.explain(err)
}
