package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	pushTest        = `SELECT uid, request_hash, message_id, started_at, plan FROM push_tests WHERE uid = ?`
	pushTestAnswers = `SELECT device_key, answer FROM push_test_devices WHERE message_id = ?`
	lastPushTest    = `SELECT coalesce(max(p.tested_at), 0) FROM json_each(?1) j CROSS JOIN push_test_devices p
		ON p.device_key = j.value WHERE p.tested_at > ?2`
	oldPushTests = `SELECT uid FROM push_tests WHERE started_at < ? ORDER BY started_at, uid LIMIT ?`
)

// StartPushTest implements store.Store. It decides first and writes then.
func (s *Store) StartPushTest(ctx context.Context, t store.PushTest, pause time.Duration) (store.PushTest, error) {
	row, err := rules.NewPushTest(t)
	if err != nil {
		return store.PushTest{}, err
	}
	devices, err := json.Marshal(rules.Devices(t))
	if err != nil {
		return store.PushTest{}, err
	}
	known := false
	err = s.write(ctx, func(tx *tx) (err error) {
		var first rules.PushTest
		err = tx.row(pushTest, testColumns(&first), row.UID)
		if known = err == nil; known {
			return conflict(first, row)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return tx.startPushTest(row, string(devices), pause)
	})
	if err != nil {
		return store.PushTest{}, err
	}
	if known {
		return s.PushTest(ctx, t.UID)
	}
	return row.Result(nil)
}

func conflict(first, repeated rules.PushTest) error {
	if string(first.Hash) != string(repeated.Hash) {
		return store.ErrConflict
	}
	return nil
}

func (t *tx) startPushTest(row rules.PushTest, devices string, pause time.Duration) error {
	var last int64
	if err := t.row(lastPushTest, []any{&last}, devices, t.now-pause.Milliseconds()); err != nil {
		return err
	}
	if err := rules.TooSoon(t.now, last, pause); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO push_tests (uid, request_hash, message_id, started_at, plan) VALUES (?, ?, ?, ?, ?)`,
		row.UID, row.Hash, row.Message[:], row.StartedAt, row.Plan); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO push_test_devices (message_id, device_key, tested_at) SELECT ?1, j.value, ?2 FROM json_each(?3) j`,
		row.Message[:], t.now, devices)
	return err
}

func testColumns(t *rules.PushTest) []any {
	return []any{&t.UID, &t.Hash, &t.Message, &t.StartedAt, &t.Plan}
}

// PushTest implements store.Store.
func (s *Store) PushTest(ctx context.Context, uid string) (store.PushTest, error) {
	var row rules.PushTest
	if err := s.reader.row(ctx, pushTest, testColumns(&row), uid); err != nil {
		return store.PushTest{}, s.explain(missing(err))
	}
	answers := map[int64]string{}
	err := s.reader.rows(ctx, pushTestAnswers, func(rows *sql.Rows) error {
		var device int64
		var answer string
		err := rows.Scan(&device, &answer)
		answers[device] = answer
		return err
	}, row.Message[:])
	if err != nil {
		return store.PushTest{}, s.explain(err)
	}
	return row.Result(answers)
}

// NotePushTestAnswer implements store.Store.
func (s *Store) NotePushTestAnswer(ctx context.Context, messageID string, device int64, a store.PushTestAnswer) error {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return store.ErrNotFound
	}
	answer, err := rules.TestAnswer(a)
	if err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE push_test_devices SET answer = ? WHERE message_id = ? AND device_key = ?`, answer, id[:], device)
		return err
	})
}
