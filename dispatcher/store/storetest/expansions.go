package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func expansionCases() []testCase {
	return []testCase{
		{"a group's message reaches its members of that moment", expandGroup},
		{"a message for many names who receives it", expandAudience},
		{"only members send to a group", foreignSender},
		{"a repeated message to a group is answered alike", repeatedToGroup},
		{"messages of a group wait for one another", groupOrder},
		{"a step is taken once", stepOnce},
		{"a step stores what it decided", stepDecisions},
		{"a step that does not fit changes nothing", stepTooMuch},
		{"an expansion outlives its process", expansionReopened},
		{"a broadcast reaches those who were there at its start", broadcastSnapshot},
		{"a broadcast is stopped, resumed and cancelled", broadcastStates},
		{"broadcasts are listed from the newest on", broadcastPages},
		{"broadcasts are limited", broadcastLimits},
		{"what is not expanded is not pruned", pruneExpansions},
	}
}

// toMany is a message for many.
func toMany(sender string, x store.NewExpansion) store.AcceptRequest {
	r := toUsers()
	r.Message.Sender, r.Also.Expansion = sender, &x
	if x.GroupID == "" {
		r.Message.Kind = message.KindBroadcast
	}
	r.Message.Detail.GroupID = x.GroupID
	return r
}

// send sends a message to a group.
func (b *bench) send(groupID, sender string) store.AcceptResult {
	b.Helper()
	return b.Accept(b.Context(), []store.AcceptRequest{toMany(sender, store.NewExpansion{GroupID: groupID})})[0]
}

func (b *bench) sent(groupID, sender string) string {
	b.Helper()
	r := b.send(groupID, sender)
	b.must(r.Err)
	return r.MessageID
}

func (b *bench) running() []store.Expansion {
	b.Helper()
	all, err := b.RunningExpansions(b.Context(), 100)
	b.must(err)
	return all
}

// expansion finds a running one.
func (b *bench) expansion(messageID string) store.Expansion {
	b.Helper()
	all := b.running()
	i := slices.IndexFunc(all, func(e store.Expansion) bool { return e.MessageID == messageID })
	if i < 0 {
		b.Fatalf("%s is not among the running %+v", messageID, all)
	}
	return all[i]
}

// stepOf is the next step of an expansion, which gives its receivers inbox entries.
func (b *bench) stepOf(e store.Expansion, size int) store.AcceptRequest {
	b.Helper()
	users, err := b.ReceiversBehind(b.Context(), e, size)
	b.must(err)
	m, err := b.Message(b.Context(), e.MessageID)
	b.must(err)
	r := store.AcceptRequest{Message: m, Step: &store.Step{From: e.After, To: e.After, Last: len(users) < size, Users: int64(len(users))}}
	for _, u := range users {
		r.Recipients, r.Step.To = append(r.Recipients, u.ID), u.Key
	}
	return r
}

// expand takes all steps of an expansion.
func (b *bench) expand(messageID string, size int) {
	b.Helper()
	for e := b.expansion(messageID); ; {
		r := b.stepOf(e, size)
		b.must(b.Expand(b.Context(), r).Err)
		if e.After = r.Step.To; r.Step.Last {
			return
		}
	}
}

