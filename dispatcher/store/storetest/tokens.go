package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

func tokenCases() []testCase {
	return []testCase{
		{"a new token raises the generation", tokenGenerations},
		{"a set token retires its former holder", setTokenRetires},
		{"a lost token's generation does not come back", generationsAreUsedOnce},
		{"an invalid token is quarantined at its generation only", quarantine},
		{"an empty token is refused", emptyToken},
		{"a token is known since the phone said so last", tokenSetAt},
	}
}

func (b *bench) setToken(d message.Device, value string) store.Changed {
	b.Helper()
	c, err := b.SetToken(b.Context(), d.Key, message.TokenAlert, value)
	b.must(err)
	return c
}

func tokenGenerations(b *bench) {
	d := b.bound("anna")
	before, _ := b.fence(d.Key)
	b.setToken(d, before.Token.Value)
	if same, _ := b.fence(d.Key); same.Token != before.Token {
		b.Errorf("the same value made %+v of %+v", same.Token, before.Token)
	}
	changed := b.setToken(d, "rotated")
	after, _ := b.fence(d.Key)
	if after.Token.Gen <= before.Token.Gen || after.Token.Value != "rotated" || !after.TokenOK {
		b.Errorf("after a rotation: %+v, before: %+v", after.Token, before.Token)
	}
	if len(changed.Changes) != 0 || after.Epoch != d.Epoch || after.UserID != "anna" {
		b.Errorf("a rotation changed the binding: %+v, %+v", changed, after)
	}
}

