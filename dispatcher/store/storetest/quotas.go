package storetest

import (
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/store"
)

func quotaCases() []testCase {
	return []testCase{
		{"quotas count by channel, class and day", quotasCount},
		{"a quota's count survives the end of a process", quotasSurvive},
		{"a vendor's word about a quota stays until another one", quotasSpent},
		{"a day that has ended is not told", quotasEnd},
	}
}

func sharedQuotaCases() []testCase {
	return []testCase{{"processes count one quota together", quotasTogether}}
}

// midnight is the end of the suite's day.
func (b *bench) midnight() time.Time { return b.Now().Add(6 * time.Hour).UTC().Truncate(time.Hour) }

// counts adds to the quotas and checks what the store knows then.
func (b *bench) counts(when string, more []store.QuotaCount, want ...store.QuotaCount) {
	b.Helper()
	got, err := b.CountQuotas(b.Context(), more)
	b.must(err)
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

func quotasCount(b *bench) {
	today := b.midnight()
	count := func(channel, class string, endsAt time.Time, n int64) store.QuotaCount {
		return store.QuotaCount{Channel: channel, Class: class, EndsAt: endsAt, Used: n}
	}
	b.counts("at first", nil)
	more := []store.QuotaCount{
		count("vivo", "System", today, 2), count("oppo", "Marketing", today, 5), count("vivo", "Operation", today.Add(24*time.Hour), 1),
		count("vivo", "Operation", today, 3),
	}
	want := []store.QuotaCount{more[1], more[3], more[2], more[0]}
	b.counts("the first ones", more, want...)
	want[0].Used, want[1].Used = 6, 10
	b.counts("more of two", []store.QuotaCount{count("vivo", "Operation", today, 7), count("oppo", "Marketing", today, 1)}, want...)
	b.counts("asked only", nil, want...)
}

func quotasSurvive(b *bench) {
	today := b.midnight()
	c := store.QuotaCount{Channel: "vivo", Class: "System", EndsAt: today, Used: 41, SpentUntil: today}
	b.counts("before", []store.QuotaCount{c}, c)
	b.reopen()
	b.counts("behind it", nil, c)
}

func quotasSpent(b *bench) {
	today := b.midnight()
	one := store.QuotaCount{Channel: "vivo", Class: "System", EndsAt: today, Used: 1}
	knows := func(used int64, spentUntil time.Time) store.QuotaCount {
		c := one
		c.Used, c.SpentUntil = used, spentUntil
		return c
	}
	b.counts("nothing said", []store.QuotaCount{one}, one)
	b.counts("used up", []store.QuotaCount{knows(0, today)}, knows(1, today))
	b.counts("counted on", []store.QuotaCount{one}, knows(2, today))
	sooner := today.Add(-time.Hour)
	b.counts("the last word", []store.QuotaCount{knows(0, sooner)}, knows(2, sooner))
	opened, other := one, one
	opened.Opened, other.Opened, other.Class = true, true, "Operation"
	b.counts("taken back", []store.QuotaCount{opened}, knows(3, time.Time{}))
	b.counts("used up again", []store.QuotaCount{knows(0, today)}, knows(3, today))
	want := other
	want.Opened = false
	b.counts("taken back where nothing was said", []store.QuotaCount{other}, want, knows(3, today))
}

func quotasEnd(b *bench) {
	over := store.QuotaCount{Channel: "vivo", Class: "System", EndsAt: b.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond), Used: 5}
	old := over
	old.EndsAt = over.EndsAt.Add(-3 * 24 * time.Hour)
	b.counts("what ended a minute ago, and days ago", []store.QuotaCount{over, old})
	b.counts("both again", []store.QuotaCount{over, old})
}

func quotasTogether(b *bench) {
	const each, n = 20, 3
	pods, _ := b.pods(n)
	today := b.midnight()
	var wg sync.WaitGroup
	for i, p := range pods {
		wg.Go(func() {
			for range each {
				more := []store.QuotaCount{
					{Channel: "vivo", Class: "System", EndsAt: today, Used: 1}, {Channel: "oppo", Class: "Marketing", EndsAt: today, Used: 2},
				}
				if i%2 == 1 {
					more[0], more[1] = more[1], more[0]
				}
				if _, err := p.CountQuotas(p.Context(), more); err != nil {
					p.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range pods {
		p.counts("together", nil, store.QuotaCount{Channel: "oppo", Class: "Marketing", EndsAt: today, Used: 2 * each * n},
			store.QuotaCount{Channel: "vivo", Class: "System", EndsAt: today, Used: each * n})
	}
}
