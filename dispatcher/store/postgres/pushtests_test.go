package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// TestStatementsOfAPushTest keeps what a push test costs when it starts and each time that it is looked at.
func TestStatementsOfAPushTest(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	d := boundDevice(t, s, "anna")
	now := s.Now()
	test := store.PushTest{
		UID:     "uid",
		Message: message.Message{ID: uuid.Must(uuid.NewV7()).String(), CreatedAt: now, PushExpiresAt: now.Add(time.Minute)},
		Devices: []store.TestedDevice{{Device: d.Key, Epoch: d.Epoch, PushID: d.PushID}},
	}
	for _, tt := range []struct {
		name string
		do   func() error
		want cost
	}{
		{"starting", func() error { _, err := s.StartPushTest(t.Context(), test, time.Hour); return err }, cost{4, 3}},
		{"starting again", func() error { _, err := s.StartPushTest(t.Context(), test, time.Hour); return err }, cost{3, 3}},
		{"noting an answer", func() error {
			return s.NotePushTestAnswer(t.Context(), test.Message.ID, d.Key, store.PushTestAnswer{Class: message.Accepted})
		}, cost{1, 1}},
		{"looking", func() error { _, err := s.PushTest(t.Context(), test.UID); return err }, cost{2, 2}},
	} {
		if got := seen.cost(func() {
			if err := tt.do(); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
