package quota

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
)

// noon is in China, in the middle of the vendors' day.
func noon() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, provider.China()) }

// midnight is the end of that day.
func midnight() time.Time { return time.Date(2026, 11, 27, 0, 0, 0, 0, provider.China()).UTC() }

func ledger(s Store) *Ledger {
	return New(Deps{Store: s, Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)})
}

// vivo is a row with a limit of each class, the zero being none.
func vivo(operation, system int64, reserve int32) config.Channel {
	row := config.Channel{Name: "vivo", Vendor: "Vivo", Limits: config.Limits{QuotaReservePercent: reserve}}
	for class, limit := range map[string]int64{"Operation": operation, "System": system} {
		if limit > 0 {
			row.Limits.DailyQuotas = append(row.Limits.DailyQuotas, config.DailyQuota{Class: class, Pushes: limit})
		}
	}
	return row
}

// rules are vivo's in short: the category is the class, and operational messages go out by day.
func rules() provider.QuotaRules {
	return provider.QuotaRules{
		Classes: []provider.QuotaClass{provider.QuotaOperation, provider.QuotaSystem},
		ClassOf: func(_ config.Channel, n provider.Notification) provider.QuotaClass {
			return provider.QuotaClass(n.Setting.Vivo.Category)
		},
		Hours: map[provider.QuotaClass]provider.Hours{provider.QuotaOperation: {From: 7, To: 23}},
	}
}

func of(class string) provider.Notification {
	return provider.Notification{Setting: config.Setting{Vivo: &config.VivoSetting{Category: class}}}
}

func outcomes(n int, o message.Outcome) []message.Outcome {
	return slices.Repeat([]message.Outcome{o}, n)
}

// use takes and tells that the vendor took all of it.
func use(r *Row, class string, p Priority, n int) Taken {
	t := r.Take(of(class), p, n)
	taken := t
	t.Tell(outcomes(t.N, message.Outcome{Class: message.Accepted}))
	return taken
}

func TestLimitAndReserve(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	r := ledger(s).Row(vivo(0, 100, 10), rules())
	for _, step := range []struct {
		name    string
		p       Priority
		n, want int
	}{
		{"bulk stops at its part", Bulk, 90, 80},
		{"and gets no more", Bulk, 1, 0},
		{"messages go on to theirs", Message, 20, 10},
		{"and get no more", Message, 1, 0},
		{"calls have the rest", Call, 6, 6},
		{"as far as it goes", Call, 6, 4},
		{"which ends for them too", Call, 1, 0},
		{"a push test asks the vendor", Free, 1, 1},
	} {
		got := use(r, "System", step.p, step.n)
		if got.N != step.want {
			t.Errorf("%s: got %d of %d, want %d", step.name, got.N, step.n, step.want)
		}
		if short := got.N < step.n; short != (got.Until.Equal(midnight()) && strings.Contains(got.Why, "System")) {
			t.Errorf("%s: waits until %v because of %q", step.name, got.Until, got.Why)
		}
	}
	if got := use(r, "Operation", Bulk, 1000); got.N != 1000 {
		t.Errorf("a class without a limit: %d of 1000", got.N)
	}
}

// What is in calls counts until the vendor answers, so that calls at the same time do not use the same rest.
func TestCallsAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	r := ledger(s).Row(vivo(0, 10, 0), rules())
	first := r.Take(of("System"), Message, 8)
	second := r.Take(of("System"), Message, 8)
	if first.N != 8 || second.N != 2 || !second.Until.Equal(s.Now().Add(recount)) {
		t.Errorf("got %d and %d until %v", first.N, second.N, second.Until)
	}
	first.Tell(outcomes(8, message.Outcome{Class: message.Transient}))
	first.Tell(nil)
	second.Tell(outcomes(2, message.Outcome{Class: message.Accepted}))
	if third := r.Take(of("System"), Message, 10); third.N != 8 {
		t.Errorf("after 2 of 10 were taken by the vendor: %d", third.N)
	}
}