// received checks who has a message in the inbox, each once.
func (b *bench) received(messageID string, among []string, want ...string) {
	b.Helper()
	got := []string{}
	for _, u := range among {
		for _, e := range b.inbox(u, 0) {
			if e.Message.ID == messageID {
				got = append(got, u)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("receivers (-want +got):\n%s", diff)
	}
}

func expandGroup(b *bench) {
	b.lease()
	all := []string{"anna", "bert", "carl", "dora", "emil"}
	b.put("g", "anna", "bert", "carl", "dora")
	b.leave("g", "bert") // before
	id := b.sent("g", "anna")
	e := b.expansion(id)
	first := b.stepOf(e, 1)
	b.must(b.Expand(b.Context(), first).Err)
	b.leave("g", "carl", "dora") // while it is brought to them
	b.join("g", "emil", "bert", "dora")
	b.expand(id, 2)
	b.received(id, all, "anna", "carl", "dora")
	later := b.sent("g", "anna")
	b.expand(later, 2)
	b.received(later, all, "anna", "bert", "dora", "emil")
	if left := b.running(); len(left) != 0 {
		b.Errorf("still running: %+v", left)
	}
	entry := b.inbox("carl", 0)[0].Message
	if entry.Detail.GroupID != "g" || entry.Sender != "anna" {
		b.Errorf("the entry is %+v", entry)
	}
	for _, u := range all {
		b.contiguous(u, len(b.inbox(u, 0)))
	}
	b.balanced()
}

func expandAudience(b *bench) {
	b.lease()
	all := []string{"anna", "bert", "carl", "dora"}
	b.put("g", "anna", "bert", "carl")
	only := b.accept(toMany("anna", store.NewExpansion{GroupID: "g", Audience: store.Audience{Only: []string{"carl", "dora", "anna"}}})).MessageID
	except := b.accept(toMany("anna", store.NewExpansion{GroupID: "g", Audience: store.Audience{Except: []string{"carl"}}})).MessageID
	if got := b.expansion(except).Except; !slices.Equal(got, []string{"carl"}) {
		b.Errorf("the expansion leaves out %v", got) // whoever expands it does
	}
	b.expand(only, 1)
	b.received(only, all, "anna", "carl")
}

func foreignSender(b *bench) {
	b.lease()
	b.put("g", "anna", "bert")
	b.leave("g", "bert")
	for _, who := range []string{"bert", "stranger"} {
		r := toMany(who, store.NewExpansion{GroupID: "g"})
		if err := b.Accept(b.Context(), []store.AcceptRequest{r})[0].Err; !errors.Is(err, store.ErrNotMember) {
			b.Errorf("%s sends: %v, want ErrNotMember", who, err)
		}
		b.join("g", who)
		b.accept(r) // A refused request leaves its id free.
		b.leave("g", who)
	}
	if err := b.send("nowhere", "anna").Err; !errors.Is(err, store.ErrNotFound) {
		b.Errorf("to no group: %v, want ErrNotFound", err)
	}
}

func repeatedToGroup(b *bench) {
	b.lease()
	b.put("g", "anna", "bert")
	r := toMany("anna", store.NewExpansion{GroupID: "g"})
	first := b.accept(r)
	b.expand(first.MessageID, 10)
	b.must(b.DeleteGroup(b.Context(), "g"))
	again := r
	again.Message.ID = toUsers().Message.ID
	got := b.accept(again)
	if !got.Duplicate || got.MessageID != first.MessageID || len(got.Seqs) != 0 {
		b.Errorf("the repetition: %+v, want that of %s", got, first.MessageID)
	}
	again.Hash[0]++
	if err := b.Accept(b.Context(), []store.AcceptRequest{again})[0].Err; !errors.Is(err, store.ErrConflict) {
		b.Errorf("other content: %v, want ErrConflict", err)
	}
	if left := b.running(); len(left) != 0 {
		b.Errorf("the repetition expands: %+v", left)
	}
}

func groupOrder(b *bench) {
	b.lease()
	b.put("g", "anna", "bert")
	b.put("h", "anna")
	var ids []string
	for range 3 {
		ids = append(ids, b.sent("g", "anna"))
	}
	other := b.sent("h", "anna")
	for i, id := range ids {
		for n, later := range ids[i:] {
			if blocked := b.expansion(later).Blocked; blocked != (n > 0) {
				b.Errorf("message %d is blocked: %v, while %d is the oldest", i+n, blocked, i)
			}
		}
		if b.expansion(other).Blocked {
			b.Error("another group's message is blocked")
		}
		b.expand(id, 10)
	}
	var got []string
	for _, e := range b.inbox("bert", 0) {
		got = append(got, e.Message.ID)
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		b.Errorf("(-want +got):\n%s", diff)
	}
}

func stepOnce(b *bench) {
	b.lease()
	b.put("g", "anna", "bert", "carl")
	id := b.sent("g", "anna")
	e := b.expansion(id)
	step := b.stepOf(e, 2)
	b.must(b.Expand(b.Context(), step).Err)
	refused := func(what string, r store.AcceptRequest) {
		b.Helper()
		if err := b.Expand(b.Context(), r).Err; !errors.Is(err, store.ErrMoved) {
			b.Errorf("%s: %v, want ErrMoved", what, err)
		}
	}
	refused("the same step again", step)
	last := b.stepOf(b.expansion(id), 2)
	b.must(b.Expand(b.Context(), last).Err)
	refused("the last step again", last)
	refused("no expansion's", store.AcceptRequest{Message: toUsers().Message, Step: &store.Step{}})
	b.received(id, []string{"anna", "bert", "carl"}, "anna", "bert", "carl")
	for _, u := range []string{"anna", "bert", "carl"} {
		b.contiguous(u, 1)
	}
	a, err := b.Account(b.Context())
	b.must(err)
	if diff := cmp.Diff(report.Account{}, a); diff != "" {
		b.Errorf("the account (-want +got):\n%s", diff)
	}
}

func stepDecisions(b *bench) {
	b.lease()
	anna, bert, carl := b.bound("anna"), b.bound("bert"), b.bound("carl")
	b.setBadge(bert, 4)
	r := toMany("anna", store.NewExpansion{})
	r.Message.Push.BadgeIncrement = 2
	id := b.accept(r).MessageID
	a, err := b.Account(b.Context())
	b.must(err)
	if diff := cmp.Diff(report.Account{Unexpanded: 1}, a); diff != "" {
		b.Errorf("before the step (-want +got):\n%s", diff)
	}
	step := b.stepOf(b.expansion(id), 3)
	step.Step.Last = true
	outside, err := b.ReceiversBehind(b.Context(), b.expansion(id), 3)
	b.must(err)
	step.Recipients, step.Step.Outside = []string{"anna", "bert"}, map[string]int64{"carl": outside[2].Key}
	step.Suppressed = []store.Suppression{{UserID: "anna", Device: anna.Key, Reason: message.ReasonOwnDevice}}
	target := func(d message.Device) store.NewTarget {
		return store.NewTarget{Device: d.Key, Epoch: d.Epoch, UserID: d.UserID}
	}
	step.Deliveries = []store.NewDelivery{{Channel: "fcm", DueAt: b.Now(), Targets: []store.NewTarget{target(bert), target(carl)}}}
	got := b.Expand(b.Context(), step)
	b.must(got.Err)
	want := []message.Target{{Device: bert.Key, Epoch: bert.Epoch, Seq: 1, Badge: 6}, {Device: carl.Key, Epoch: carl.Epoch}}
	if len(got.Deliveries) != 1 || !cmp.Equal(want, got.Deliveries[0].Targets) {
		b.Errorf("rows %+v, want targets %+v", got.Deliveries, want)
	}
	if diff := cmp.Diff(map[string]int64{"anna": 1, "bert": 1}, got.Seqs); diff != "" {
		b.Errorf("places (-want +got):\n%s", diff)
	}
	if entries := b.inbox("carl", 0); len(entries) != 0 {
		b.Errorf("carl, who is outside, has %v", entries)
	}
	done, err := b.Broadcast(b.Context(), id)
	b.must(err)
	whom, err := b.Audience(b.Context(), id)
	b.must(err)
	_, none := b.Audience(b.Context(), toUsers().Message.ID)
	if diff := cmp.Diff(done.Audience, whom); diff != "" || !errors.Is(none, store.ErrNotFound) {
		b.Errorf("it was for (-want +got):\n%s; a message for nobody: %v", diff, none)
	}
	if done.Users != 3 || done.Targets != 2 || done.State != store.Done || done.FinishedAt.IsZero() {
		b.Errorf("afterwards: %+v", done)
	}
	for _, line := range b.trace(id) {
		if line.UserID == "" {
			b.Errorf("a line without its user: %+v", line)
		}
	}
	b.settle(handed(got.Deliveries[0]))
	b.balanced()
}

func (b *bench) trace(id string) []store.Trace {
	b.Helper()
	lines, err := b.Trace(b.Context(), id)
	b.must(err)
	return lines
}

func stepTooMuch(b *bench) {
	b.lease()
	anna := b.bound("anna")
	b.put("g", "anna")
	b.accept(request(anna))
	id := b.sent("g", "anna")
	e := b.expansion(id)
	step := b.stepOf(e, 5)
	step.MaxBacklog = 1
	step.Deliveries = request(anna).Deliveries
	if err := b.Expand(b.Context(), step).Err; !errors.Is(err, store.ErrBacklogFull) {
		b.Fatalf("%v, want ErrBacklogFull", err)
	}
	if diff := cmp.Diff(e, b.expansion(id)); diff != "" {
		b.Errorf("it moved (-want +got):\n%s", diff)
	}
	b.contiguous("anna", 1)
	step.MaxBacklog = 2
	b.must(b.Expand(b.Context(), step).Err)
	b.contiguous("anna", 2)
	b.balanced()
}

func expansionReopened(b *bench) {
	var users []string
	for i := range 5 {
		users = append(users, fmt.Sprintf("user-%d", i))
	}
	b.put("g", users...)
	early := b.sent("g", users[0]) // without a lease
	b.reopen()
	b.lease()
	b.until("the adoption", func() bool {
		_, err := b.RenewLease(b.Context(), time.Minute)
		b.must(err)
		return len(b.running()) == 1
	})
	step := b.stepOf(b.expansion(early), 2)
	b.must(b.Expand(b.Context(), step).Err)
	b.reopen()
	b.lease()
	e := b.expansion(early)
	if e.After != step.Step.To || e.Users != 2 {
		b.Errorf("it went on at %+v", e)
	}
	b.expand(early, 2)
	b.received(early, users, users...)
}
