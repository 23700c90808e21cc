package delivery

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
)

// ringing lets a call ring for the users for a minute, by every message.
func ringing(m *memory, users ...string) {
	m.call = message.Call{ID: "c", Members: []message.CallMember{{UserID: "caller", State: message.MemberAccepted}}}
	for _, u := range users {
		m.call.Members = append(m.call.Members, message.CallMember{
			UserID: u, State: message.MemberInvited, Invitation: "m", RingsUntil: time.Now().Add(time.Minute),
		})
	}
}

// inviting makes every message an invitation to that call.
func inviting(m *memory) {
	m.detail = message.Detail{Call: &message.CallEvent{CallID: "c", Action: message.CallInvite}}
}

// TestOnlyWhomItRingsForIsCalled: of two users one has answered meanwhile.
func TestOnlyWhomItRingsForIsCalled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		other := m.devices[2]
		other.UserID = "other"
		m.devices[2] = other
		ringing(m, "u", "other")
		m.call.Members[2].State = message.MemberAccepted
		inviting(m)
		v := &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1, 2)})
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b"}}, v.sent()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if got := m.result(2); got.State != message.Cancelled || got.Reason != message.ReasonCallOver {
			t.Errorf("who has answered: %+v", got)
		}
	})
}

func TestACallThatIsOverIsNotPushed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*memory){
		"cancelled":     func(m *memory) { m.call.Members[1].State = message.MemberCancelled },
		"invited again": func(m *memory) { m.call.Members[1].Invitation = "another" },
		"rung out":      func(m *memory) { m.call.Members[1].RingsUntil = time.Now() },
		"forgotten":     func(m *memory) { m.call = message.Call{} },
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			ringing(m, "u")
			inviting(m)
			end(m)
			v := &vendor{}
			b := newBench(t, m, v)
			defer b.drain()
			b.submit([]message.Delivery{m.add(1, 1)})
			synctest.Wait()
			if got := m.result(1); got.State != message.Cancelled || got.Reason != message.ReasonCallOver || got.InDoubt || len(v.sent()) != 0 {
				t.Errorf("%s: %+v after %d calls", name, got, len(v.sent()))
			}
		})
	}
}

// TestACancelDuringAVendorCall: what was sent is settled, and what had no answer is not repeated but counts as shown.
func TestACancelDuringAVendorCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers []message.Outcome
		state   message.State
		inDoubt bool
	}{
		"accepted":  {outcomes(message.Accepted), message.Handed, false},
		"no answer": {outcomes(message.Transient, message.Accepted), message.Cancelled, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			ringing(m, "u")
			inviting(m)
			v := &vendor{gate: make(chan struct{}), answers: map[string][]message.Outcome{"b": tt.answers}}
			b := newBench(t, m, v)
			defer b.drain()
			b.submit([]message.Delivery{m.add(1, 1)})
			synctest.Wait()
			m.set(func(m *memory) { m.call.Members[1].State = message.MemberCancelled })
			close(v.gate)
			elapse(30 * time.Second)
			synctest.Wait()
			if got := m.result(1); got.State != tt.state || got.InDoubt != tt.inDoubt || len(v.sent()) != 1 {
				t.Errorf("%s: %+v after %d calls", name, got, len(v.sent()))
			}
		})
	}
}

func TestACallThatCannotBeReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		ringing(m, "u")
		inviting(m)
		m.calling = errors.New("connection reset")
		v := &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		elapse(storePause / 2)
		if len(v.sent()) != 0 {
			t.Error("it was pushed unread")
		}
		m.set(func(m *memory) { m.calling = nil })
		elapse(2 * storePause)
		synctest.Wait()
		if got := m.result(1); got.State != message.Handed || len(v.sent()) != 1 {
			t.Errorf("%+v after %d calls", got, len(v.sent()))
		}
	})
}
