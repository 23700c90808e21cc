package postgres

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// Ping implements store.Store with a commit of its own, which takes no space, and with what became of everything that
// was written lately. Where no message was, one is rehearsed.
func (s *Store) Ping(ctx context.Context) error {
	if _, err := s.exec(ctx, s.pool, `UPDATE @.meta SET checked_at = `+now+` WHERE id = 1`); err != nil {
		return err
	}
	if err := s.trouble(); err != nil {
		return explain(err)
	}
	if s.accepts.Watch().Busy() {
		return nil
	}
	return explain(s.rehearsal.Run(func() error { return s.rehearse(ctx) }))
}

// rehearse goes the way of a message that is accepted, to its last step.
func (s *Store) rehearse(ctx context.Context) error {
	accept, err := rules.NewAccept(rehearsed(s.Now()))
	if err != nil {
		return err
	}
	return s.inPipeline(ctx, func(ctx context.Context, t *tx) error {
		t.rehearsal = true
		return commitAccepts(ctx, t, []*acceptRequest{{Accept: accept}})
	})
}

// rehearsedSize is that of a body that fills a page of the database in base64, and does not find room on those that are there.
const rehearsedSize = 6 << 10

// rehearsed is a message that leads to rows in every table that messages are written to. It is to a user of its own, so
// that it waits for nobody and nobody waits for it, and needs new pages of the disk, which small rows may do without for long.
func rehearsed(at time.Time) store.AcceptRequest {
	id := uuid.Must(uuid.NewV7()).String()
	noise := make([]byte, rehearsedSize)
	_, _ = rand.Read(noise) // Never fails.
	return store.AcceptRequest{
		Message:  message.Message{ID: id, Sender: id, Body: base64.StdEncoding.EncodeToString(noise), CreatedAt: at, PushExpiresAt: at},
		ClientID: id, Recipients: []string{id}, IdempotentUntil: at,
		Deliveries: []store.NewDelivery{{Channel: id, Targets: []store.NewTarget{{Device: 1, UserID: id}}, DueAt: at}},
		Suppressed: []store.Suppression{{UserID: id}},
	}
}

// vanish is run that rolls everything back.
func (t *tx) vanish(ctx context.Context, b *batch) error {
	b.Queue("rollback").Exec(func(pgconn.CommandTag) error {
		t.ended = true
		return nil
	})
	return t.run(ctx, b)
}
