package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// shown is the state of the one row.
func (b *bench) shown() report.Channel {
	b.t.Helper()
	rows, err := b.engine.Channels(b.t.Context())
	if err != nil || len(rows) != 1 {
		b.t.Fatal(rows, err)
	}
	return rows[0]
}

func TestTrafficMarksTheDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		v := &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.CredentialRejected, message.Accepted)}}
		b := newBench(t, m, v)
		defer b.drain()
		synctest.Wait()
		if days := b.engine.Days(); days != nil {
			t.Errorf("without traffic: %v", days)
		}
		start := m.Now()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		if diff := cmp.Diff([]store.ChannelDay{{Channel: "row", At: start, Ill: true}}, b.engine.Days()); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
		elapse(2 * time.Minute)
		synctest.Wait()
		days := b.engine.Days()
		if len(days) != 1 || !days[0].Accepted || days[0].Ill || !days[0].At.After(start) {
			t.Errorf("accepted then: %v", days)
		}
		if days := b.engine.Days(); days != nil {
			t.Errorf("taken twice: %v", days)
		}
	})
}

func TestReportsOfDeadTokensShowInTheState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		at := m.Now()
		b.engine.Distrust("row", "16")
		if got := b.shown(); got.State != report.MassInvalidation || got.Code != "16" || !got.Since.Equal(at) || got.Message == "" {
			t.Errorf("%+v", got)
		}
		if days := b.engine.Days(); len(days) != 2 || !days[1].Ill {
			t.Errorf("the day: %v", days)
		}
		b.submit([]message.Delivery{m.add(2, 2)})
		synctest.Wait()
		if m.result(2).State != message.Handed || b.shown().State != report.MassInvalidation {
			t.Errorf("a push meanwhile: %+v, and the row is %s", m.result(2), b.shown().State)
		}
		elapse(time.Hour)
		if got := b.shown(); got.State != report.Delivering {
			t.Errorf("an hour later: %+v", got)
		}
		b.engine.Distrust("row", "16")
		document(t, b.path, "second")
		if err := b.live.Reload(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := b.shown(); got.State != report.NoTraffic {
			t.Errorf("with another credential: %+v", got)
		}
	})
}

// lister is a vendor with a list of dead tokens.
type lister struct {
	*vendor
	asked   int
	outcome message.Outcome
}

func (l *lister) DeadTokens(ctx context.Context) ([]string, message.Outcome) {
	if _, bounded := ctx.Deadline(); !bounded {
		return nil, message.Outcome{Class: message.Unknown}
	}
	l.asked++
	return []string{"b", "z"}, l.outcome
}

func TestListsOfDeadTokensAreAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		v := &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.CredentialRejected)}}
		b := newBench(t, m, v)
		defer b.drain()
		synctest.Wait()
		ask := func() (got []string) {
			b.engine.DeadTokens(t.Context(), func(_ context.Context, channel string, tokens []string) {
				got = append(append(got, channel), tokens...)
			})
			return got
		}
		if got := ask(); got != nil {
			t.Errorf("a vendor without a list gave %v", got)
		}
		l := &lister{vendor: v, outcome: message.Outcome{Class: message.Accepted}}
		lane := b.engine.laneOf("row")
		lane.mu.Lock()
		lane.sender.provider = provider.Provider(l)
		lane.mu.Unlock()
		if diff := cmp.Diff([]string{"row", "b", "z"}, ask()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		l.outcome = message.Outcome{Class: message.Throttled}
		if got := ask(); got != nil || l.asked != 2 {
			t.Errorf("a refusal gave %v after %d requests", got, l.asked)
		}
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		if got := ask(); got != nil || l.asked != 2 {
			t.Errorf("a row whose credential is refused was asked: %v, %d requests", got, l.asked)
		}
	})
}

// A letter that is sent again lives anew, however old its message is.
func TestPushLivesAsLongAsItsDelivery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		d := m.add(1, 1) // for a day, of a message for an hour
		b.submit([]message.Delivery{d})
		synctest.Wait()
		if got := b.vendor.shown[0].TTL; got != 24*time.Hour {
			t.Errorf("the vendor keeps it for %s", got)
		}
	})
}
