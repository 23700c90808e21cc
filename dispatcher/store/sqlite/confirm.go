package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	unconfirmedOf = `SELECT device_key, epoch FROM devices WHERE device_key = ?1 AND confirmed_epoch < epoch
		UNION ALL SELECT l.device_key, l.epoch FROM tokens t CROSS JOIN devices l ON l.lost_hash = t.token_hash
		WHERE t.device_key = ?1 AND l.confirmed_epoch < l.epoch`
	unconfirmedLosers = `SELECT device_key, epoch FROM devices WHERE lost_hash = ? AND confirmed_epoch < epoch`
)

// Confirm implements store.Store.
func (s *Store) Confirm(ctx context.Context, changes []store.EpochChange) error {
	if len(changes) == 0 {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		for device, epoch := range rules.Newest(changes) {
			if _, err := t.exec(`UPDATE devices SET confirmed_epoch = ?1 WHERE device_key = ?2 AND confirmed_epoch < ?1`, epoch, device); err != nil {
				return err
			}
		}
		return nil
	})
}

// unconfirmed are the epochs by device that the answer to a change waits for besides its own: of the
// device, if there is one, and of who lost a token to it or loses one of these.
func (t *tx) unconfirmed(device int64, tokens map[message.TokenKind]string) (map[int64]int64, error) {
	open := map[int64]int64{}
	add := func(rows *sql.Rows) error {
		var device, epoch int64
		err := rows.Scan(&device, &epoch)
		open[device] = epoch
		return err
	}
	for _, value := range tokens {
		hash := sha256.Sum256([]byte(value))
		if err := t.rows(unconfirmedLosers, add, hash[:]); err != nil {
			return nil, err
		}
	}
	return open, t.rows(unconfirmedOf, add, device)
}