func setTokenRetires(b *bench) {
	old := b.bind(b.phone("t"), "anna").Device
	d := b.bound("bert")
	changed := b.setToken(d, "t")
	want := store.Changed{
		Device:      d,
		Changes:     []store.EpochChange{{Device: old.Key, Epoch: old.Epoch + 1, FormerUserID: "anna"}},
		Unconfirmed: []store.EpochChange{at(d)},
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if former, _ := b.fence(old.Key); former.UserID != "" || former.TokenOK {
		b.Errorf("the former holder keeps %+v", former)
	}
}

func generationsAreUsedOnce(b *bench) {
	b.lease()
	d := b.bind(b.phone("t"), "anna").Device
	old, _ := b.fence(d.Key)
	sent := b.accept(request(d)).Deliveries[0]
	b.phone("t") // takes the token away
	b.setToken(d, "another")
	b.settle(done(sent, message.Failed, message.Outcome{Class: message.InvalidToken}, old.Token.Gen))
	if now, _ := b.fence(d.Key); !now.TokenOK || now.Token.Gen <= old.Token.Gen {
		b.Errorf("a late answer about generation %d hit %+v", old.Token.Gen, now)
	}
}

func quarantine(b *bench) {
	b.lease()
	d := b.bound("anna")
	state, _ := b.fence(d.Key)
	gen := state.Token.Gen
	invalid := message.Outcome{Class: message.InvalidToken, Code: "UNREGISTERED"}
	try := func(gen int64, keep bool) store.FenceState {
		b.Helper()
		s := done(b.accept(request(d)).Deliveries[0], message.Failed, invalid, gen)
		s.Done[0].KeepToken = keep
		b.settle(s)
		state, _ := b.fence(d.Key)
		return state
	}
	if s := try(gen-1, false); !s.TokenOK {
		b.Error("an answer about another generation quarantined the token")
	}
	if s := try(gen, true); !s.TokenOK {
		b.Error("an open fuse did not keep the token")
	}
	if s := try(gen, false); s.TokenOK || s.UserID != "anna" || s.Epoch != d.Epoch || s.Token.Gen != gen {
		b.Errorf("after an invalid token: %+v, want quarantined, bound and at the same epoch", s)
	}
	if s := try(gen, true); s.TokenOK {
		b.Error("a later answer lifted the quarantine")
	}
	b.setToken(d, state.Token.Value)
	if s, _ := b.fence(d.Key); !s.TokenOK || s.Token.Gen != gen {
		b.Errorf("the phone says that it still has the token: %+v, want it good again", s)
	}
	if s := try(gen, false); s.TokenOK {
		b.Error("the vendor said no once more, and the token is good")
	}
	b.setToken(d, "fresh")
	if s, _ := b.fence(d.Key); !s.TokenOK || s.Token.Value != "fresh" || !s.AcceptedAt.IsZero() {
		b.Errorf("a new token is not good: %+v", s)
	}
	b.balanced()
}

func emptyToken(b *bench) {
	d := b.phone("t")
	if _, err := b.SetToken(b.Context(), d.Key, message.TokenAlert, ""); err == nil {
		b.Error("an empty token was stored")
	}
	if s, _ := b.fence(d.Key); s.Token.Value != "t" {
		b.Errorf("the refused token replaced the good one: %+v", s)
	}
}

func healthCases() []testCase {
	return []testCase{
		{"token health counts what vendors said lately", tokenHealth},
		{"an accepted push is remembered with the token", acceptedAt},
	}
}

// answer has the vendor say something about a new device's token.
func (b *bench) answer(d message.Device, classes ...message.Class) {
	b.Helper()
	for _, c := range classes {
		state, _ := b.fence(d.Key)
		s := done(b.accept(request(d)).Deliveries[0], message.Failed, message.Outcome{Class: c}, state.Token.Gen)
		b.settle(s)
	}
}

func tokenHealth(b *bench) {
	b.lease()
	good, recovered := b.bound("a"), b.bound("b")
	b.answer(good, message.Accepted, message.Accepted)
	b.answer(recovered, message.InvalidToken, message.Accepted)
	for range 3 {
		b.answer(b.bound("c"), message.Accepted, message.InvalidToken)
	}
	b.answer(b.bound("d"), message.InvalidToken) // was never accepted
	b.answer(b.bound("e"), message.Rejected, message.Transient)
	b.bound("f") // nobody said anything
	ctx, now := b.Context(), time.Now()
	check := func(channel string, since, accepted time.Time, wantValid, wantInvalid int64) {
		b.Helper()
		valid, invalid, err := b.TokenHealth(ctx, channel, since, accepted)
		b.must(err)
		if valid != wantValid || invalid != wantInvalid {
			b.Errorf("%s since %v: %d valid, %d invalid, want %d and %d", channel, since, valid, invalid, wantValid, wantInvalid)
		}
	}
	hour, later := now.Add(-time.Hour), now.Add(time.Hour)
	check("fcm", hour, hour, 2, 3)
	check("xiaomi", hour, hour, 0, 0)
	check("fcm", later, hour, 0, 0)
	check("fcm", hour, later, 0, 0)
}

func acceptedAt(b *bench) {
	b.lease()
	d := b.bound("anna")
	if s, _ := b.fence(d.Key); !s.AcceptedAt.IsZero() {
		b.Errorf("accepted before any push: %v", s.AcceptedAt)
	}
	before := time.Now().Truncate(time.Millisecond)
	b.answer(d, message.Accepted)
	if s, _ := b.fence(d.Key); s.AcceptedAt.Before(before) || s.AcceptedAt.After(time.Now()) {
		b.Errorf("accepted at %v, want about %v", s.AcceptedAt, before)
	}
}

func accessTokenCases() []testCase {
	return []testCase{{"access tokens are swapped by compare and set", accessTokens}}
}

func accessTokens(b *bench) {
	ctx := b.Context()
	if _, ok, err := b.LoadToken(ctx, "row"); ok || err != nil {
		b.Errorf("an empty store has a token: %v, %v", ok, err)
	}
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	none := provider.AccessToken{}
	one := provider.AccessToken{Value: config.NewSecret("one"), ExpiresAt: expires}
	two := provider.AccessToken{Value: config.NewSecret("two"), ExpiresAt: expires.Add(time.Hour)}
	steps := []struct {
		previous, next provider.AccessToken
		swapped        bool
		stored         provider.AccessToken
	}{
		{none, one, true, one},
		{none, two, false, one},
		{two, two, false, one},
		{one, two, true, two},
		{one, one, false, two},
	}
	for i, s := range steps {
		swapped, err := b.SwapToken(ctx, "row", s.previous, s.next)
		b.must(err)
		got, ok, err := b.LoadToken(ctx, "row")
		b.must(err)
		if swapped != s.swapped || !ok || got != s.stored {
			b.Errorf("step %d: swapped %v, stored %q until %v", i, swapped, got.Value.Reveal(), got.ExpiresAt)
		}
	}
	b.reopen()
	if got, ok, err := b.LoadToken(ctx, "row"); err != nil || !ok || got != two {
		b.Errorf("after reopening: %v %v", ok, err)
	}
	if _, ok, _ := b.LoadToken(ctx, "other"); ok {
		b.Error("another name has the token")
	}
}

// tokenSetAt: a late answer about a token's former life is told apart by the time at which the phone had it.
func tokenSetAt(b *bench) {
	from := b.Now().Truncate(time.Millisecond)
	d := b.bound("anna")
	b.within(d, from)
	from = b.Now().Truncate(time.Millisecond)
	b.setToken(d, "rotated")
	b.within(d, from)
	old := record(stranger("moved", "bert"), from.Add(-time.Hour), "token of moved")
	b.take(old, store.ImportCreated)
	moved, err := b.Device(b.Context(), "moved")
	b.must(err)
	if s, _ := b.fence(moved.Key); !s.TokenSetAt.Equal(old.SeenAt) {
		b.Errorf("an imported token was set at %v, want %v", s.TokenSetAt, old.SeenAt)
	}
	b.setToken(moved, old.Tokens[message.TokenAlert]) // The phone says that it has it still.
	b.within(moved, from)
}

// within checks that a device's token was set between the time and now.
func (b *bench) within(d message.Device, from time.Time) {
	b.Helper()
	if s, _ := b.fence(d.Key); s.TokenSetAt.Before(from) || s.TokenSetAt.After(b.Now()) {
		b.Errorf("the token was set at %v, want %v or later", s.TokenSetAt, from)
	}
}
