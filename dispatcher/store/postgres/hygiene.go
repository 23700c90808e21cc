package postgres

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	noteDays = `INSERT INTO @.channel_days AS c (channel, day, accepted, ill)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::boolean[])
		ON CONFLICT (channel, day) DO UPDATE SET accepted = c.accepted OR excluded.accepted, ill = c.ill OR excluded.ill
			WHERE (c.accepted OR excluded.accepted, c.ill OR excluded.ill) <> (c.accepted, c.ill)`
	pruneDays = `DELETE FROM @.channel_days WHERE day < ` + now + ` / 86400000 - $1`
	readDays  = `SELECT channel, day, accepted, ill FROM @.channel_days`
	// longQuarantined locks the devices like all who write their tokens: a phone that says right now that it has the
	// token ends its quarantine.
	longQuarantined = `SELECT d.device_key FROM @.devices d WHERE d.device_key = ANY (ARRAY (
			SELECT device_key FROM @.tokens WHERE channel = $1 AND quarantined_at < $2 LIMIT $3))
		ORDER BY d.device_key FOR UPDATE`
	dropQuarantined = `DELETE FROM @.tokens WHERE device_key = ANY($1::bigint[]) AND channel = $2 AND quarantined_at < $3`
	// restoreTokens locks the tokens in their order, which the plan of an update alone would not keep.
	restoreTokens = `UPDATE @.tokens t SET quarantined_at = NULL, invalid = false, answered_at = NULL
		FROM (SELECT device_key, kind FROM @.tokens WHERE channel = $1 AND quarantined_at >= $2
			ORDER BY device_key, kind LIMIT $3 FOR NO KEY UPDATE) AS o
		WHERE t.device_key = o.device_key AND t.kind = o.kind AND t.quarantined_at >= $2`
	noteDeadTokens = `UPDATE @.tokens t SET channel = $1, answered_at = ` + now + `, invalid = true,
			quarantined_at = CASE WHEN $2 THEN t.quarantined_at ELSE coalesce(t.quarantined_at, ` + now + `) END
		FROM (SELECT t.device_key, t.kind FROM unnest($3::bytea[]) AS h(token_hash)
			JOIN @.tokens t ON t.token_hash = h.token_hash AND t.vendor = $4 AND t.app_type = $5 AND t.environment = $6 AND t.set_at < $7
			ORDER BY t.device_key, t.kind FOR NO KEY UPDATE OF t) AS o
		WHERE t.device_key = o.device_key AND t.kind = o.kind`
)

// NoteDays implements store.Store.
func (s *Store) NoteDays(ctx context.Context, marks []store.ChannelDay) error {
	var channels []string
	var days []int64
	var accepted, ill []bool
	for _, d := range rules.NewDays(marks) {
		channels, days = append(channels, d.Channel), append(days, d.Day)
		accepted, ill = append(accepted, d.Accepted), append(ill, d.Ill)
	}
	return explain(s.inTx(ctx, func(ctx context.Context, t *tx) error {
		b := t.batch()
		b.add(noteDays, channels, days, accepted, ill)
		b.add(pruneDays, rules.DaysKept)
		return t.run(ctx, b)
	}))
}

// DropQuarantined implements store.Store.
func (s *Store) DropQuarantined(ctx context.Context, at time.Time, limit int) (dropped int64, err error) {
	var days rules.Days
	err = s.rows(ctx, readDays, func(row pgx.CollectableRow) error {
		var d rules.Day
		err := row.Scan(&d.Channel, &d.Day, &d.Accepted, &d.Ill)
		days = append(days, d)
		return err
	})
	if err != nil {
		return 0, err
	}
	before := rules.QuarantineEnd(days, at)
	for _, channel := range slices.Sorted(maps.Keys(before)) {
		n, err := s.dropQuarantined(ctx, channel, before[channel], int64(limit)-dropped)
		if dropped += n; err != nil {
			return dropped, explain(err)
		}
	}
	return dropped, nil
}

func (s *Store) dropQuarantined(ctx context.Context, channel string, before, limit int64) (n int64, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		n = 0
		var devices []int64
		err := t.rows(ctx, longQuarantined, func(row pgx.CollectableRow) error {
			var device int64
			err := row.Scan(&device)
			devices = append(devices, device)
			return err
		}, channel, before, limit)
		if err != nil || len(devices) == 0 {
			return err
		}
		n, err = t.exec(ctx, dropQuarantined, devices, channel, before)
		return err
	})
	return n, err
}

// RestoreTokens implements store.Store.
func (s *Store) RestoreTokens(ctx context.Context, channel string, since time.Time, limit int) (restored int64, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		restored, err = t.exec(ctx, restoreTokens, channel, millis(since), limit)
		return err
	})
	return restored, explain(err)
}

// NoteDead implements store.Store.
func (s *Store) NoteDead(ctx context.Context, d store.DeadTokens, keep bool) (known int64, err error) {
	hashes := make([][]byte, len(d.Tokens))
	for i, token := range d.Tokens {
		hash := sha256.Sum256([]byte(token))
		hashes[i] = hash[:]
	}
	err = s.inTx(ctx, func(ctx context.Context, t *tx) (err error) {
		known, err = t.exec(ctx, noteDeadTokens, d.Channel, keep, hashes,
			d.Selector.Vendor, d.Selector.AppType, d.Selector.Environment, millis(d.Before))
		return err
	})
	return known, explain(err)
}
