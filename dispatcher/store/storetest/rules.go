package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

func ruleCases() []testCase {
	return []testCase{
		{"what is read of receivers", recipientsRead},
		{"who ever logged in", recipientsLoggedIn},
		{"a rule replaces the one before", rulesReplaced},
		{"a rule is written with its message or not at all", rulesWithMessage},
		{"the last change of a batch stays", rulesInBatch},
		{"a change without its user as a receiver is refused", rulesOfStrangers},
		{"conversations are muted and not any more", mutesChange},
		{"muted conversations are listed by pages", mutesListed},
		{"users and dispatchers change rules at the same time", rulesRace},
		{"presence has an end", presenceEnds},
		{"the rule that decided is kept", rulesTraced},
	}
}

func peer(id string) message.Conversation {
	return message.Conversation{Type: message.ConversationPeer, ID: id}
}

func group(id string) message.Conversation {
	return message.Conversation{Type: message.ConversationGroup, ID: id}
}

// recipients reads what is known of users, whatever they muted.
func (b *bench) recipients(asks ...store.Ask) map[string]store.Recipient {
	b.Helper()
	got, err := b.Recipients(b.Context(), asks)
	b.must(err)
	return got
}

// knows compares what is known of a user, asked with conversations.
func (b *bench) knows(userID string, want store.Recipient, in ...message.Conversation) {
	b.Helper()
	asks := []store.Ask{{UserID: userID}}
	for _, c := range in {
		asks = append(asks, store.Ask{UserID: userID, In: c})
	}
	got := b.recipients(asks...)[userID]
	sorted := cmpopts.SortSlices(func(x, y message.Conversation) bool { return fmt.Sprint(x) < fmt.Sprint(y) })
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), sorted); diff != "" {
		b.Errorf("known of %s (-want +got):\n%s", userID, diff)
	}
}

// changing is the message that tells of a change.
func changing(c store.RuleChange) store.AcceptRequest {
	r := toUsers(c.UserID)
	r.Message.Kind, r.Message.Push = message.KindRule, nil
	r.Also.Rule = &c
	return r
}

func quiet(zone string) *message.Rule {
	return &message.Rule{
		OfflinePush: true, CallPush: true, OnlinePlatforms: []string{"Windows"}, NotToReceiveOfflinePushPlatforms: []string{"Android", "iPhoneOS"},
		QuietHours: &message.QuietHours{Start: "22:00", End: "07:00", TimeZone: zone, AllowCalls: true},
	}
}

