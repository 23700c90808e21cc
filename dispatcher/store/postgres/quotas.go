package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// addQuotas writes the rows in the order in which they are given, like all processes do.
	addQuotas = `INSERT INTO @.quotas AS q (channel, class, ends_at, used, spent_until)
		SELECT n.* FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
			AS n(channel, class, ends_at, used, spent_until)
		ON CONFLICT (channel, class, ends_at) DO UPDATE SET used = q.used + excluded.used,
			spent_until = CASE excluded.spent_until WHEN 0 THEN q.spent_until ELSE excluded.spent_until END`
	// forgetQuotas waits for nobody.
	forgetQuotas = `DELETE FROM @.quotas q USING (SELECT channel, class, ends_at FROM @.quotas
			WHERE ends_at < ` + now + ` - $1 FOR UPDATE SKIP LOCKED) AS o
		WHERE q.channel = o.channel AND q.class = o.class AND q.ends_at = o.ends_at`
	readQuotas = `SELECT channel, class, ends_at, used, spent_until FROM @.quotas WHERE ends_at > ` + now + `
		ORDER BY channel, class, ends_at`
)

// CountQuotas implements store.Store.
func (s *Store) CountQuotas(ctx context.Context, more []store.QuotaCount) (counts []store.QuotaCount, err error) {
	if len(more) == 0 {
		err := s.rows(ctx, readQuotas, func(row pgx.CollectableRow) error {
			counts, err = appendQuota(counts, row)
			return err
		})
		return counts, err
	}
	err = s.inPipeline(ctx, func(ctx context.Context, t *tx) error {
		counts = nil
		b := t.batch()
		b.addQuotas(more)
		b.add(forgetQuotas, rules.KeepQuotas.Milliseconds())
		b.add(readQuotas).Query(func(rows pgx.Rows) error {
			return each(rows, func(row pgx.CollectableRow) error {
				counts, err = appendQuota(counts, row)
				return err
			})
		})
		return t.finish(ctx, b)
	})
	if err != nil {
		return nil, explain(err)
	}
	return counts, nil
}

// addQuotas queues additions.
func (b *batch) addQuotas(more []store.QuotaCount) {
	var channels, classes []string
	var ends, used, spent []int64
	for _, c := range rules.QuotasInOrder(more) {
		channels, classes = append(channels, c.Channel), append(classes, c.Class)
		ends, used, spent = append(ends, millis(c.EndsAt)), append(used, c.Used), append(spent, rules.QuotaSpent(c))
	}
	b.add(addQuotas, channels, classes, ends, used, spent)
}

func appendQuota(counts []store.QuotaCount, row pgx.CollectableRow) ([]store.QuotaCount, error) {
	var channel, class string
	var endsAt, used, spent int64
	err := row.Scan(&channel, &class, &endsAt, &used, &spent)
	return append(counts, rules.QuotaRow(channel, class, endsAt, used, spent)), err
}
