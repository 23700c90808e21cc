package call

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// world keeps calls in memory, and what was told of them.
type world struct {
	mu    sync.Mutex
	calls map[string]message.Call
	told  []accept.Request
	// failing is the trouble of the store, looks counts the readings of deadlines.
	failing error
	looks   int
}

func (w *world) Call(_ context.Context, id string) (message.Call, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.calls[id]
	if !ok {
		return c, store.ErrNotFound
	}
	return c.Clone(), w.failing
}

func (w *world) DueCalls(_ context.Context, until time.Time, limit int) (due []store.DueCall, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	for id, c := range w.calls {
		if at := c.Deadline(); !at.IsZero() && !at.After(until) {
			due = append(due, store.DueCall{ID: id, At: at})
		}
	}
	slices.SortFunc(due, func(a, b store.DueCall) int { return a.At.Compare(b.At) })
	return due[:min(len(due), limit)], w.failing
}

func (*world) Message(context.Context, string) (message.Message, error) {
	return message.Message{}, store.ErrNotFound
}

func (*world) Now() time.Time { return time.Now() }

func (w *world) Accept(_ context.Context, reqs []accept.Request) []accept.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]accept.Result, len(reqs))
	for i, r := range reqs {
		c := *r.Also.Call
		if w.calls[c.ID].Version != c.Version-1 {
			out[i].Err = store.ErrStale
			continue
		}
		w.calls[c.ID] = c
		w.told = append(w.told, r)
	}
	return out
}

// CheckPush knows of no profile.
func (*world) CheckPush(p *message.PushConfig) error {
	if p.ResourcesID != "" {
		return &message.FieldError{Field: "push.resourcesID", Problem: "is no push profile of the app"}
	}
	return nil
}

func (w *world) state(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.calls[id].State) + string(w.calls[id].Reason)
}

func (w *world) actions() (out []message.CallAction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.told {
		out = append(out, r.Detail.Call.Action)
	}
	return out
}

func (w *world) set(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing = err
}

// process is a Service over the world, whose timers run until the end.
func (w *world) process(t *testing.T) (s *Service, end func()) {
	t.Helper()
	s = New(Deps{Store: w, Acceptor: w, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	return s, func() {
		cancel()
		running.Wait()
	}
}

func begin(t *testing.T, s *Service, id string, ring time.Duration) {
	t.Helper()
	if _, _, err := s.Begin(t.Context(), Beginning{ClientID: id, CallID: id, From: "anna", To: []string{"bert"}, Ring: ring}); err != nil {
		t.Fatal(err)
	}
}

// elapse lets time pass, and everybody come to rest.
func elapse(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

func TestRingsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		s, end := w.process(t)
		defer end()
		elapse(7 * time.Second) // between two looks
		begin(t, s, "long", 90*time.Second)
		begin(t, s, "short", time.Second)
		elapse(999 * time.Millisecond)
		if got := w.state("short"); got != "Ringing" {
			t.Errorf("before its time: %s", got)
		}
		elapse(time.Millisecond)
		if got := w.state("short"); got != "EndedTimedOut" {
			t.Errorf("at its time: %s", got)
		}
		elapse(89*time.Second - time.Millisecond)
		if got := w.state("long"); got != "Ringing" {
			t.Errorf("before its time: %s", got)
		}
		elapse(time.Millisecond)
		if got := w.state("long"); got != "EndedTimedOut" {
			t.Errorf("at its time: %s", got)
		}
		if looks := w.looks; looks > 30 {
			t.Errorf("the deadlines were read %d times in 97 s", looks)
		}
	})
}

// TestRingsOutTwice: an invitation ends by itself soon after another one of the same call.
func TestRingsOutTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		s, end := w.process(t)
		defer end()
		begin(t, s, "c", time.Second)
		if _, err := s.Do(t.Context(), "c", Event{Action: message.CallInvite, By: "anna", To: []string{"carl"}, Ring: 3 * time.Second}); err != nil {
			t.Fatal(err)
		}
		elapse(time.Second)
		if got := w.state("c"); got != "Ringing" {
			t.Errorf("for the second one: %s", got)
		}
		elapse(2 * time.Second)
		if got := w.state("c"); got != "EndedTimedOut" {
			t.Errorf("at its time: %s", got)
		}
	})
}

func TestGoesOnForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		s, end := w.process(t)
		defer end()
		begin(t, s, "c", 0)
		if _, err := s.Do(t.Context(), "c", Event{Action: message.CallAccept, By: "bert"}); err != nil {
			t.Fatal(err)
		}
		elapse(message.MaxCall - time.Millisecond)
		if got := w.state("c"); got != "Ongoing" {
			t.Error(got)
		}
		elapse(time.Millisecond)
		if got := w.state("c"); got != "EndedExpired" {
			t.Error(got)
		}
	})
}

// TestFiresLateButOnce: the process that began a call is gone; of those that start later one fires.
func TestFiresLateButOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		first, end := w.process(t)
		begin(t, first, "c", time.Minute)
		end()
		elapse(time.Hour)
		if got := w.state("c"); got != "Ringing" {
			t.Errorf("nobody is there: %s", got)
		}
		for range 3 {
			_, end := w.process(t)
			defer end()
		}
		elapse(lookEvery)
		want := []message.CallAction{message.CallInvite, message.CallTimeout}
		if diff := cmp.Diff(want, w.actions()); diff != "" || w.state("c") != "EndedTimedOut" {
			t.Error(w.state("c"), diff)
		}
	})
}

// TestAnotherProcessFires: a deadline that another process stored and does not live to fire is found by looking.
func TestAnotherProcessFires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		_, end := w.process(t)
		defer end()
		dies, endIt := w.process(t)
		elapse(time.Second)
		begin(t, dies, "c", time.Second)
		endIt()
		elapse(time.Second + lookEvery)
		if got := w.state("c"); got != "EndedTimedOut" {
			t.Error(got)
		}
	})
}

func TestTroubleOfTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		s, end := w.process(t)
		defer end()
		begin(t, s, "c", time.Second)
		w.set(errors.New("disk is full"))
		elapse(time.Minute)
		if w.looks > 70 {
			t.Errorf("the deadlines were read %d times in a minute of trouble", w.looks)
		}
		w.set(nil)
		elapse(pause)
		if got := w.state("c"); got != "EndedTimedOut" {
			t.Error(got)
		}
	})
}

// TestTellsTheRest: what one step has to tell is told by the same request, and after a crash by whoever looks.
func TestTellsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{calls: map[string]message.Call{}}
		elapse(time.Until(start))
		c := calling(t, "bert", "carl").call
		c, _, err := Step(c, Event{Action: message.CallInvite, By: "anna", To: []string{"dora"}, MessageID: "m2", Ring: ring, Push: &message.PushConfig{Title: "t"}}, start)
		if err != nil {
			t.Fatal(err)
		}
		ended, _, err := Step(c, Event{Action: message.CallEnd, By: "anna"}, start)
		if err != nil || len(ended.Outbox) != 1 {
			t.Fatal(ended.Outbox, err)
		}
		w.calls["c"] = ended // the process that told the first half is gone
		_, end := w.process(t)
		defer end()
		elapse(lookEvery)
		if len(w.told) != 1 || !slices.Equal(w.told[0].To, []string{"dora"}) || w.told[0].Detail.Replaces != "m2" {
			t.Errorf("told %+v", w.told)
		}
	})
}

// TestBusy: a step gives up when others come before it every time.
func TestBusy(t *testing.T) {
	t.Parallel()
	w := &world{calls: map[string]message.Call{"c": calling(t, "bert").call}}
	s := New(Deps{Store: w, Acceptor: &overtaken{}, Log: slog.New(slog.DiscardHandler)})
	_, err := s.Do(t.Context(), "c", Event{Action: message.CallReject, By: "bert"})
	if !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// overtaken refuses every step as stale.
type overtaken struct{ world }

func (*overtaken) Accept(context.Context, []accept.Request) []accept.Result {
	return []accept.Result{{Err: store.ErrStale}}
}
