package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// readRecipients gives the devices of users, their facts, and what they muted of the pairs, each as a part. One
	// statement is one snapshot.
	readRecipients = `SELECT ` + deviceColumns + `, 'device', '', 0::bigint, 0::bigint
		FROM @.users u JOIN @.devices d ON d.user_key = u.user_key WHERE u.user_id = ANY($1::text[])
	UNION ALL SELECT ` + noDevice + `, 'user', coalesce(r.rule, ''), coalesce(p.online_until, 0), coalesce(u.logged_in_at, 0)
		FROM @.users u LEFT JOIN @.user_rules r ON r.user_key = u.user_key LEFT JOIN @.presence p ON p.user_id = u.user_id
		WHERE u.user_id = ANY($1::text[])
	UNION ALL SELECT ` + noDevice + `, 'muted', m.conversation, 0, 0
		FROM unnest($2::text[], $3::text[]) AS a(user_id, conversation)
		JOIN @.users u ON u.user_id = a.user_id JOIN @.mutes m ON m.user_key = u.user_key AND m.conversation = a.conversation`
	noDevice  = `0, '', ''::bytea, '', 0, '', '', '', '', u.user_id, 0, 0, 0, 0`
	readMutes = `SELECT m.conversation FROM @.users u JOIN @.mutes m ON m.user_key = u.user_key
		WHERE u.user_id = $1 AND m.conversation > $2 ORDER BY m.conversation LIMIT $3`
	setPresence = `INSERT INTO @.presence (user_id, online_until) VALUES ($1, ` + now + ` + $2::bigint)
		ON CONFLICT (user_id) DO UPDATE SET online_until = excluded.online_until`
	endPresence = `DELETE FROM @.presence WHERE user_id = $1`
	setRules    = `INSERT INTO @.user_rules (user_key, rule) SELECT * FROM unnest($1::bigint[], $2::text[])
		ON CONFLICT (user_key) DO UPDATE SET rule = excluded.rule`
	deleteMutes = `DELETE FROM @.mutes m USING unnest($1::bigint[], $2::text[]) AS c(user_key, conversation)
		WHERE m.user_key = c.user_key AND m.conversation = c.conversation`
	insertMutes = `INSERT INTO @.mutes (user_key, conversation) SELECT * FROM unnest($1::bigint[], $2::text[]) ON CONFLICT DO NOTHING`
)

// Recipients implements store.Store.
func (s *Store) Recipients(ctx context.Context, asks []store.Ask) (map[string]store.Recipient, error) {
	users, mutedBy, keys := rules.Asks(asks)
	out := rules.Recipients{}
	err := s.rows(ctx, readRecipients, func(row pgx.CollectableRow) error {
		var part, text string
		var onlineUntil, loggedInAt int64
		d, err := scanDevice(row, &part, &text, &onlineUntil, &loggedInAt)
		if err != nil {
			return err
		}
		switch part {
		case "device":
			out.AddDevice(d)
		case "muted":
			out.AddMuted(d.UserID, text)
		default:
			return out.AddUser(d.UserID, text, onlineUntil, loggedInAt)
		}
		return nil
	}, users, mutedBy, keys)
	return out.Sorted(), err
}

// Mutes implements store.Store.
func (s *Store) Mutes(
	ctx context.Context, userID string, after message.Conversation, limit int,
) (out []message.Conversation, err error) {
	err = s.rows(ctx, readMutes, func(row pgx.CollectableRow) error {
		var key string
		err := row.Scan(&key)
		out = append(out, rules.ConversationOf(key))
		return err
	}, userID, rules.ConversationKey(after), limit)
	return out, err
}

// SetPresence implements store.Store.
func (s *Store) SetPresence(ctx context.Context, userID string, online time.Duration) error {
	if online <= 0 {
		_, err := s.exec(ctx, s.pool, endPresence, userID)
		return err
	}
	_, err := s.exec(ctx, s.pool, setPresence, userID, online.Milliseconds())
	return err
}

// ruleRows are what the batch changes of rules, the last word about each. The
// users are locked by their places, so that no other transaction writes of them.
type ruleRows struct {
	rules map[int64]string
	muted map[userMute]bool
}

type userMute struct {
	user int64
	key  string
}

func (r *ruleRows) add(a *acceptRequest, places map[string]rules.Place) {
	c := a.Also.Rule
	if c == nil {
		return
	}
	if r.rules == nil {
		r.rules, r.muted = map[int64]string{}, map[userMute]bool{}
	}
	user := places[c.UserID].User
	if c.Rule != nil {
		r.rules[user] = rules.EncodeRule(*c.Rule)
	}
	for _, key := range rules.ConversationKeys(c.Unmute) {
		r.muted[userMute{user, key}] = false
	}
	for _, key := range rules.ConversationKeys(c.Mute) {
		r.muted[userMute{user, key}] = true
	}
}

// queue adds the statements, none without a change.
func (r *ruleRows) queue(b *batch) {
	if len(r.rules) > 0 {
		users := slices.Sorted(maps.Keys(r.rules))
		texts := make([]string, len(users))
		for i, user := range users {
			texts[i] = r.rules[user]
		}
		b.add(setRules, users, texts)
	}
	var users [2][]int64 // of what is unmuted, and of what is muted
	var keys [2][]string
	for m, muted := range r.muted {
		n := 0
		if muted {
			n = 1
		}
		users[n], keys[n] = append(users[n], m.user), append(keys[n], m.key)
	}
	if len(keys[0]) > 0 {
		b.add(deleteMutes, users[0], keys[0])
	}
	if len(keys[1]) > 0 {
		b.add(insertMutes, users[1], keys[1])
	}
}
