package delivery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery/quota"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func (m *memory) CountQuotas(_ context.Context, more []store.QuotaCount) (known []store.QuotaCount, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range more {
		if m.counted == nil {
			m.counted = map[string]int64{}
		}
		m.counted[c.Class] += c.Used
		c.Used = m.counted[c.Class]
		known = append(known, c)
	}
	return known, nil
}

// counting is a memory whose vendor counts every push as one of class Public, which it takes at the hours.
func counting(hours map[provider.QuotaClass]provider.Hours, devices ...int64) *memory {
	m := newMemory(devices...)
	m.quota = func(string) provider.QuotaRules {
		return provider.QuotaRules{
			Classes: []provider.QuotaClass{provider.QuotaPublic},
			ClassOf: func(config.Channel, provider.Notification) provider.QuotaClass { return provider.QuotaPublic },
			Hours:   hours,
		}
	}
	return m
}

// limited gives the bench's row two pushes a day.
func (b *bench) limited() {
	b.t.Helper()
	documentWith(b.t, b.path, "first", func(d *config.Document) {
		d.Channels[0].Limits.DailyQuotas = []config.DailyQuota{{Class: "Public", Pushes: 2}}
	})
	if err := b.live.Reload(); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// What is beyond the quota of the day waits for the next one, without a call, a try or a delay of the vendor's.
func TestQuotaHoldsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const untilMidnight = 16 * time.Hour // in China; the bubble begins at midnight UTC
		m, v := counting(nil, 1, 2, 3), &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		b.limited()
		b.submit([]message.Delivery{m.add(1, 1, 2)})
		synctest.Wait()
		b.submit([]message.Delivery{m.add(2, 3)})
		elapse(2 * time.Hour)
		synctest.Wait()
		if sent := len(v.sent()); sent != 1 {
			t.Fatalf("%d calls, want 1", sent)
		}
		rows, err := b.engine.Channels(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if q := rows[0].Quotas; rows[0].State != report.QuotaExhausted || len(q) != 1 || q[0].Used != 2 || q[0].Waiting != report.WaitingMessages {
			t.Errorf("the row says %+v", rows[0])
		}
		m.mu.Lock()
		if d := m.rows[2]; d.Attempt != 0 || m.counted["Public"] != 2 {
			t.Errorf("the waiting row is %+v, and %d are counted", d, m.counted["Public"])
		}
		m.mu.Unlock()
		elapse(untilMidnight - 2*time.Hour - time.Second)
		synctest.Wait()
		if sent := len(v.sent()); sent != 1 {
			t.Errorf("%d calls before midnight, want 1", sent)
		}
		elapse(2 * time.Second)
		synctest.Wait()
		if got := m.result(3).State; got != message.Handed {
			t.Errorf("after midnight the push is %q", got)
		}
	})
}

func TestQuotaRaised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, v := counting(nil, 1, 2, 3), &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		b.limited()
		b.submit([]message.Delivery{m.add(1, 1, 2)})
		synctest.Wait()
		b.submit([]message.Delivery{m.add(2, 3)})
		elapse(time.Minute)
		document(t, b.path, "first")
		if err := b.live.Reload(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := m.result(3).State; got != message.Handed {
			t.Errorf("when the limit is gone the push is %q", got)
		}
	})
}

// The deadline of what waits for its hours counts.
func TestQuotaHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, v := counting(map[provider.QuotaClass]provider.Hours{provider.QuotaPublic: {From: 20, To: 22}}, 1, 2), &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		short := m.add(2, 2)
		short.ExpiresAt = short.DueAt.Add(90 * time.Minute)
		m.set(func(m *memory) { m.rows[2] = short })
		b.submit([]message.Delivery{m.add(1, 1), short})
		elapse(12*time.Hour - time.Second) // 08:00 to 20:00 in China
		synctest.Wait()
		if got := m.result(2); len(v.sent()) != 0 || got.State != message.Expired || got.Reason != message.ReasonTTL {
			t.Errorf("%d calls before the hour, and what had less time is %+v", len(v.sent()), got)
		}
		elapse(2 * time.Second)
		synctest.Wait()
		if got := m.result(1).State; got != message.Handed {
			t.Errorf("at the hour the push is %q", got)
		}
	})
}

func TestPriorityOf(t *testing.T) {
	t.Parallel()
	test := message.Message{Sender: message.PushTestSender}
	for name, tt := range map[string]struct {
		m    message.Message
		p    message.Priority
		want quota.Priority
	}{
		"call":          {p: message.PriorityCall, want: quota.Call},
		"message":       {p: message.PriorityMessage, want: quota.Message},
		"for many":      {p: message.PriorityBulk, want: quota.Bulk},
		"test":          {m: test, p: message.PriorityMessage, want: quota.Free},
		"test for many": {m: test, p: message.PriorityBulk, want: quota.Free},
	} {
		if got := priorityOf(tt.m, tt.p); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
