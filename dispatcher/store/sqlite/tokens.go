package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

// answered notes what a vendor said about a token, as long as the device still
// has that generation. Generations are unique for the device over all kinds.
func (t *tx) answered(channel string, d store.TargetResult) (err error) {
	switch d.Outcome.Class {
	case message.Accepted:
		_, err = t.exec(`UPDATE tokens SET channel = ?1, answered_at = ?2, accepted_at = ?2, invalid = 0
			WHERE device_key = ?3 AND gen = ?4`, channel, t.now, d.Target.Device, d.TokenGen)
	case message.InvalidToken:
		_, err = t.exec(`UPDATE tokens SET channel = ?1, answered_at = ?2, invalid = 1,
				quarantined_at = CASE WHEN ?5 THEN quarantined_at ELSE coalesce(quarantined_at, ?2) END
			WHERE device_key = ?3 AND gen = ?4`, channel, t.now, d.Target.Device, d.TokenGen, d.KeepToken)
	case message.AuthExpired, message.CredentialRejected, message.Throttled, message.QuotaExhausted,
		message.Transient, message.Rejected, message.Unknown: // these say nothing about the token
	}
	return err
}

// TokenHealth implements store.Store.
func (s *Store) TokenHealth(ctx context.Context, channel string, since, acceptedSince time.Time) (valid, invalid int64, err error) {
	err = s.reader.row(ctx, `SELECT count(*) - coalesce(sum(invalid), 0), coalesce(sum(invalid), 0) FROM tokens
		WHERE channel = ? AND answered_at >= ? AND accepted_at >= ?`,
		[]any{&valid, &invalid}, channel, millis(since), millis(acceptedSince))
	return valid, invalid, s.explain(err)
}

// LoadToken implements provider.TokenStore. A token that was sealed with a
// former key is as good as none: the vendor gives a new one.
func (s *Store) LoadToken(ctx context.Context, name string) (provider.AccessToken, bool, error) {
	var sealed []byte
	var expires int64
	err := s.reader.row(ctx, `SELECT sealed, expires_at FROM access_tokens WHERE name = ?`, []any{&sealed, &expires}, name)
	if errors.Is(err, sql.ErrNoRows) {
		return provider.AccessToken{}, false, nil
	}
	if err != nil {
		return provider.AccessToken{}, false, s.explain(err)
	}
	value, err := s.sealer.Open(name, sealed)
	if err != nil {
		s.log.Warn("a vendor access token is ignored", "name", name, "error", err)
		return provider.AccessToken{}, false, nil
	}
	return provider.AccessToken{Value: value, ExpiresAt: instant(expires)}, true, nil
}

// SwapToken implements provider.TokenStore.
func (s *Store) SwapToken(ctx context.Context, name string, previous, next provider.AccessToken) (swapped bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		swapped = false
		var sealed []byte
		err := t.row(`SELECT sealed FROM access_tokens WHERE name = ?`, []any{&sealed}, name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if !s.opens(name, sealed).Equal(previous.Value.Reveal()) {
			return nil
		}
		_, err = t.exec(`INSERT OR REPLACE INTO access_tokens (name, sealed, expires_at) VALUES (?, ?, ?)`,
			name, s.sealer.Seal(name, next.Value), millis(next.ExpiresAt))
		swapped = err == nil
		return err
	})
	return swapped && err == nil, err
}

// opens reads a sealed token; one that is missing or unreadable is empty.
func (s *Store) opens(name string, sealed []byte) config.Secret {
	value, err := s.sealer.Open(name, sealed)
	if err != nil {
		return config.Secret{}
	}
	return value
}
