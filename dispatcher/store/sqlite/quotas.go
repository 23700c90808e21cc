package sqlite

import (
	"context"
	"database/sql"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// CountQuotas implements store.Store.
func (s *Store) CountQuotas(ctx context.Context, more []store.QuotaCount) (counts []store.QuotaCount, err error) {
	if len(more) > 0 {
		if err := s.write(ctx, func(t *tx) error { return t.countQuotas(more) }); err != nil {
			return nil, err
		}
	}
	err = s.reader.rows(ctx, `SELECT channel, class, ends_at, used, spent_until FROM quotas WHERE ends_at > ?
		ORDER BY channel, class, ends_at`, func(rows *sql.Rows) error {
		var channel, class string
		var endsAt, used, spent int64
		err := rows.Scan(&channel, &class, &endsAt, &used, &spent)
		counts = append(counts, rules.QuotaRow(channel, class, endsAt, used, spent))
		return err
	}, millis(s.Now()))
	return counts, s.explain(err)
}

func (t *tx) countQuotas(more []store.QuotaCount) error {
	for _, c := range more {
		if _, err := t.exec(`INSERT INTO quotas (channel, class, ends_at, used, spent_until) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (channel, class, ends_at) DO UPDATE SET used = used + excluded.used,
				spent_until = CASE excluded.spent_until WHEN 0 THEN spent_until ELSE excluded.spent_until END`,
			c.Channel, c.Class, millis(c.EndsAt), c.Used, rules.QuotaSpent(c)); err != nil {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM quotas WHERE ends_at < ?`, t.now-rules.KeepQuotas.Milliseconds())
	return err
}
