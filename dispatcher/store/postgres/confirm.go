package postgres

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// readLosses finds the unconfirmed devices that lost a token which is given now, or which a named
	// device has. Whoever took it held the lock of who has it.
	readLosses = `SELECT h.device_key, h.token_hash, l.device_key, l.epoch
		FROM (SELECT 0::bigint AS device_key, unnest($1::bytea[]) AS token_hash
			UNION ALL SELECT t.device_key, t.token_hash FROM @.tokens t WHERE t.device_key = ANY($2::bigint[])) h
		JOIN @.devices l ON l.lost_hash = h.token_hash AND l.confirmed_epoch < l.epoch`
	confirmEpochs = `WITH behind AS (
			SELECT d.device_key, n.epoch FROM unnest($1::bigint[], $2::bigint[]) AS n(device_key, epoch)
			JOIN @.devices d ON d.device_key = n.device_key AND d.confirmed_epoch < n.epoch
			ORDER BY d.device_key FOR UPDATE OF d)
		UPDATE @.devices d SET confirmed_epoch = b.epoch FROM behind b WHERE d.device_key = b.device_key`
)

// Confirm implements store.Store.
func (s *Store) Confirm(ctx context.Context, changes []store.EpochChange) error {
	if len(changes) == 0 {
		return nil
	}
	return explain(s.confirms.Do(ctx, changes))
}

func commitConfirms(ctx context.Context, t *tx, batch [][]store.EpochChange) error {
	var devices, epochs []int64
	for device, epoch := range rules.Newest(slices.Concat(batch...)) {
		devices, epochs = append(devices, device), append(epochs, epoch)
	}
	_, err := t.exec(ctx, confirmEpochs, devices, epochs)
	return err
}

type tokenHash = [sha256.Size]byte

// losses are the unconfirmed epochs of the devices that lost a token, by its hash and by device.
type losses map[tokenHash]map[int64]int64

func (l losses) add(hash tokenHash, device, epoch int64) {
	if l[hash] == nil {
		l[hash] = map[int64]int64{}
	}
	l[hash][device] = epoch
}

func (w *work) takeLosses(rows pgx.Rows) error {
	var holder, device, epoch int64
	var hash []byte
	_, err := pgx.ForEachRow(rows, []any{&holder, &hash, &device, &epoch}, func() error {
		w.losses.add(tokenHash(hash), device, epoch)
		if d := w.devices[holder]; d != nil {
			d.taken = append(d.taken, tokenHash(hash))
		}
		return nil
	})
	return err
}

// unconfirmed are the epochs by device that the answer to a change waits for besides its own: of the
// device, if it is known, and of who lost a token to it or loses one of these.
func (w *work) unconfirmed(d *deviceState, tokens map[message.TokenKind]string) map[int64]int64 {
	open := map[int64]int64{}
	for _, value := range tokens {
		maps.Copy(open, w.losses[sha256.Sum256([]byte(value))])
	}
	if d == nil {
		return open
	}
	for _, hash := range d.taken {
		maps.Copy(open, w.losses[hash])
	}
	if d.confirmed < d.Epoch {
		open[d.Key] = d.Epoch
	}
	return open
}
