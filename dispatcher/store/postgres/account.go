package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const readAccount = `SELECT state, sum(n)::bigint FROM @.account GROUP BY state
	UNION ALL SELECT $1::text, coalesce(sum(pending), 0)::bigint FROM @.backlog`

// Account implements store.Store. One statement is one snapshot.
func (s *Store) Account(ctx context.Context) (a report.Account, err error) {
	rows, err := s.pool.Query(ctx, s.sql(readAccount), string(message.Pending))
	if err != nil {
		return a, explain(err)
	}
	var state message.State
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&state, &n}, func() error { return rules.Add(&a, state, n) })
	return a, explain(err)
}

// Backlog implements store.Store.
func (s *Store) Backlog(ctx context.Context) (map[string]int64, error) {
	rows, err := s.pool.Query(ctx, s.sql(`SELECT channel, sum(pending)::bigint FROM @.backlog GROUP BY channel HAVING sum(pending) > 0`))
	if err != nil {
		return nil, explain(err)
	}
	out := map[string]int64{}
	var channel string
	var pending int64
	_, err = pgx.ForEachRow(rows, []any{&channel, &pending}, func() error {
		out[channel] = pending
		return nil
	})
	return out, explain(err)
}
