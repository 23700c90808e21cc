package storetest

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func hygieneCases() []testCase {
	return []testCase{
		{"a quarantined token is deleted after healthy days", dropsQuarantined},
		{"ill days and idle days do not count", illDays},
		{"the quarantine of a row is restored since a time", restores},
		{"a vendor's list of dead tokens quarantines what was set before", noteDead},
	}
}

// days notes days of a channel row like the mark, counted from today on.
func (b *bench) days(mark store.ChannelDay, from, n int) {
	b.Helper()
	var marks []store.ChannelDay
	for i := range n {
		mark.At = b.inDays(from + i)
		marks = append(marks, mark)
	}
	b.must(b.NoteDays(b.Context(), marks))
}

func (b *bench) inDays(n int) time.Time { return b.Now().Add(time.Duration(n) * day) }

// drop deletes what was quarantined long enough ago on the day from today on, and checks how much.
func (b *bench) drop(on int, want int64) {
	b.Helper()
	got, err := b.DropQuarantined(b.Context(), b.inDays(on), 100)
	b.must(err)
	if got != want {
		b.Errorf("on day %d: dropped %d, want %d", on, got, want)
	}
}

var (
	healthy = store.ChannelDay{Channel: "fcm", Accepted: true}
	ill     = store.ChannelDay{Channel: "fcm", Accepted: true, Ill: true}
)

func dropsQuarantined(b *bench) {
	b.lease()
	bad, good := b.bound("anna"), b.bound("bert")
	b.answer(bad, message.InvalidToken)
	b.answer(good, message.Accepted)
	state, _ := b.fence(bad.Key)
	b.days(healthy, -30, 31) // before the quarantine, and its own day
	b.drop(8, 0)
	b.days(healthy, 1, 7)
	b.drop(7, 0) // the seventh is not over
	b.drop(8, 1)
	s, ok := b.fence(bad.Key)
	if !ok || s.UserID != "anna" || s.Epoch != bad.Epoch || s.TokenOK || s.Token.Value != "" {
		b.Errorf("after the deletion: %+v, want bound, at the same epoch and without a token", s)
	}
	if s, _ := b.fence(good.Key); !s.TokenOK {
		b.Error("a good token is gone")
	}
	b.drop(8, 0)
	b.setToken(bad, "again")
	if s, _ := b.fence(bad.Key); !s.TokenOK || s.Token.Gen <= state.Token.Gen {
		b.Errorf("a new token: %+v", s)
	}
	b.balanced()
}

func illDays(b *bench) {
	b.lease()
	for range 3 {
		b.answer(b.bound("anna"), message.InvalidToken)
	}
	b.days(healthy, 1, 6)
	b.days(ill, 7, 3)
	b.days(store.ChannelDay{Channel: "fcm"}, 10, 3)
	b.days(store.ChannelDay{Channel: "apns", Accepted: true}, 1, 30)
	b.drop(20, 0)
	b.days(healthy, 7, 1) // what was ill stays so
	b.days(ill, 6, 1)     // and what was healthy becomes so
	b.days(healthy, 13, 1)
	b.drop(20, 0)
	b.days(healthy, 14, 1)
	b.reopen()
	if got, err := b.DropQuarantined(b.Context(), b.inDays(20), 2); err != nil || got != 2 {
		b.Errorf("dropped %d, %v, want the limit", got, err)
	}
	b.drop(20, 1)
	b.must(b.NoteDays(b.Context(), nil))
}

func restores(b *bench) {
	b.lease()
	var bad []message.Device
	for range 3 {
		d := b.bound("anna")
		b.answer(d, message.Accepted, message.InvalidToken)
		bad = append(bad, d)
	}
	other := b.bound("bert")
	r := request(other)
	r.Deliveries[0].Channel = "apns"
	b.settle(done(b.accept(r).Deliveries[0], message.Quarantined, message.Outcome{Class: message.InvalidToken}, 1))
	restore := func(channel string, since time.Time, limit int, want int64) {
		b.Helper()
		got, err := b.RestoreTokens(b.Context(), channel, since, limit)
		b.must(err)
		if got != want {
			b.Errorf("%s since %v: restored %d, want %d", channel, since, got, want)
		}
	}
	hour := b.Now().Add(-time.Hour)
	restore("fcm", b.Now().Add(time.Minute), 100, 0)
	restore("fcm", hour, 2, 2)
	restore("fcm", hour, 2, 1)
	restore("fcm", hour, 2, 0)
	for _, d := range bad {
		if s, _ := b.fence(d.Key); !s.TokenOK || s.AcceptedAt.IsZero() {
			b.Errorf("a restored token: %+v", s)
		}
	}
	if s, _ := b.fence(other.Key); s.TokenOK {
		b.Error("another row's token is restored")
	}
	if valid, invalid, err := b.TokenHealth(b.Context(), "fcm", hour, hour); err != nil || valid != 0 || invalid != 0 {
		b.Errorf("the fuse counts the answers that were wrong: %d, %d, %v", valid, invalid, err)
	}
	if got := b.requeue(store.LetterFilter{Channel: "fcm"}); got.Letters != 6 { // Of each of the two answers.
		b.Errorf("requeued %d of the restored, want 6", got.Letters)
	}
	b.balanced()
}

func noteDead(b *bench) {
	b.lease()
	d, other := b.bound("anna"), b.bound("bert")
	b.answer(d, message.Accepted)
	s, _ := b.fence(d.Key)
	o, _ := b.fence(other.Key)
	list := store.DeadTokens{
		Channel: "fcm", Selector: message.Selector{Vendor: "FCM", AppType: 1}, Before: s.TokenSetAt,
		Tokens: []string{"nobody's", s.Token.Value},
	}
	note := func(l store.DeadTokens, keep bool, want int64, ok bool) {
		b.Helper()
		known, err := b.NoteDead(b.Context(), l, keep)
		b.must(err)
		if s, _ := b.fence(d.Key); known != want || s.TokenOK != ok {
			b.Errorf("%+v, keep %v: %d are known, the token works %v, want %d and %v", l, keep, known, s.TokenOK, want, ok)
		}
	}
	note(list, false, 0, true) // set at that time
	list.Before = s.TokenSetAt.Add(time.Millisecond)
	foreign := list
	foreign.Selector.AppType = 2
	note(foreign, false, 0, true)
	note(list, true, 1, true)
	hour := b.Now().Add(-time.Hour)
	if valid, invalid, err := b.TokenHealth(b.Context(), "fcm", hour, hour); err != nil || valid != 0 || invalid != 1 {
		b.Errorf("the fuse counts %d, %d, %v", valid, invalid, err)
	}
	note(list, false, 1, false)
	if s, _ := b.fence(other.Key); s.Token != o.Token || !s.TokenOK {
		b.Errorf("another token: %+v", s)
	}
	b.setToken(d, "rotated")
	note(list, false, 0, true)
}
