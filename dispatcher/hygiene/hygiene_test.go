package hygiene

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
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/store"
)

// world is a store and the traffic over it.
type world struct {
	mu             sync.Mutex
	marks          []store.ChannelDay // of the next Days
	noted          []store.ChannelDay
	quarantined    int64
	letters        []store.LetterCount
	peers          []store.Peer
	list           []string
	asked          int
	dead           []store.DeadTokens
	kept           []bool
	valid, invalid int64
	distrusted     []string
	trouble        error
}

// lock holds the world for a method or a part of a test.
func (w *world) lock() (unlock func()) {
	w.mu.Lock()
	return w.mu.Unlock
}

func (*world) Now() time.Time     { return time.Now() }
func (*world) Incarnation() int64 { return 7 }

func (w *world) Days() []store.ChannelDay {
	defer w.lock()()
	defer func() { w.marks = nil }()
	return w.marks
}

func (w *world) NoteDays(_ context.Context, days []store.ChannelDay) error {
	defer w.lock()()
	if w.trouble == nil {
		w.noted = append(w.noted, days...)
	}
	return w.trouble
}

func (w *world) DropQuarantined(_ context.Context, _ time.Time, limit int) (int64, error) {
	defer w.lock()()
	n := min(w.quarantined, int64(limit))
	w.quarantined -= n
	return n, w.trouble
}

func (w *world) CountLetters(context.Context, store.LetterFilter) ([]store.LetterCount, error) {
	defer w.lock()()
	return w.letters, w.trouble
}

func (w *world) Peers(context.Context) ([]store.Peer, error) {
	defer w.lock()()
	return w.peers, w.trouble
}

func (w *world) DeadTokens(ctx context.Context, take func(ctx context.Context, channel string, tokens []string)) {
	w.asked++
	if len(w.list) > 0 {
		take(ctx, "xiaomi", w.list)
	}
}

func (w *world) Distrust(channel, _ string) { w.distrusted = append(w.distrusted, channel) }

func (w *world) NoteDead(_ context.Context, d store.DeadTokens, keep bool) (int64, error) {
	w.dead, w.kept = append(w.dead, d), append(w.kept, keep)
	return int64(len(d.Tokens)), w.trouble
}

func (w *world) TokenHealth(context.Context, string, time.Time, time.Time) (valid, invalid int64, err error) {
	return w.valid, w.invalid, w.trouble
}

func keeper(t *testing.T, w *world, live *config.Live) (*Keeper, *metrics.Metrics) {
	t.Helper()
	m := metrics.New(prometheus.NewRegistry())
	return New(Deps{Live: live, Store: w, Engine: w, Metrics: m, Log: slog.New(slog.DiscardHandler)}), m
}

func TestMarksAreNotedOnceAndNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mark := func(channel string) store.ChannelDay {
			return store.ChannelDay{Channel: channel, At: time.Now(), Ill: true}
		}
		w := &world{marks: []store.ChannelDay{mark("a")}, trouble: errors.New("trouble"), peers: []store.Peer{{Incarnation: 1}}}
		k, _ := keeper(t, w, nil)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan struct{})
		first := w.marks[0]
		go func() {
			defer close(done)
			k.Run(ctx)
		}()
		<-time.After(every + time.Second)
		synctest.Wait()
		unlock := w.lock()
		if w.noted != nil {
			t.Errorf("a store in trouble took %v", w.noted)
		}
		w.trouble = nil
		unlock()
		<-time.After(every)
		synctest.Wait()
		unlock = w.lock()
		if diff := cmp.Diff([]store.ChannelDay{first}, w.noted); diff != "" {
			t.Errorf("after the trouble (-want +got):\n%s", diff)
		}
		last := mark("b")
		w.marks = []store.ChannelDay{last}
		unlock()
		stop()
		<-done
		if diff := cmp.Diff([]store.ChannelDay{first, last}, w.noted); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

func TestTokensAndLettersAreCounted(t *testing.T) {
	t.Parallel()
	w := &world{
		quarantined: 2500, peers: []store.Peer{{Incarnation: 1}},
		letters: []store.LetterCount{
			{Channel: "a", State: message.Failed, Reason: "Rejected", N: 3}, {Channel: "a", State: message.Expired, Reason: "Rejected", N: 2},
		},
	}
	k, m := keeper(t, w, nil)
	k.work(t.Context())
	if n := testutil.ToFloat64(m.Dropped); n != 2500 || w.quarantined != 0 {
		t.Errorf("dropped %v, %d are left", n, w.quarantined)
	}
	if n := testutil.ToFloat64(m.Letters.WithLabelValues("a", "Rejected")); n != 5 {
		t.Errorf("%v letters", n)
	}
	w.letters = nil
	k.work(t.Context())
	if n := testutil.CollectAndCount(m.Letters); n != 0 {
		t.Errorf("%d series of letters that are gone", n)
	}
}

func TestOneProcessAsksOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{peers: []store.Peer{{Incarnation: 6}, {Incarnation: 9}}}
		k, _ := keeper(t, w, nil)
		work := func(after time.Duration, want int) {
			t.Helper()
			<-time.After(after)
			if k.work(t.Context()); w.asked != want {
				t.Errorf("asked %d times, want %d", w.asked, want)
			}
		}
		work(0, 0)
		w.peers = w.peers[1:]
		work(time.Minute, 1)
		work(time.Minute, 1)
		w.trouble = errors.New("trouble")
		work(time.Hour, 1)
		w.trouble = nil
		work(0, 2)
	})
}

func TestListOfDeadTokens(t *testing.T) {
	t.Parallel()
	live := planetest.New(t).Live
	var long []string
	for range noteStep + 1 {
		long = append(long, "t")
	}
	for name, tt := range map[string]struct {
		list           []string
		valid, invalid int64
		kept           []bool
		distrusted     []string
		counted        float64
	}{
		"nothing":          {},
		"a few":            {list: []string{"t", "u"}, valid: 100, invalid: 2, kept: []bool{true, false}, counted: 2},
		"the fuse blows":   {list: []string{"t", "u"}, valid: 70, invalid: 30, kept: []bool{true}, distrusted: []string{"xiaomi"}},
		"more than a step": {list: long, valid: 100_000, kept: []bool{true, true, false, false}, counted: noteStep + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{list: tt.list, valid: tt.valid, invalid: tt.invalid}
			k, m := keeper(t, w, live)
			before := time.Now()
			k.work(t.Context())
			if !slices.Equal(w.kept, tt.kept) || !slices.Equal(w.distrusted, tt.distrusted) {
				t.Errorf("noted %v, distrusted %v, want %v and %v", w.kept, w.distrusted, tt.kept, tt.distrusted)
			}
			for _, d := range w.dead {
				if d.Channel != "xiaomi" || d.Selector != (message.Selector{Vendor: "Xiaomi", AppType: 1}) || d.Before.Before(before) || d.Before.After(time.Now()) {
					t.Errorf("noted %+v", d)
				}
			}
			if n := testutil.ToFloat64(m.Feedback.WithLabelValues("xiaomi", "Xiaomi")); n != tt.counted {
				t.Errorf("counted %v, want %v", n, tt.counted)
			}
		})
	}
}
