package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// A phone whose turn comes soon does not wait for one that has to wait for long.
func TestARetryWaitsForItsOwnTimeOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3)
		slow := []message.Outcome{{Class: message.Unknown, PhoneOnly: true, RetryAfter: time.Hour}, {Class: message.Accepted}}
		v := &vendor{answers: map[string][]message.Outcome{"c": slow, "d": outcomes(message.Transient, message.Accepted)}}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1, 2, 3)})
		elapse(time.Minute)
		synctest.Wait()
		if m.result(3).State != message.Handed || m.result(2).State != "" {
			t.Errorf("after a minute: %+v and %+v", m.result(3), m.result(2))
		}
		m.set(func(m *memory) {
			for _, rest := range m.rows {
				if len(m.rows) != 1 || rest.Attempt != 1 || len(rest.Targets) != 1 || rest.Targets[0].Device != 2 {
					t.Errorf("left %+v", m.rows)
				}
			}
		})
		elapse(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b", "c"}, {"d"}, {"d"}, {"c"}}, v.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// What fails together is tried again together.
func TestAFailedCallIsRetriedAsOneRow(t *testing.T) {
	t.Parallel()
	next := trial{calls: 12, backoff: backoff(12)}
	var r retries
	now := time.Unix(0, 0)
	for i := range int64(100) {
		r.add([]message.Target{{Device: i}}, now.Add(next.judge(message.Outcome{Class: message.Transient}).wait), message.Outcome{Class: message.Transient})
	}
	if rows := r.rows(message.Delivery{Attempt: 3, ExpiresAt: now.Add(time.Hour)}); len(rows) != 1 || len(rows[0].Targets) != 100 || rows[0].Attempt != 4 {
		t.Errorf("got %+v", rows)
	}
}

func TestRetriesLoseNobodyAndHurryNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1000, 0)
		d := message.Delivery{Attempt: rapid.IntRange(0, 3).Draw(t, "attempt"), ExpiresAt: now.Add(time.Hour)}
		due, tried := map[int64]time.Time{}, map[int64]bool{}
		var r retries
		for i := range rapid.IntRange(0, 40).Draw(t, "adds") {
			var targets []message.Target
			at := now.Add(time.Duration(rapid.IntRange(0, 4_000_000).Draw(t, "wait")) * time.Millisecond)
			class := rapid.SampledFrom([]message.Class{"", message.Transient, message.Throttled}).Draw(t, "class")
			for j := range rapid.IntRange(1, 3).Draw(t, "targets") {
				device := int64(i*10 + j)
				targets = append(targets, message.Target{Device: device})
				due[device], tried[device] = earlier(at, d.ExpiresAt), class == message.Transient
			}
			r.add(targets, at, message.Outcome{Class: class})
		}
		rows := r.rows(d)
		if len(rows) > store.MaxRetries {
			t.Fatalf("%d rows", len(rows))
		}
		for _, row := range rows {
			for _, target := range row.Targets {
				if row.DueAt.Before(due[target.Device]) || row.DueAt.After(d.ExpiresAt) {
					t.Errorf("device %d is due at %v, want %v or later", target.Device, row.DueAt, due[target.Device])
				}
				if want := d.Attempt + 1; tried[target.Device] && row.Attempt != want {
					t.Errorf("device %d has %d tries, want %d", target.Device, row.Attempt, want)
				}
				delete(due, target.Device)
			}
		}
		if len(due) > 0 {
			t.Errorf("lost %v", due)
		}
	})
}
