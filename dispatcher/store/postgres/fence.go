package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Fence implements store.Store.
func (s *Store) Fence(ctx context.Context, devices []int64, kind message.TokenKind) (map[int64]store.FenceState, error) {
	out := make(map[int64]store.FenceState, len(devices))
	err := s.rows(ctx, `SELECT d.device_key, d.push_id, d.epoch, coalesce(u.user_id, ''), coalesce(t.value, ''), coalesce(t.gen, 0),
			t.gen IS NOT NULL AND t.quarantined_at IS NULL, t.accepted_at, coalesce(c.acked, 0), coalesce(t.set_at, 0)
		FROM @.devices d
		LEFT JOIN @.users u ON u.user_key = d.user_key
		LEFT JOIN @.tokens t ON t.device_key = d.device_key AND t.kind = $2
		LEFT JOIN @.cursors c ON c.device_key = d.device_key AND c.user_key = d.user_key
		WHERE d.device_key = ANY($1)`,
		func(row pgx.CollectableRow) error {
			f := store.FenceState{Token: message.Token{Kind: kind}}
			var device, set int64
			var accepted *int64
			if err := row.Scan(&device, &f.PushID, &f.Epoch, &f.UserID, &f.Token.Value, &f.Token.Gen,
				&f.TokenOK, &accepted, &f.Acked, &set); err != nil {
				return err
			}
			if accepted != nil {
				f.AcceptedAt = instant(*accepted)
			}
			if set > 0 {
				f.TokenSetAt = instant(set)
			}
			out[device] = f
			return nil
		}, devices, kind)
	return out, err
}
