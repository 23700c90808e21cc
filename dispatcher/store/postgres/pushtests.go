package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	// insertPushTest waits for another transaction that starts the same test.
	insertPushTest = `INSERT INTO @.push_tests (uid, request_hash, message_id, started_at, plan) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (uid) DO NOTHING`
	// lockTested lets one test of a device start after the other.
	lockTested   = `SELECT 1 FROM @.devices WHERE device_key = ANY($1::bigint[]) ORDER BY device_key FOR NO KEY UPDATE`
	lastPushTest = `SELECT ` + now + `, coalesce(max(p.tested_at), 0) FROM @.push_test_devices p
		WHERE p.device_key = ANY($1::bigint[]) AND p.tested_at > ` + now + ` - $2::bigint`
	insertTested = `INSERT INTO @.push_test_devices (message_id, device_key, tested_at)
		SELECT $1, d.device_key, ` + now + ` FROM unnest($2::bigint[]) AS d(device_key)`
	pushTest        = `SELECT uid, request_hash, message_id, started_at, plan FROM @.push_tests WHERE uid = $1`
	pushTestAnswers = `SELECT device_key, answer FROM @.push_test_devices WHERE message_id = $1`
	noteTested      = `UPDATE @.push_test_devices SET answer = $3 WHERE message_id = $1 AND device_key = $2`
	prunePushTests  = `WITH gone AS (DELETE FROM @.push_tests WHERE ctid = ANY (ARRAY (
			SELECT ctid FROM @.push_tests WHERE started_at < $1 ORDER BY started_at LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING message_id)
		DELETE FROM @.push_test_devices d USING gone WHERE d.message_id = gone.message_id`
)

// StartPushTest implements store.Store.
func (s *Store) StartPushTest(ctx context.Context, t store.PushTest, pause time.Duration) (store.PushTest, error) {
	row, err := rules.NewPushTest(t)
	if err != nil {
		return store.PushTest{}, err
	}
	known := false
	err = s.inTx(ctx, func(ctx context.Context, tx *tx) error {
		n, err := tx.exec(ctx, insertPushTest, row.UID, row.Hash, row.Message, row.StartedAt, row.Plan)
		if known = n == 0; err != nil || known {
			return err
		}
		return tx.startPushTest(ctx, row, rules.Devices(t), pause)
	})
	if err != nil {
		return store.PushTest{}, explain(err)
	}
	if !known {
		return row.Result(nil)
	}
	first, err := s.PushTest(ctx, t.UID)
	if err == nil && first.Hash != t.Hash {
		err = store.ErrConflict
	}
	return first, err
}

// startPushTest notes the devices, or undoes the transaction.
func (t *tx) startPushTest(ctx context.Context, row rules.PushTest, devices []int64, pause time.Duration) error {
	var at, last int64
	b := t.batch()
	b.add(lockTested, devices)
	b.add(lastPushTest, devices, pause.Milliseconds()).QueryRow(func(row pgx.Row) error { return row.Scan(&at, &last) })
	if err := t.run(ctx, b); err != nil {
		return err
	}
	if err := rules.TooSoon(at, last, pause); err != nil {
		return err
	}
	_, err := t.exec(ctx, insertTested, row.Message, devices)
	return err
}

// PushTest implements store.Store.
func (s *Store) PushTest(ctx context.Context, uid string) (store.PushTest, error) {
	var row rules.PushTest
	err := s.row(ctx, pushTest, uid).Scan(&row.UID, &row.Hash, &row.Message, &row.StartedAt, &row.Plan)
	if err != nil {
		return store.PushTest{}, explain(missing(err))
	}
	answers := map[int64]string{}
	err = s.rows(ctx, pushTestAnswers, func(row pgx.CollectableRow) error {
		var device int64
		var answer string
		err := row.Scan(&device, &answer)
		answers[device] = answer
		return err
	}, row.Message)
	if err != nil {
		return store.PushTest{}, err
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
	if err == nil {
		_, err = s.exec(ctx, s.pool, noteTested, id, device, answer)
	}
	return err
}
