package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
)

const (
	insertCrowded = `INSERT INTO @.crowded (user_key, seq) SELECT * FROM unnest($1::bigint[], $2::bigint[])
		ON CONFLICT (user_key) DO UPDATE SET seq = excluded.seq`
	firstCrowded = `SELECT user_key, seq FROM @.crowded ORDER BY user_key LIMIT 1`
	// deleteCrowded leaves what was noted again meanwhile.
	deleteCrowded = `DELETE FROM @.crowded WHERE user_key = $1 AND seq = $2`
	// trimInbox counts, because places may be left out, leaves entries alone whose push is pending, and counts of the others those that nobody acknowledged.
	trimInbox = `WITH beyond AS (
			SELECT i.seq, i.message_id FROM @.inbox i WHERE i.user_key = $1
				AND i.seq <= (SELECT n.seq FROM @.inbox n WHERE n.user_key = $1 AND n.seq <= $2 ORDER BY n.seq DESC LIMIT 1 OFFSET $4)
				AND NOT EXISTS (SELECT 1 FROM @.deliveries d WHERE d.message_id = i.message_id)
			ORDER BY i.seq LIMIT $3 FOR UPDATE OF i SKIP LOCKED
		), gone AS (
			DELETE FROM @.inbox i USING beyond b WHERE i.user_key = $1 AND i.seq = b.seq AND i.message_id = b.message_id RETURNING i.seq
		)
		SELECT count(*), count(*) FILTER (WHERE seq > coalesce((SELECT max(acked) FROM @.cursors WHERE user_key = $1), 0)) FROM gone`
	// countExpired counts the entries behind one that no device of their user acknowledged, and tells how far it came.
	countExpired = `WITH page AS (
			SELECT user_key, seq FROM @.%s WHERE (user_key, seq) > ($1, $2) ORDER BY user_key, seq LIMIT $3
		)
		SELECT count(*), count(*) FILTER (WHERE seq > coalesce((SELECT max(acked) FROM @.cursors c WHERE c.user_key = page.user_key), 0)),
			coalesce(max(user_key), 0), coalesce(max(seq) FILTER (WHERE user_key = (SELECT max(user_key) FROM page)), 0)
		FROM page`
)

// noteCrowded notes the users whose inboxes have become too long.
func noteCrowded(b *batch, crowded map[int64]int64) {
	if len(crowded) == 0 {
		return
	}
	users := slices.Sorted(maps.Keys(crowded))
	seqs := make([]int64, len(users))
	for i, u := range users {
		seqs[i] = crowded[u]
	}
	b.add(insertCrowded, users, seqs)
}

// trim deletes the oldest entries of one inbox that is too long.
func (s *Store) trim(ctx context.Context, out *store.Pruned, limit int) (more bool, err error) {
	var user, seq, n, expired int64
	err = s.row(ctx, firstCrowded).Scan(&user, &seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := s.row(ctx, trimInbox, user, seq, limit, store.MaxInbox).Scan(&n, &expired); err != nil {
		return false, err
	}
	out.Crowded += expired
	if n < int64(limit) {
		_, err = s.exec(ctx, s.pool, deleteCrowded, user, seq)
	}
	return true, err
}

// expiredPage is how many entries are counted at a time: no statement takes long, however busy the day was.
const expiredPage = 10_000

// countExpired counts the entries of a day that go unread with it.
func (s *Store) countExpired(ctx context.Context, day []partition) (expired int64, err error) {
	i := slices.IndexFunc(day, func(p partition) bool { return p.table == inboxTable })
	if i < 0 {
		return 0, nil
	}
	query := fmt.Sprintf(countExpired, pgx.Identifier{day[i].name}.Sanitize())
	var user, seq int64
	for n := int64(expiredPage); n == expiredPage; {
		var unread int64
		if err := s.row(ctx, query, user, seq, expiredPage).Scan(&n, &unread, &user, &seq); err != nil {
			return 0, err
		}
		expired += unread
	}
	return expired, nil
}
