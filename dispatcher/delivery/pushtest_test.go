package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func (m *memory) NotePushTestAnswer(_ context.Context, _ string, device int64, a store.PushTestAnswer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.noted == nil {
		m.noted = map[int64][]store.PushTestAnswer{}
	}
	m.noted[device] = append(m.noted[device], a)
	return m.noting
}

// TestAnswersToPushTestsAreNoted at every try, to no other message, and at no cost of the push itself.
func TestAnswersToPushTestsAreNoted(t *testing.T) {
	t.Parallel()
	noted := []store.PushTestAnswer{{Class: message.Transient, Code: "code"}, {Class: message.Accepted, Code: "code"}}
	for name, tt := range map[string]struct {
		sender string
		noting error
		want   []store.PushTestAnswer
	}{
		"a push test":           {sender: message.PushTestSender, want: noted},
		"a store in trouble":    {sender: message.PushTestSender, noting: errors.New("full"), want: noted},
		"any other message":     {sender: "alice"},
		"a message of a system": {sender: message.ReservedSenders},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(1)
				m.sender, m.noting = tt.sender, tt.noting
				b := newBench(t, m, &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.Transient, message.Accepted)}})
				defer b.drain()
				b.submit([]message.Delivery{m.add(1, 1)})
				elapse(time.Minute)
				synctest.Wait()
				if m.result(1).State != message.Handed {
					t.Errorf("got %+v", m.result(1))
				}
				if diff := cmp.Diff(tt.want, m.noted[1], cmpopts.IgnoreFields(store.PushTestAnswer{}, "At")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}