func recipientsRead(b *bench) {
	inc := b.lease().Incarnation
	first, second := b.bound("anna"), b.bound("anna")
	b.connect(second, 1)
	second.Session = inc
	bert := b.bound("bert")
	b.accept(changing(store.RuleChange{UserID: "anna", Rule: quiet("UTC"), Mute: []message.Conversation{peer("bert"), group("g"), peer("carl")}}))
	b.accept(changing(store.RuleChange{UserID: "bert", Mute: []message.Conversation{group("h")}}))
	b.accept(toUsers("dora"))
	got := b.recipients(
		store.Ask{UserID: "anna", In: peer("bert")}, store.Ask{UserID: "bert", In: peer("bert")}, store.Ask{UserID: "anna", In: group("h")},
		store.Ask{UserID: "nobody", In: peer("bert")}, store.Ask{UserID: "dora"}, store.Ask{UserID: "anna", In: peer("bert")},
		store.Ask{UserID: "bert", In: group("h")}, store.Ask{UserID: "anna", In: peer("g")},
	)
	want := map[string]store.Recipient{
		"anna": {
			Devices: []message.Device{first, second}, LoggedIn: true, Rule: quiet("UTC"), Muted: []message.Conversation{peer("bert")},
		},
		"bert": {Devices: []message.Device{bert}, LoggedIn: true, Muted: []message.Conversation{group("h")}},
		"dora": {},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	if got := b.recipients(); len(got) != 0 {
		b.Errorf("of nobody: %v", got)
	}
}

func recipientsLoggedIn(b *bench) {
	b.accept(toUsers("anna"))
	b.knows("anna", store.Recipient{})
	d := b.bound("anna")
	b.knows("anna", store.Recipient{Devices: []message.Device{d}, LoggedIn: true})
	_, err := b.Unbind(b.Context(), d.Key)
	b.must(err)
	b.knows("anna", store.Recipient{LoggedIn: true})
	gone := b.bound("bert")
	_, err = b.Unregister(b.Context(), gone.Key)
	b.must(err)
	b.knows("bert", store.Recipient{LoggedIn: true})
	moved := record(d, b.Now().Add(day), "moved")
	moved.Device.PushID, moved.Device.UserID = "moved", "carl"
	b.must(b.Import(b.Context(), []store.Record{moved})[0].Err)
	if got := b.recipients(store.Ask{UserID: "carl"})["carl"]; !got.LoggedIn || len(got.Devices) != 1 {
		b.Errorf("who was imported with a device: %+v", got)
	}
	b.reopen()
	b.knows("bert", store.Recipient{LoggedIn: true})
}

func rulesReplaced(b *bench) {
	off := &message.Rule{}
	for _, r := range []*message.Rule{quiet("Europe/Berlin"), off, quiet("UTC")} {
		b.accept(changing(store.RuleChange{UserID: "anna", Rule: r}))
		b.knows("anna", store.Recipient{Rule: r})
	}
	b.accept(changing(store.RuleChange{UserID: "anna", Mute: []message.Conversation{peer("x")}}))
	b.knows("anna", store.Recipient{Rule: quiet("UTC"), Muted: []message.Conversation{peer("x")}}, peer("x"))
	b.reopen()
	b.knows("anna", store.Recipient{Rule: quiet("UTC")})
}

func rulesWithMessage(b *bench) {
	first := changing(store.RuleChange{UserID: "anna", Rule: quiet("UTC")})
	seq := b.accept(first).Seqs["anna"]
	b.accept(changing(store.RuleChange{UserID: "anna", Rule: &message.Rule{}}))
	again := first
	again.Message.ID = toUsers().Message.ID
	if got := b.accept(again); !got.Duplicate {
		b.Errorf("the repetition: %+v", got)
	}
	b.knows("anna", store.Recipient{Rule: &message.Rule{}})
	again.Hash[0]++
	if got := b.Accept(b.Context(), []store.AcceptRequest{again})[0]; got.Err == nil {
		b.Error("another change with the same ids is accepted")
	}
	b.knows("anna", store.Recipient{Rule: &message.Rule{}})
	entries, _, err := b.Inbox(b.Context(), "anna", seq-1, 10)
	b.must(err)
	if len(entries) != 2 || entries[0].Message.Kind != message.KindRule || entries[0].Message.ID != first.Message.ID {
		b.Errorf("told %+v", entries)
	}
	b.balanced()
}

func rulesInBatch(b *bench) {
	x, y := peer("x"), group("y")
	results := b.Accept(b.Context(), []store.AcceptRequest{
		changing(store.RuleChange{UserID: "anna", Rule: quiet("UTC"), Mute: []message.Conversation{x, y}}),
		changing(store.RuleChange{UserID: "bert", Mute: []message.Conversation{x}}),
		toUsers("anna", "bert"),
		changing(store.RuleChange{UserID: "anna", Rule: &message.Rule{CallPush: true}, Unmute: []message.Conversation{x}}),
		changing(store.RuleChange{UserID: "bert", Unmute: []message.Conversation{x}}),
		changing(store.RuleChange{UserID: "bert", Mute: []message.Conversation{x}}),
	})
	for i, r := range results {
		if r.Err != nil {
			b.Errorf("request %d: %v", i, r.Err)
		}
	}
	b.knows("anna", store.Recipient{Rule: &message.Rule{CallPush: true}, Muted: []message.Conversation{y}}, x, y)
	b.knows("bert", store.Recipient{Muted: []message.Conversation{x}}, x, y)
}

func rulesOfStrangers(b *bench) {
	r := changing(store.RuleChange{UserID: "anna", Rule: quiet("UTC")})
	r.Recipients = []string{"bert"}
	if got := b.Accept(b.Context(), []store.AcceptRequest{r})[0]; got.Err == nil {
		b.Error("accepted")
	}
	b.knows("anna", store.Recipient{})
}

func mutesChange(b *bench) {
	all := []message.Conversation{peer("a"), group("a"), peer("a:b"), group("Peer:a")}
	b.accept(changing(store.RuleChange{UserID: "anna", Mute: all}))
	b.knows("anna", store.Recipient{Muted: all}, append(all, peer("b"))...)
	b.knows("anna", store.Recipient{Muted: all[:1]}, all[0])
	b.accept(changing(store.RuleChange{UserID: "anna", Mute: all[:2], Unmute: all[2:3]}))
	b.knows("anna", store.Recipient{Muted: []message.Conversation{all[0], all[1], all[3]}}, all...)
	b.accept(changing(store.RuleChange{UserID: "anna", Unmute: all}))
	b.knows("anna", store.Recipient{}, all...)
}

func mutesListed(b *bench) {
	var want []message.Conversation
	for i := range 25 {
		want = append(want, group(fmt.Sprintf("g%02d", i)))
	}
	for i := range 25 {
		want = append(want, peer(fmt.Sprintf("p%02d", i)))
	}
	b.accept(changing(store.RuleChange{UserID: "anna", Mute: want}))
	b.accept(changing(store.RuleChange{UserID: "bert", Mute: want[:1]}))
	var got []message.Conversation
	for after := (message.Conversation{}); ; after = got[len(got)-1] {
		page, err := b.Mutes(b.Context(), "anna", after, 7)
		b.must(err)
		if got = append(got, page...); len(page) < 7 {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
	none, err := b.Mutes(b.Context(), "nobody", message.Conversation{}, 7)
	if err != nil || len(none) != 0 {
		b.Errorf("of nobody: %v, %v", none, err)
	}
}

func rulesRace(b *bench) {
	d := b.bound("anna")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := store.RuleChange{UserID: []string{"anna", "bert"}[i%2], Rule: quiet("UTC"), Mute: []message.Conversation{peer("x"), group("y")}}
			if i%3 == 0 {
				c.Mute, c.Unmute = nil, c.Mute
			}
			for _, r := range b.Accept(b.Context(), []store.AcceptRequest{changing(c), toUsers("bert", "anna")}) {
				if r.Err != nil {
					b.Error(r.Err)
				}
			}
			if _, err := b.Bind(b.Context(), d.Key, []string{"bert", "anna"}[i%2]); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.accept(changing(store.RuleChange{UserID: "anna", Rule: &message.Rule{}, Unmute: []message.Conversation{peer("x"), group("y")}}))
	if got := b.recipients(store.Ask{UserID: "anna", In: peer("x")})["anna"]; got.Rule == nil || got.Rule.OfflinePush || len(got.Muted) > 0 {
		b.Errorf("in the end %+v", got)
	}
}

func presenceEnds(b *bench) {
	b.accept(toUsers("anna", "bert"))
	until := func(userID string) time.Time {
		b.Helper()
		return b.recipients(store.Ask{UserID: userID})[userID].OnlineUntil
	}
	if got := until("anna"); !got.IsZero() {
		b.Errorf("before any report until %s", got)
	}
	for _, ttl := range []time.Duration{time.Hour, time.Minute} {
		before := b.Now()
		b.must(b.SetPresence(b.Context(), "anna", ttl))
		got := until("anna")
		if early, late := before.Add(ttl-time.Second), b.Now().Add(ttl+time.Second); got.Before(early) || got.After(late) {
			b.Errorf("online until %s, want between %s and %s", got, early, late)
		}
	}
	if got := until("bert"); !got.IsZero() {
		b.Errorf("another user is online until %s", got)
	}
	b.must(b.SetPresence(b.Context(), "anna", 0))
	if got := until("anna"); !got.IsZero() {
		b.Errorf("after the end until %s", got)
	}
	b.must(b.SetPresence(b.Context(), "carl", time.Hour)) // before anything else is known of the user
	b.must(b.SetPresence(b.Context(), "dora", 0))
	b.bound("carl")
	if until("carl").IsZero() {
		b.Error("who was online before the first login is not")
	}
}

func rulesTraced(b *bench) {
	b.lease()
	anna, bert, carl := b.bound("anna"), b.bound("bert"), b.bound("carl")
	r := request(anna, bert)
	r.Deliveries[0].Rule = message.RuleOffline
	forced := request(carl).Deliveries[0]
	forced.Rule = message.RuleForced
	r.Deliveries, r.Recipients = append(r.Deliveries, forced), append(r.Recipients, "carl", "dora")
	r.Suppressed = []store.Suppression{{UserID: "dora", Reason: message.ReasonNeverLoggedIn}}
	rows := b.accept(r).Deliveries
	first := rows[0]
	settled := store.Settlement{
		DeliveryID: first.ID, Done: done(first, message.Handed, message.Outcome{Class: message.Accepted}, 1).Done[:1],
		Retry: []store.Retry{{Targets: first.Targets[1:], DueAt: first.DueAt, Attempt: 1}},
	}
	b.settle(settled)
	b.reopen()
	lines, err := b.Trace(b.Context(), r.Message.ID)
	b.must(err)
	type line struct {
		UserID, Rule, Reason string
		State                message.State
	}
	var got []line
	for _, l := range lines {
		got = append(got, line{l.UserID, l.Rule, l.Reason, l.State})
	}
	want := []line{
		{"anna", message.RuleOffline, "", message.Handed},
		{"bert", message.RuleOffline, "", message.Pending},
		{"carl", message.RuleForced, "", message.Pending},
		{"dora", message.ReasonNeverLoggedIn, message.ReasonNeverLoggedIn, message.Suppressed},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
}
