package storetest

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func laterStays(b *bench) {
	at := b.Now().Add(-day)
	stored := record(stranger("p", "anna"), at, "t")
	b.take(stored, store.ImportCreated)
	d, err := b.Device(b.Context(), "p")
	b.must(err)
	change := func(user, token string, seen time.Duration) store.Record {
		r := record(stored.Device, at.Add(seen), token)
		r.Device.UserID = user
		return r
	}
	later := change("bert", "u", time.Second)
	same := change("bert", "u", 2*time.Second)
	unbound := change("", "u", 3*time.Second)
	taken := func(former string, raised int64) store.EpochChange {
		return store.EpochChange{Device: d.Key, Epoch: d.Epoch + raised, FormerUserID: former}
	}
	for _, c := range []struct {
		name    string
		record  store.Record
		outcome store.ImportOutcome
		changes []store.EpochChange
		want    store.Record
	}{
		{"the same again", stored, store.ImportUnchanged, nil, stored},
		{"earlier", change("bert", "u", -time.Millisecond), store.ImportOutdated, nil, stored},
		{"earlier and equal", change("anna", "t", -time.Second), store.ImportOutdated, nil, stored},
		{"another of the same time", change("bert", "t", 0), store.ImportOutdated, nil, stored},
		{"later, another user and token", later, store.ImportUpdated, []store.EpochChange{taken("anna", 1)}, later},
		{"the first one again", stored, store.ImportOutdated, nil, later},
		{"later and equal", same, store.ImportUpdated, nil, same},
		{"later and logged out", unbound, store.ImportUpdated, []store.EpochChange{taken("bert", 2)}, unbound},
		{"logged out again", unbound, store.ImportUnchanged, nil, unbound},
		{"the one before", same, store.ImportOutdated, nil, unbound},
	} {
		got := b.Import(b.Context(), []store.Record{c.record})[0]
		b.imported(got, store.Imported{Outcome: c.outcome, Changes: c.changes})
		if b.Failed() {
			b.Logf("that was %s", c.name)
		}
		b.has(c.want)
	}
	b.bind(d, "carl") // on the phone, just now
	b.take(change("anna", "t", time.Hour), store.ImportOutdated)
	if s, _ := b.fence(d.Key); s.UserID != "carl" || s.Epoch != d.Epoch+3 {
		b.Errorf("the import undid what the phone did: %+v", s)
	}
}

func tokenMoves(b *bench) {
	at := b.Now().Add(-day)
	old := record(stranger("old", "anna"), at, "t")
	b.take(old, store.ImportCreated)
	former, err := b.Device(b.Context(), "old")
	b.must(err)
	for _, seen := range []time.Duration{-time.Second, 0} {
		b.take(record(stranger("earlier", "bert"), at.Add(seen), "t"), store.ImportOutdated)
	}
	if _, err := b.Device(b.Context(), "earlier"); !errors.Is(err, store.ErrNotFound) {
		b.Errorf("an outdated device was made: %v", err)
	}
	b.has(old)
	heir := record(stranger("later", "bert"), at.Add(time.Minute), "t")
	retired := store.EpochChange{Device: former.Key, Epoch: former.Epoch + 1, FormerUserID: "anna"}
	b.take(heir, store.ImportCreated, retired)
	b.has(heir)
	if s, _ := b.fence(former.Key); s.UserID != "" || s.Token.Value != "" || s.Epoch != retired.Epoch {
		b.Errorf("the former holder keeps %+v", s)
	}
	b.take(old, store.ImportOutdated)
	b.take(record(stranger("old", "anna"), at.Add(time.Second), "stale"), store.ImportOutdated) // before it was retired
	back := record(stranger("old", "anna"), at.Add(2*time.Minute), "t")
	d, err := b.Device(b.Context(), "later")
	b.must(err)
	b.take(back, store.ImportUpdated,
		store.EpochChange{Device: former.Key, Epoch: former.Epoch + 2},
		store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: "bert"})
	b.has(back)
	other := record(stranger("other", "dora"), at, "")
	other.Tokens["voip"] = "v"
	b.take(other, store.ImportCreated)
	both := record(stranger("both", "emil"), at.Add(time.Minute), "t") // held from later, the other from earlier
	both.Tokens["voip"] = "v"
	b.take(both, store.ImportOutdated)
	b.has(other)
	phone := b.bind(b.phone("t"), "carl").Device // reinstalled just now
	b.take(back, store.ImportOutdated)
	if s, _ := b.fence(phone.Key); !s.TokenOK || s.UserID != "carl" {
		b.Errorf("an import took the token away from the phone that has it: %+v", s)
	}
}

func importedTokens(b *bench) {
	at := b.Now().Add(-day)
	r := record(stranger("p", "anna"), at, "a")
	r.Tokens["voip"] = "v"
	b.take(r, store.ImportCreated)
	d, err := b.Device(b.Context(), "p")
	b.must(err)
	before, _ := b.fence(d.Key)
	next := record(r.Device, at.Add(time.Second), "")
	next.Tokens["voip"] = "a" // another kind is another token
	b.take(next, store.ImportUpdated)
	b.has(next)
	b.take(record(r.Device, at.Add(2*time.Second), "a"), store.ImportUpdated)
	after, _ := b.fence(d.Key)
	if after.Token.Gen <= before.Token.Gen || after.Epoch != d.Epoch {
		b.Errorf("a token that was gone came back as %+v after %+v", after, before)
	}
	b.take(record(r.Device, at.Add(3*time.Second), "a"), store.ImportUpdated)
	if same, _ := b.fence(d.Key); same.Token != after.Token {
		b.Errorf("the same token became %+v after %+v", same.Token, after.Token)
	}
	if other := b.phone("v"); other.Key == d.Key || len(b.export()) != 2 {
		b.Error("the dropped token is not free")
	}
	gone := record(stranger("p", ""), at.Add(4*time.Second), "")
	b.take(gone, store.ImportUpdated, store.EpochChange{Device: d.Key, Epoch: after.Epoch + 1, FormerUserID: "anna"})
	if state, _ := b.fence(d.Key); state.TokenOK || len(b.export()) != 1 {
		b.Errorf("a device that lost everything still has %+v", state)
	}
}

func importedSelector(b *bench) {
	at := b.Now().Add(-day)
	b.take(record(stranger("p", "anna"), at, "t"), store.ImportCreated)
	d, err := b.Device(b.Context(), "p")
	b.must(err)
	moved := record(stranger("p", "anna"), at.Add(time.Second), "t")
	moved.Device.Selector = message.Selector{Vendor: "Xiaomi", AppType: 2, Region: "China"}
	moved.Device.Platform, moved.Device.SecretHash = "MIUI", sha256.Sum256([]byte("new"))
	b.take(moved, store.ImportUpdated, store.EpochChange{Device: d.Key, Epoch: d.Epoch + 1, FormerUserID: "anna"})
	b.has(moved)
	free := b.phone("t") // of the former vendor
	if s, _ := b.fence(d.Key); s.Token.Value != "t" || s.UserID != "anna" {
		b.Errorf("device %d took the token of another vendor: %+v", free.Key, s)
	}
}
