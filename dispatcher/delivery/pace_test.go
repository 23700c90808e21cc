package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

func TestPaceFollowsTheVendor(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	p := newPace(0)
	const most = 16
	observe := func(o message.Outcome, took time.Duration) int {
		now = now.Add(time.Second)
		p.observe([]message.Outcome{{Class: message.Accepted}, o}, took, most, now)
		return p.places(most)
	}
	good := message.Outcome{Class: message.Accepted}
	for _, tt := range []struct {
		name    string
		outcome message.Outcome
		took    time.Duration
		want    int
	}{
		{"good", good, time.Millisecond, 16},
		{"throttled", message.Outcome{Class: message.Throttled}, 0, 8},
		{"a phone's rate", message.Outcome{Class: message.Throttled, PhoneOnly: true}, 0, 8},
		{"failed", message.Outcome{Class: message.Transient}, 0, 4},
		{"slow", good, slowCall, 4}, // It was open together with the one that failed.
		{"slow again", good, slowCall, 2},
		{"refused", message.Outcome{Class: message.Rejected}, 0, 2},
	} {
		if tt.name == "slow again" {
			now = now.Add(slowCall)
		}
		if got := observe(tt.outcome, tt.took); got != tt.want {
			t.Errorf("%s: %d places, want %d", tt.name, got, tt.want)
		}
	}
	for range 20 {
		observe(message.Outcome{Class: message.Transient}, 0)
	}
	if got := p.places(most); got != 1 {
		t.Errorf("%d places of a row that fails, want one", got)
	}
	calls := 0
	for ; p.places(most) < most; calls++ {
		observe(good, 0)
	}
	if calls < most*(most-1)/2 || calls > most*most {
		t.Errorf("back at %d places after %d calls", most, calls)
	}
}

// Of a vendor that fails every call, the retries are a fifth of all; one that has recovered gets whatever is owed.
func TestRetriesAreAShareOfAllCalls(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	p := newPace(0)
	retry := message.Delivery{Attempt: 1}
	retries, fresh := 0, 0
	for range 1000 {
		now = now.Add(10 * time.Millisecond)
		fresh++
		p.begin(message.Delivery{})
		p.end(message.Delivery{}, true, now)
		for p.mayRetry(now) {
			retries++
			p.begin(retry)
			p.end(retry, true, now)
		}
	}
	if share := float64(retries) / float64(fresh+retries); share < 0.15 || share > 0.25 {
		t.Errorf("%d retries of %d calls", retries, fresh+retries)
	}
	open := 0
	for p.mayRetry(now.Add(time.Hour)) && open < 100 {
		p.begin(retry)
		open++
	}
	if open != freeRetries {
		t.Errorf("%d retries at once of a row without traffic, want %d", open, freeRetries)
	}
	now = now.Add(time.Hour)
	for range open {
		p.end(retry, false, now)
	}
	for i := range 1000 {
		if !p.mayRetry(now) {
			t.Fatalf("a row that has recovered waits after %d retries", i)
		}
		p.begin(retry)
		p.end(retry, false, now)
	}
}

// A vendor fails a fifth of the messages, however often they are repeated. The others are not held up by them, and they
// arrive once it works.
func TestAVendorThatFailsOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bad, good = 40, 160
		var devices []int64
		for d := range int64(bad + good) {
			devices = append(devices, d+1)
		}
		m := newMemory(devices...)
		v := &vendor{answers: map[string][]message.Outcome{}}
		for _, d := range devices[:bad] {
			v.answers[m.devices[d].Token.Value] = outcomes(message.Transient)
		}
		b := newBench(t, m, v)
		defer b.drain()
		for i := range devices {
			d := devices[i/5]
			if i%5 > 0 {
				d = devices[bad+i-i/5-1]
			}
			b.submit([]message.Delivery{m.add(int64(i+1), d)})
			elapse(100 * time.Millisecond)
		}
		elapse(5 * time.Minute)
		synctest.Wait()
		m.set(func(m *memory) {
			for _, d := range devices[bad:] {
				if m.done[d].State != message.Handed {
					t.Fatalf("device %d: %+v", d, m.done[d])
				}
			}
		})
		if retries := len(v.sent()) - bad - good; retries > (bad+good)/2 {
			t.Errorf("%d retries of %d calls", retries, len(v.sent()))
		}
		v.mu.Lock()
		clear(v.answers)
		v.mu.Unlock()
		elapse(20 * time.Minute)
		synctest.Wait()
		if got := len(m.done); got != bad+good || len(m.rows) != 0 {
			t.Errorf("%d devices done, %d rows left", got, len(m.rows))
		}
	})
}
