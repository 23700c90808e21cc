package call_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

var shown = &message.PushConfig{Title: "Anna", Content: "calls", Payload: "p", ResourcesID: "im", VoIP: &message.VoIP{HandleType: "Generic", HandleValue: "Anna"}}

func beginning(to ...string) call.Beginning {
	return call.Beginning{ClientID: "c-1", From: "anna", To: to, Body: "body", Push: shown}
}

func begin(t *testing.T, bed *planetest.Bed, b call.Beginning) message.Call {
	t.Helper()
	c, duplicate, err := bed.Calls.Begin(t.Context(), b)
	if err != nil || duplicate {
		t.Fatal(duplicate, err)
	}
	return c
}

func do(t *testing.T, bed *planetest.Bed, id string, e call.Event) message.Call {
	t.Helper()
	c, err := bed.Calls.Do(t.Context(), id, e)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inbox is what the user was told, newest last.
func inbox(t *testing.T, bed *planetest.Bed, userID string) (out []message.Message) {
	t.Helper()
	entries, _, err := bed.Store.Inbox(t.Context(), userID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Message)
	}
	return out
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, annas := bed.Phone(t, "Xiaomi", "anna")
	_, berts := bed.Phone(t, "FCM", "bert")
	b := beginning("bert", "carl")
	b.Ring = time.Minute
	c := begin(t, bed, b)
	for _, userID := range []string{"anna", "bert", "carl"} {
		told := inbox(t, bed, userID)
		if len(told) != 1 {
			t.Fatalf("%s was told %d times", userID, len(told))
		}
		m := told[0]
		want := &message.CallEvent{
			CallID: c.ID, Action: message.CallInvite, State: message.CallRinging, Caller: "anna", UserID: "anna", Members: []string{"bert", "carl"},
			ExpiresAt: c.CreatedAt.Add(time.Minute).UnixMilli(),
		}
		if diff := cmp.Diff(want, m.Detail.Call); diff != "" {
			t.Errorf("%s (-want +got):\n%s", userID, diff)
		}
		if m.Kind != message.KindCall || m.Sender != "anna" || m.Body != "body" || !m.PushExpiresAt.Equal(c.CreatedAt.Add(time.Minute)) || m.ID != c.Members[1].Invitation {
			t.Errorf("%s: %+v", userID, m)
		}
	}
	rows := bed.Rows.All()
	if len(rows) != 1 || len(rows[0].Targets) != 1 || rows[0].Targets[0].Device != berts.Key {
		t.Errorf("pushed %+v, want bert's phone %d alone, not %d", rows, berts.Key, annas.Key)
	}
	kept, err := bed.Calls.Call(t.Context(), c.ID)
	if diff := cmp.Diff(c, kept); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestBeginAgain: the same request gives the call as it is then, another one under the same ids is refused.
func TestBeginAgain(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c := begin(t, bed, beginning("bert"))
	do(t, bed, c.ID, call.Event{Action: message.CallAccept, By: "bert"})
	again, duplicate, err := bed.Calls.Begin(t.Context(), beginning("bert"))
	if err != nil || !duplicate || again.ID != c.ID || again.State != message.CallOngoing {
		t.Errorf("again: %+v, %v, %v", again, duplicate, err)
	}
	other := beginning("carl")
	if _, _, err := bed.Calls.Begin(t.Context(), other); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another request under the same client id: %v", err)
	}
	other.ClientID, other.CallID = "c-2", c.ID
	if _, _, err := bed.Calls.Begin(t.Context(), other); !errors.Is(err, call.ErrExists) {
		t.Errorf("another call under the same id: %v", err)
	}
	if n := len(inbox(t, bed, "carl")); n != 0 {
		t.Errorf("carl was told %d times", n)
	}
}

