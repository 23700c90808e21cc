package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	noteDay = `INSERT INTO channel_days (channel, day, accepted, ill) VALUES (?, ?, ?, ?)
		ON CONFLICT (channel, day) DO UPDATE SET accepted = max(accepted, excluded.accepted), ill = max(ill, excluded.ill)`
	dropQuarantined = `DELETE FROM tokens WHERE (device_key, kind) IN (
		SELECT device_key, kind FROM tokens WHERE channel = ? AND quarantined_at < ? LIMIT ?)`
	restoreTokens = `UPDATE tokens SET quarantined_at = NULL, invalid = 0, answered_at = NULL WHERE (device_key, kind) IN (
		SELECT device_key, kind FROM tokens WHERE channel = ? AND quarantined_at >= ? LIMIT ?)`
	noteDead = `UPDATE tokens SET channel = ?1, answered_at = ?2, invalid = 1,
			quarantined_at = CASE WHEN ?3 THEN quarantined_at ELSE coalesce(quarantined_at, ?2) END
		WHERE token_hash = ?4 AND vendor = ?5 AND app_type = ?6 AND environment = ?7 AND set_at < ?8`
)

// NoteDays implements store.Store.
func (s *Store) NoteDays(ctx context.Context, marks []store.ChannelDay) error {
	return s.write(ctx, func(t *tx) error {
		for _, d := range rules.NewDays(marks) {
			if _, err := t.exec(noteDay, d.Channel, d.Day, d.Accepted, d.Ill); err != nil {
				return err
			}
		}
		_, err := t.exec(`DELETE FROM channel_days WHERE day < ?`, rules.DayOf(t.now)-rules.DaysKept)
		return err
	})
}

// DropQuarantined implements store.Store.
func (s *Store) DropQuarantined(ctx context.Context, at time.Time, limit int) (dropped int64, err error) {
	err = s.write(ctx, func(t *tx) error {
		dropped = 0
		days, err := t.days()
		if err != nil {
			return err
		}
		before := rules.QuarantineEnd(days, at)
		for _, channel := range slices.Sorted(maps.Keys(before)) {
			n, err := t.exec(dropQuarantined, channel, before[channel], int64(limit)-dropped)
			if err != nil {
				return err
			}
			dropped += n
		}
		return nil
	})
	return dropped, err
}

func (t *tx) days() (days rules.Days, err error) {
	err = t.rows(`SELECT channel, day, accepted, ill FROM channel_days`, func(rows *sql.Rows) error {
		var d rules.Day
		err := rows.Scan(&d.Channel, &d.Day, &d.Accepted, &d.Ill)
		days = append(days, d)
		return err
	})
	return days, err
}

// RestoreTokens implements store.Store.
func (s *Store) RestoreTokens(ctx context.Context, channel string, since time.Time, limit int) (restored int64, err error) {
	err = s.write(ctx, func(t *tx) (err error) {
		restored, err = t.exec(restoreTokens, channel, millis(since), limit)
		return err
	})
	return restored, err
}

// NoteDead implements store.Store.
func (s *Store) NoteDead(ctx context.Context, d store.DeadTokens, keep bool) (known int64, err error) {
	err = s.write(ctx, func(t *tx) error {
		known = 0
		for _, token := range d.Tokens {
			hash := sha256.Sum256([]byte(token))
			n, err := t.exec(noteDead, d.Channel, t.now, keep, hash[:], d.Selector.Vendor, d.Selector.AppType, d.Selector.Environment, millis(d.Before))
			if err != nil {
				return err
			}
			known += n
		}
		return nil
	})
	return known, err
}
