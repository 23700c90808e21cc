package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// readRecipients gives the devices of users, their facts, and what they muted of the pairs, each as a part. One
// statement is one snapshot.
const (
	readRecipients = `SELECT 'device', '', 0, 0, ` + deviceColumns + ` FROM json_each(?1) j CROSS JOIN users u ON u.user_id = j.value
		CROSS JOIN devices d ON d.user_key = u.user_key
	UNION ALL SELECT 'user', coalesce(r.rule, ''), coalesce(p.online_until, 0), coalesce(u.logged_in_at, 0), ` + noDevice + `
		FROM json_each(?1) j CROSS JOIN users u ON u.user_id = j.value
		LEFT JOIN user_rules r ON r.user_key = u.user_key LEFT JOIN presence p ON p.user_id = u.user_id
	UNION ALL SELECT 'muted', m.conversation, 0, 0, ` + noDevice + `
		FROM json_each(?2) j CROSS JOIN users u ON u.user_id = json_extract(j.value, '$[0]')
		CROSS JOIN mutes m ON m.user_key = u.user_key AND m.conversation = json_extract(j.value, '$[1]')`
	noDevice = `0, '', x'', '', 0, '', '', '', '', u.user_id, 0, 0, 0, 0`
)

// Recipients implements store.Store.
func (s *Store) Recipients(ctx context.Context, asks []store.Ask) (map[string]store.Recipient, error) {
	users, mutedBy, keys := rules.Asks(asks)
	pairs := make([][2]string, len(keys))
	for i := range keys {
		pairs[i] = [2]string{mutedBy[i], keys[i]}
	}
	usersJSON, _ := json.Marshal(users) // Plain texts always encode.
	pairsJSON, _ := json.Marshal(pairs)
	out := rules.Recipients{}
	err := s.reader.rows(ctx, readRecipients, func(rows *sql.Rows) error {
		var part, text string
		var onlineUntil, loggedInAt int64
		var r deviceRow
		if err := rows.Scan(append([]any{&part, &text, &onlineUntil, &loggedInAt}, r.dest()...)...); err != nil {
			return err
		}
		switch part {
		case "device":
			out.AddDevice(r.result())
		case "muted":
			out.AddMuted(r.device.UserID, text)
		default:
			return out.AddUser(r.device.UserID, text, onlineUntil, loggedInAt)
		}
		return nil
	}, string(usersJSON), string(pairsJSON))
	return out.Sorted(), s.explain(err)
}

// Mutes implements store.Store.
func (s *Store) Mutes(
	ctx context.Context, userID string, after message.Conversation, limit int,
) (out []message.Conversation, err error) {
	err = s.reader.rows(ctx, `SELECT m.conversation FROM users u CROSS JOIN mutes m ON m.user_key = u.user_key
		WHERE u.user_id = ? AND m.conversation > ? ORDER BY m.conversation LIMIT ?`, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		out = append(out, rules.ConversationOf(key))
		return err
	}, userID, rules.ConversationKey(after), limit)
	return out, s.explain(err)
}

// SetPresence implements store.Store.
func (s *Store) SetPresence(ctx context.Context, userID string, online time.Duration) error {
	return s.write(ctx, func(t *tx) error {
		if online <= 0 {
			_, err := t.exec(`DELETE FROM presence WHERE user_id = ?`, userID)
			return err
		}
		_, err := t.exec(`INSERT INTO presence (user_id, online_until) VALUES (?, ?)
			ON CONFLICT (user_id) DO UPDATE SET online_until = excluded.online_until`, userID, t.now+online.Milliseconds())
		return err
	})
}

// changeRule writes what the message tells about.
func (a accept) changeRule(t *tx, places map[string]rules.Place) error {
	c := a.Also.Rule
	if c == nil {
		return nil
	}
	user := places[c.UserID].User
	if c.Rule != nil {
		if _, err := t.exec(`INSERT INTO user_rules (user_key, rule) VALUES (?, ?)
			ON CONFLICT (user_key) DO UPDATE SET rule = excluded.rule`, user, rules.EncodeRule(*c.Rule)); err != nil {
			return err
		}
	}
	for _, key := range rules.ConversationKeys(c.Unmute) {
		if _, err := t.exec(`DELETE FROM mutes WHERE user_key = ? AND conversation = ?`, user, key); err != nil {
			return err
		}
	}
	for _, key := range rules.ConversationKeys(c.Mute) {
		if _, err := t.exec(`INSERT INTO mutes (user_key, conversation) VALUES (?, ?) ON CONFLICT DO NOTHING`, user, key); err != nil {
			return err
		}
	}
	return nil
}
