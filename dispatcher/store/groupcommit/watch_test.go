package groupcommit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// lately is the longest time for which an outcome counts, while somebody asks.
const lately = 20 * time.Second

func TestTroubleIsWhenManyFail(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for name, tt := range map[string]struct {
		good, bad int
		want      bool
	}{
		"nothing":      {0, 0, false},
		"one alone":    {0, 1, true},
		"all":          {0, 100, true},
		"a tenth":      {90, 10, true},
		"fewer":        {91, 9, false},
		"none of many": {100, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var w groupcommit.Watch
			w.Note(tt.good, nil)
			if tt.bad > 0 {
				w.Note(tt.bad, full)
			}
			if err := w.Trouble(); errors.Is(err, full) != tt.want {
				t.Errorf("got %v", err)
			}
			if w.Busy() != (tt.good > 0) {
				t.Errorf("busy: %v", w.Busy())
			}
		})
	}
}

func TestTroubleEndsSoonAfterTheLastFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, later := errors.New("no room for table 1"), errors.New("no room for table 2")
		var w groupcommit.Watch
		for i := range 60 {
			w.Note(1, []error{first, later}[min(i, 1)])
			time.Sleep(time.Second) // virtual
			if err := w.Trouble(); !errors.Is(err, first) {
				t.Fatalf("after %d s it is told as %v, in words that change", i, err)
			}
		}
		time.Sleep(lately) // virtual
		if err := w.Trouble(); err != nil {
			t.Errorf("told %s after the last failure: %v", lately, err)
		}
		w.Note(1, later)
		if err := w.Trouble(); !errors.Is(err, later) {
			t.Errorf("the next trouble is told as %v", err)
		}
		time.Sleep(time.Hour) // virtual
		if w.Trouble() != nil || w.Busy() {
			t.Error("it is remembered for an hour")
		}
	})
}

func TestWhatSaysNothingOfTheStore(t *testing.T) {
	t.Parallel()
	var w groupcommit.Watch
	w.Note(5, groupcommit.Own(errors.New("the body is too long")))
	if err := w.Trouble(); err != nil {
		t.Errorf("a request's own error is told as %v", err)
	}
	w.Note(1, groupcommit.Whole(&groupcommit.PanicError{Value: "ann"}))
	if err := w.Trouble(); err == nil || strings.Contains(err.Error(), "ann") {
		t.Errorf("a panic is told as %v", err)
	}
}

// A group notes what it answers: of a batch with one bad request that one alone.
func TestGroupsAreWatched(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	g := groupcommit.New(func(batch []int) error {
		for _, n := range batch {
			if n == 7 {
				return fmt.Errorf("request %d: %w", n, bad)
			}
		}
		return nil
	})
	t.Cleanup(g.Close)
	g.DoAll(t.Context(), []int{1, 2, 3, 4, 5, 6, 7, 8})
	if err := g.Watch().Trouble(); !errors.Is(err, bad) {
		t.Errorf("one of 8 failed, told as %v", err)
	}
	g.DoAll(t.Context(), []int{1, 2, 3, 4, 5, 6})
	if err := g.Watch().Trouble(); err != nil {
		t.Errorf("one of 14 failed, told as %v", err)
	}
}

func TestRehearsals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r groupcommit.Rehearsal
		var runs int
		var answer error
		run := func() error { return r.Run(func() error { runs++; return answer }) }
		for range 100 {
			if err := run(); err != nil {
				t.Fatal(err)
			}
		}
		if runs != 1 {
			t.Errorf("%d rehearsals at a time", runs)
		}
		answer = errors.New("the disk is full")
		time.Sleep(15 * time.Second) // virtual
		for range 2 {                // so that the end of the trouble is seen at once
			if err := run(); !errors.Is(err, answer) {
				t.Errorf("told as %v", err)
			}
		}
		if runs != 3 {
			t.Errorf("%d rehearsals, want 3", runs)
		}
	})
}
