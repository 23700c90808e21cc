package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	readAccount = `SELECT state, sum(n)::bigint FROM @.account GROUP BY state
		UNION ALL SELECT $1::text, coalesce(sum(pending), 0)::bigint FROM @.backlog
		UNION ALL SELECT $2::text, count(*) FROM @.expansions WHERE finished_at = 0`
	readBacklog = `SELECT channel, sum(pending)::bigint FROM @.backlog GROUP BY channel HAVING sum(pending) > 0`
)

// Account implements store.Store. One statement is one snapshot.
func (s *Store) Account(ctx context.Context) (a report.Account, err error) {
	err = s.rows(ctx, readAccount, func(row pgx.CollectableRow) error {
		var state message.State
		var n int64
		if err := row.Scan(&state, &n); err != nil {
			return err
		}
		return rules.Add(&a, state, n)
	}, string(message.Pending), string(rules.Unexpanded))
	return a, err
}

// Backlog implements store.Store.
func (s *Store) Backlog(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := s.rows(ctx, readBacklog, func(row pgx.CollectableRow) error {
		var channel string
		var pending int64
		err := row.Scan(&channel, &pending)
		out[channel] = pending
		return err
	})
	return out, err
}