func TestMidnightAndZones(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone      string
		now, ends string
	}{
		{"", "2026-11-26T15:59:59Z", "2026-11-26T16:00:00Z"},
		{"", "2026-11-26T16:00:00Z", "2026-11-27T16:00:00Z"},
		{"Asia/Kolkata", "2026-11-26T18:29:59Z", "2026-11-26T18:30:00Z"},
		{"Asia/Kolkata", "2026-11-26T18:30:00Z", "2026-11-27T18:30:00Z"},
		// Days with 25 and 23 hours.
		{"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"UTC", "2028-02-28T23:59:59Z", "2028-02-29T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		row := vivo(0, 1, 0)
		row.Limits.QuotaTimeZone = tt.zone
		s := newShelf(now)
		r := ledger(s).Row(row, rules())
		use(r, "System", Message, 1)
		held := use(r, "System", Message, 1)
		if got := held.Until.Format(time.RFC3339); held.N != 0 || got != tt.ends {
			t.Errorf("%s at %s: %d until %s, want %s", tt.zone, tt.now, held.N, got, tt.ends)
		}
		s.pass(held.Until.Sub(now))
		if got := use(r, "System", Message, 1); got.N != 1 {
			t.Errorf("%s: nothing on the new day", tt.zone)
		}
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	for now, opens := range map[string]string{
		"2026-11-26T06:59:59+08:00": "2026-11-26T07:00:00+08:00",
		"2026-11-26T07:00:00+08:00": "",
		"2026-11-26T22:59:59+08:00": "",
		"2026-11-26T23:00:00+08:00": "2026-11-27T07:00:00+08:00",
		"2026-12-31T23:30:00+08:00": "2027-01-01T07:00:00+08:00",
		"2026-11-26T00:00:00+08:00": "2026-11-26T07:00:00+08:00",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		r := ledger(newShelf(at)).Row(vivo(0, 0, 0), rules())
		got := use(r, "Operation", Call, 3)
		if opens == "" {
			if got.N != 3 {
				t.Errorf("%s: %d go out", now, got.N)
			}
			continue
		}
		if until := got.Until.Format(time.RFC3339); got.N != 0 || until != opens || !strings.Contains(got.Why, "from 07:00 to 23:00") {
			t.Errorf("%s: %d go out, the rest at %s because of %q; want %s", now, got.N, until, got.Why, opens)
		}
		if system := use(r, "System", Message, 3); system.N != 3 {
			t.Errorf("%s: %d system messages go out", now, system.N)
		}
	}
}

// The vendor's word wins over the count, ends at midnight at the latest, and is doubted once an hour.
func TestVendorsWord(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	r := ledger(s).Row(vivo(0, 1000, 0), rules())
	refuse := func(taken Taken, wait time.Duration) {
		taken.Tell(outcomes(taken.N, message.Outcome{Class: message.QuotaExhausted, RetryAfter: wait, ClassOnly: true}))
	}
	late := r.Take(of("System"), Message, 1)
	refuse(r.Take(of("System"), Message, 5), 48*time.Hour)
	if got := use(r, "System", Call, 5); got.N != 0 || !got.Until.Equal(midnight()) {
		t.Errorf("after the vendor's word: %d until %v", got.N, got.Until)
	}
	if got := use(r, "Operation", Message, 5); got.N != 5 {
		t.Errorf("another class: %d of 5", got.N)
	}
	late.Tell(outcomes(1, message.Outcome{Class: message.Accepted}))
	if got := use(r, "System", Message, 5); got.N != 0 {
		t.Error("an answer to an older call took the word back")
	}
	s.pass(trialEvery)
	trial := r.Take(of("System"), Message, 5)
	if again := r.Take(of("System"), Message, 5); trial.N != 1 || again.N != 0 {
		t.Errorf("an hour later: %d and %d, want one trial", trial.N, again.N)
	}
	refuse(trial, 2*time.Hour)
	s.pass(trialEvery)
	if got := use(r, "System", Message, 5); got.N != 1 {
		t.Errorf("the next trial: %d", got.N)
	}
	if got := use(r, "System", Message, 5); got.N != 5 {
		t.Errorf("after the vendor took one: %d of 5", got.N)
	}
	refuse(r.Take(of("System"), Message, 1), 10*time.Minute)
	s.pass(10 * time.Minute)
	if got := use(r, "System", Message, 5); got.N != 5 {
		t.Errorf("at the time that the vendor named: %d of 5", got.N)
	}
	phone := r.Take(of("System"), Message, 1)
	phone.Tell(outcomes(1, message.Outcome{Class: message.QuotaExhausted, PhoneOnly: true}))
	if got := use(r, "System", Message, 5); got.N != 5 {
		t.Errorf("after one phone's quota: %d of 5", got.N)
	}
}

// Processes learn from the store what the others count and what the vendor told them, and one that starts knows it.
func TestTogetherAndAgain(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newShelf(noon())
	one, two := ledger(s), ledger(s)
	r1, r2 := one.Row(vivo(0, 100, 0), rules()), two.Row(vivo(0, 100, 0), rules())
	use(r1, "System", Message, 30)
	use(r2, "System", Message, 40)
	for range 2 {
		one.turn(ctx)
		two.turn(ctx)
	}
	if a, b := use(r1, "System", Message, 100), r2.Take(of("System"), Message, 100); a.N != 30 || b.N != 30 {
		t.Errorf("%d and %d are left, want 30", a.N, b.N)
	}
	one.turn(ctx)
	again := ledger(s)
	r := again.Row(vivo(0, 100, 0), rules())
	again.Load(ctx)
	if got := use(r, "System", Message, 1); got.N != 0 {
		t.Error("a process that starts anew does not know what is used up")
	}
	refused := r1.Take(of("Operation"), Message, 1)
	refused.Tell(outcomes(1, message.Outcome{Class: message.QuotaExhausted, RetryAfter: time.Hour}))
	one.turn(ctx)
	two.turn(ctx)
	if got := use(r2, "Operation", Message, 1); got.N != 0 {
		t.Error("the vendor's word did not reach the other process")
	}
	s.pass(trialEvery)
	use(r1, "Operation", Message, 1)
	one.turn(ctx)
	two.turn(ctx)
	if got := use(r2, "Operation", Message, 1); got.N != 1 {
		t.Error("that the vendor takes more did not reach the other process")
	}
}

func TestStoreTrouble(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := newShelf(noon())
	l := ledger(s)
	r := l.Row(vivo(0, 100, 0), rules())
	use(r, "System", Message, 30)
	s.err = errors.New("down")
	l.turn(ctx)
	if got := use(r, "System", Message, 100); got.N != 70 {
		t.Errorf("while the store is down: %d of 70", got.N)
	}
	s.err = nil
	l.turn(ctx)
	if got, _ := l.Report("vivo"); len(got) != 1 || got[0].Used != 100 {
		t.Errorf("when it is back: %+v, want 100", got)
	}
	for _, c := range s.counts {
		if c.Used != 100 {
			t.Errorf("the store has %+v, want 100", c)
		}
	}
}

// What the store took without an answer counts twice: too few pushes rather than too many.
func TestStoreAnswerLost(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	l := ledger(s)
	r := l.Row(vivo(0, 100, 0), rules())
	use(r, "System", Message, 30)
	s.after = errors.New("connection reset")
	l.turn(t.Context())
	s.after = nil
	l.turn(t.Context())
	if got := use(r, "System", Message, 100); got.N != 40 {
		t.Errorf("%d are left of 100 after 30, want 40", got.N)
	}
}

func TestNothingToDoAsksNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	l := ledger(s)
	l.Row(vivo(0, 0, 0), rules())
	l.turn(t.Context())
	if s.asked != 0 {
		t.Errorf("the store was asked %d times", s.asked)
	}
	r := l.Row(vivo(0, 5, 0), provider.QuotaRules{})
	if got := use(r, "System", Bulk, 1000); got.N != 1000 {
		t.Errorf("a vendor that counts nothing: %d of 1000", got.N)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	s := newShelf(noon())
	l := ledger(s)
	r := l.Row(vivo(0, 1000, 10), rules())
	l.turn(t.Context())
	s.pass(sampleEvery)
	l.turn(t.Context()) // begins the forecast
	want := []report.Quota{{Class: "System", Limit: 1000, ResetsAt: midnight()}}
	check := func(when string, wantSince time.Time) {
		t.Helper()
		got, since := l.Report("vivo")
		if diff := cmp.Diff(want, got); diff != "" || !since.Equal(wantSince) {
			t.Errorf("%s, since %v: (-want +got)\n%s", when, since, diff)
		}
	}
	check("at first", time.Time{})
	use(r, "System", Message, 30)
	s.pass(sampleEvery)
	l.turn(t.Context())
	want[0].Used, want[0].RunsOutAt = 30, s.Now().Add(290*time.Minute).UTC()
	check("30 in ten minutes", time.Time{})
	s.pass(5 * time.Minute)
	use(r, "System", Message, 500)
	l.turn(t.Context())
	want[0].Used = 530
	check("the forecast stays for ten minutes", time.Time{})
	use(r, "System", Bulk, 500)
	want[0].Used, want[0].UsedUpUntil, want[0].Waiting, want[0].RunsOutAt = 800, midnight(), report.WaitingBulk, time.Time{}
	at := s.Now()
	check("nothing left for many", at)
	s.pass(time.Minute)
	use(r, "System", Message, 500)
	want[0].Used, want[0].Waiting = 900, report.WaitingMessages
	check("nothing left for messages", at)
	use(r, "System", Call, 500)
	want[0].Used, want[0].Waiting = 1000, report.WaitingAll
	check("nothing left", at)
	if got := testutil.ToFloat64(l.Metrics.QuotaLimit.WithLabelValues("vivo", "System")); got != 1000 {
		t.Errorf("metric of the limit is %v", got)
	}
	l.turn(t.Context())
	if got := testutil.ToFloat64(l.Metrics.QuotaUsed.WithLabelValues("vivo", "System")); got != 1000 {
		t.Errorf("metric of the use is %v", got)
	}
	l.Row(vivo(0, 5000, 10), rules())
	want[0].Limit, want[0].UsedUpUntil, want[0].Waiting = 5000, time.Time{}, ""
	check("a limit that was raised", time.Time{})
	s.pass(24 * time.Hour)
	want[0].Used, want[0].ResetsAt = 0, midnight().Add(24*time.Hour)
	check("the next day", time.Time{})
	l.Forget("vivo")
	want = nil
	check("a row that is gone", time.Time{})
}