func TestRefusesWhatBreaksARule(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	for field, change := range map[string]func(*call.Beginning){
		"clientID":         func(b *call.Beginning) { b.ClientID = "" },
		"callID":           func(b *call.Beginning) { b.CallID = "a\nb" },
		"from":             func(b *call.Beginning) { b.From = "" },
		"to":               func(b *call.Beginning) { b.To = nil },
		"to[1]":            func(b *call.Beginning) { b.To = []string{"bert", "bert"} },
		"to[0]":            func(b *call.Beginning) { b.To = []string{"anna"} },
		"timeoutSeconds":   func(b *call.Beginning) { b.Ring = 601 * time.Second },
		"body":             func(b *call.Beginning) { b.Body = "\x00" },
		"push.resourcesID": func(b *call.Beginning) { b.Push = &message.PushConfig{Title: "t", ResourcesID: "ads"} },
	} {
		b := beginning("bert")
		change(&b)
		_, _, err := bed.Calls.Begin(t.Context(), b)
		if e, ok := errors.AsType[*message.FieldError](err); !ok || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	c := begin(t, bed, beginning("bert"))
	for field, e := range map[string]call.Event{
		"to":               {Action: message.CallInvite, By: "anna", To: []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}},
		"to[0]":            {Action: message.CallInvite, By: "anna", To: []string{""}},
		"timeoutSeconds":   {Action: message.CallInvite, By: "anna", To: []string{"carl"}, Ring: time.Millisecond},
		"clientID":         {Action: message.CallAccept, By: "bert", Device: "a\nb"},
		"push.resourcesID": {Action: message.CallCancel, By: "anna", Push: &message.PushConfig{Title: "t", ResourcesID: "ads"}},
	} {
		_, err := bed.Calls.Do(t.Context(), c.ID, e)
		if e, ok := errors.AsType[*message.FieldError](err); !ok || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if _, err := bed.Calls.Do(t.Context(), "nobody's", call.Event{Action: message.CallEnd, By: "anna"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a call that never was: %v", err)
	}
}

// TestCancel tells all who are concerned, and pushes in the place of the invitation.
func TestCancel(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	_, berts := bed.Phone(t, "FCM", "bert")
	bed.Phone(t, "FCM", "carl")
	c := begin(t, bed, beginning("bert", "carl"))
	invitation := c.Members[1].Invitation
	before := len(bed.Rows.All())
	c = do(t, bed, c.ID, call.Event{Action: message.CallCancel, By: "anna", To: []string{"bert"}, Push: &message.PushConfig{Payload: "cancel"}})
	if c.State != message.CallRinging || len(c.Outbox) != 0 {
		t.Errorf("%+v", c)
	}
	for _, userID := range []string{"anna", "bert", "carl"} {
		told := inbox(t, bed, userID)
		m := told[len(told)-1]
		if len(told) != 2 || m.Detail.Call.Action != message.CallCancel || m.Detail.Replaces != invitation {
			t.Errorf("%s: %+v", userID, m)
		}
		want := &message.PushConfig{Title: "Anna", Content: "calls", Payload: "cancel", ResourcesID: "im"}
		if diff := cmp.Diff(want, m.Push); diff != "" {
			t.Errorf("%s (-want +got):\n%s", userID, diff)
		}
	}
	rows := bed.Rows.All()[before:]
	if len(rows) != 1 || len(rows[0].Targets) != 1 || rows[0].Targets[0].Device != berts.Key {
		t.Errorf("pushed %+v, want bert's phone alone: carl's rings on", rows)
	}
}

// TestCancelOfAGoneProfile: what the configuration lost since the invitation does not hold back its end.
func TestCancelOfAGoneProfile(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bert")
	c := begin(t, bed, beginning("bert"))
	bed.Configure(t, func(d *config.Document) { d.Profiles = nil })
	do(t, bed, c.ID, call.Event{Action: message.CallCancel, By: "anna"})
	told := inbox(t, bed, "bert")
	if p := told[1].Push; p == nil || p.ResourcesID != "" || p.Title != "Anna" {
		t.Errorf("%+v", told[1])
	}
}

// TestBacklogFull: an invitation is refused, the end of a call is not.
func TestBacklogFull(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bert")
	c := begin(t, bed, beginning("bert"))
	bed.Configure(t, func(d *config.Document) { d.Routing.MaxBacklog = 1 })
	other := beginning("bert")
	other.ClientID = "c-2"
	if _, _, err := bed.Calls.Begin(t.Context(), other); !errors.Is(err, store.ErrBacklogFull) {
		t.Errorf("an invitation: %v", err)
	}
	if c = do(t, bed, c.ID, call.Event{Action: message.CallCancel, By: "anna"}); c.State != message.CallEnded {
		t.Errorf("%+v", c)
	}
	if told := inbox(t, bed, "bert"); len(told) != 2 || told[1].Push != nil {
		t.Errorf("%+v", told)
	}
}

// TestCallsHaveAReserve: where messages are refused, some calls are taken still.
func TestCallsHaveAReserve(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	bed.Phone(t, "FCM", "bert")
	const most, reserve = 40, 2
	bed.Configure(t, func(d *config.Document) { d.Routing.MaxBacklog = most })
	send := func(i int) error {
		r := accept.Request{ClientID: fmt.Sprint("m-", i), From: "anna", To: []string{"bert"}, Push: &message.PushConfig{Title: "t"}}
		return bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err
	}
	for i := range most {
		if err := send(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := send(most); !errors.Is(err, store.ErrBacklogFull) {
		t.Errorf("a message: %v", err)
	}
	for i := range reserve + 1 {
		c := beginning("bert")
		c.ClientID = fmt.Sprint("c-", i)
		_, _, err := bed.Calls.Begin(t.Context(), c)
		if want := i == reserve; errors.Is(err, store.ErrBacklogFull) != want || !want && err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

// TestEndOfSeveralInvitations tells everybody once, each in the place of the own invitation.
func TestEndOfSeveralInvitations(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	users := []string{"bert", "carl", "dora"}
	for _, u := range users {
		bed.Phone(t, "FCM", u)
	}
	c := begin(t, bed, beginning("bert"))
	for _, u := range users[1:] {
		c = do(t, bed, c.ID, call.Event{Action: message.CallInvite, By: "anna", To: []string{u}, Push: shown})
	}
	c = do(t, bed, c.ID, call.Event{Action: message.CallEnd, By: "anna"})
	if len(c.Outbox) != 2 {
		t.Errorf("the step left %d to tell", len(c.Outbox))
	}
	if c, err := bed.Calls.Call(t.Context(), c.ID); err != nil || len(c.Outbox) != 0 || c.State != message.CallEnded {
		t.Errorf("behind the request: %+v, %v", c, err)
	}
	for i, u := range users {
		told := inbox(t, bed, u)
		if last := told[len(told)-1]; last.Detail.Call.Action != message.CallEnd || last.Detail.Replaces != c.Members[i+1].Invitation {
			t.Errorf("%s: %+v", u, last.Detail)
		}
		if n := len(told) - (len(users) - i); n != 1 {
			t.Errorf("%s was told %d times of the end", u, n)
		}
	}
}

// TestAcceptAgainstCancel: of two who are as fast as each other one is told so, and both see the same call.
func TestAcceptAgainstCancel(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	won := map[message.CallState]int{}
	for i := range 30 {
		b := beginning("bert")
		b.ClientID = fmt.Sprint("c-", i)
		c := begin(t, bed, b)
		var accepted, cancelled error
		var wg sync.WaitGroup
		wg.Go(func() {
			_, accepted = bed.Calls.Do(t.Context(), c.ID, call.Event{Action: message.CallAccept, By: "bert"})
		})
		wg.Go(func() {
			_, cancelled = bed.Calls.Do(t.Context(), c.ID, call.Event{Action: message.CallCancel, By: "anna"})
		})
		wg.Wait()
		c, err := bed.Calls.Call(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		won[c.State]++
		switch {
		case c.State == message.CallOngoing && accepted == nil && errors.Is(cancelled, call.ErrAnswered):
		case c.State == message.CallEnded && cancelled == nil && errors.Is(accepted, call.ErrOver):
		default:
			t.Errorf("accept: %v, cancel: %v, call %+v", accepted, cancelled, c)
		}
		if told := inbox(t, bed, "bert"); len(told) != 2*(i+1) {
			t.Fatalf("bert was told %d times of %d calls", len(told), i+1)
		}
	}
	t.Log(won)
}

// TestAllAtOnce: many steps of one call are all made.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	users := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}
	c := begin(t, bed, beginning(users...))
	var wg sync.WaitGroup
	for _, u := range users {
		wg.Go(func() {
			for range 2 { // the second one changes nothing
				if _, err := bed.Calls.Do(t.Context(), c.ID, call.Event{Action: message.CallAccept, By: u, Device: "of " + u}); err != nil {
					t.Errorf("%s: %v", u, err)
				}
			}
		})
	}
	wg.Wait()
	c, err := bed.Calls.Call(t.Context(), c.ID)
	if err != nil || c.Version != 10 {
		t.Errorf("%+v, %v", c, err)
	}
	if n := len(inbox(t, bed, "anna")); n != 10 {
		t.Errorf("anna was told %d times", n)
	}
}
