package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// TokenHealth implements store.Store.
func (s *Store) TokenHealth(ctx context.Context, channel string, since, acceptedSince time.Time) (valid, invalid int64, err error) {
	err = s.row(ctx, `SELECT count(*) FILTER (WHERE NOT invalid), count(*) FILTER (WHERE invalid) FROM @.tokens
		WHERE channel = $1 AND answered_at >= $2 AND accepted_at >= $3`,
		channel, millis(since), millis(acceptedSince)).Scan(&valid, &invalid)
	return valid, invalid, explain(err)
}

// LoadToken implements provider.TokenStore. A token that was sealed with a
// former key is as good as none: the vendor gives a new one.
func (s *Store) LoadToken(ctx context.Context, name string) (provider.AccessToken, bool, error) {
	var sealed []byte
	var expires int64
	err := s.row(ctx, `SELECT sealed, expires_at FROM @.access_tokens WHERE name = $1`, name).Scan(&sealed, &expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return provider.AccessToken{}, false, nil
	}
	if err != nil {
		return provider.AccessToken{}, false, explain(err)
	}
	value, err := s.sealer.Open(name, sealed)
	if err != nil {
		s.log.Warn("a vendor access token is ignored", "name", name, "error", err)
		return provider.AccessToken{}, false, nil
	}
	return provider.AccessToken{Value: value, ExpiresAt: instant(expires)}, true, nil
}

// SwapToken implements provider.TokenStore. Sealing the same value twice gives
// different bytes, so that the row is locked and compared here. The first token of
// a name is for who inserts it.
func (s *Store) SwapToken(ctx context.Context, name string, previous, next provider.AccessToken) (swapped bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, t *tx) error {
		swapped = false
		var sealed []byte
		err := t.row(ctx, `SELECT sealed FROM @.access_tokens WHERE name = $1 FOR UPDATE`, name).Scan(&sealed)
		isNew := errors.Is(err, pgx.ErrNoRows)
		if err != nil && !isNew {
			return err
		}
		if !s.opens(name, sealed).Equal(previous.Value.Reveal()) {
			return nil
		}
		query := `UPDATE @.access_tokens SET sealed = $2, expires_at = $3 WHERE name = $1`
		if isNew {
			query = `INSERT INTO @.access_tokens (name, sealed, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
		}
		n, err := t.exec(ctx, query, name, s.sealer.Seal(name, next.Value), millis(next.ExpiresAt))
		swapped = n == 1
		return err
	})
	return swapped && err == nil, explain(err)
}

// opens reads a sealed token; one that is missing or unreadable is empty.
func (s *Store) opens(name string, sealed []byte) config.Secret {
	value, err := s.sealer.Open(name, sealed)
	if err != nil {
		return config.Secret{}
	}
	return value
}
