package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// TestStatements keeps the number of statements and round trips of the hot
// paths, which are the same for one request and for a full batch.
func TestStatements(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	acquire(t, s)
	d := boundDevice(t, s, "anna")
	for _, n := range []int{1, groupcommit.MaxBatch} {
		var reqs []store.AcceptRequest
		for range n {
			reqs = append(reqs, pushTo(d))
		}
		var calls [][]store.Settlement
		if got, want := seen.cost(func() {
			for _, r := range acceptTogether(t, s, reqs...) {
				calls = append(calls, []store.Settlement{handed(r.Deliveries[0])})
			}
		}), (cost{10, 3}); got != want {
			t.Errorf("accepting %d: %+v, want %+v", n, got, want)
		}
		if got, want := seen.cost(func() {
			if err := errors.Join(settleTogether(t, s, calls...)...); err != nil {
				t.Error(err)
			}
		}), (cost{9, 2}); got != want {
			t.Errorf("settling %d: %+v, want %+v", n, got, want)
		}
	}
}

// TestStatementsOfBadges: a batch whose pushes raise badges has one statement more.
func TestStatementsOfBadges(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	acquire(t, s)
	d := boundDevice(t, s, "anna")
	if got := seen.cost(func() {
		if err := s.SetBadge(t.Context(), d.Key, 3); err != nil {
			t.Error(err)
		}
	}); got != (cost{4, 1}) {
		t.Errorf("setting one: %+v", got)
	}
	for _, n := range []int{1, groupcommit.MaxBatch} {
		var reqs []store.AcceptRequest
		for range n {
			r := pushTo(d)
			r.Message.Push.BadgeIncrement = 1
			reqs = append(reqs, r)
		}
		if got, want := seen.cost(func() { acceptTogether(t, s, reqs...) }), (cost{11, 3}); got != want {
			t.Errorf("accepting %d: %+v, want %+v", n, got, want)
		}
	}
}

// TestStatementsOfRules: a batch that changes rules has a statement more for each of rules, mutes and no mutes any more.
func TestStatementsOfRules(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	for _, n := range []int{1, groupcommit.MaxBatch} {
		var reqs []store.AcceptRequest
		for i := range n {
			r := pushTo(message.Device{UserID: fmt.Sprint("user-", i)})
			r.Deliveries = nil
			r.Also.Rule = &store.RuleChange{
				UserID: r.Recipients[0], Rule: new(message.DefaultRule()),
				Mute:   []message.Conversation{{Type: message.ConversationPeer, ID: "x"}},
				Unmute: []message.Conversation{{Type: message.ConversationPeer, ID: "y"}},
			}
			reqs = append(reqs, r)
		}
		if got, want := seen.cost(func() { acceptTogether(t, s, reqs...) }), (cost{10, 3}); got != want {
			t.Errorf("accepting %d: %+v, want %+v", n, got, want)
		}
	}
	if got, want := seen.cost(func() {
		if err := s.SetPresence(t.Context(), "anna", time.Minute); err != nil {
			t.Error(err)
		}
	}), (cost{1, 1}); got != want {
		t.Errorf("presence: %+v, want %+v", got, want)
	}
}

// TestStatementsOfARecall: a batch that takes messages back has two statements more and not one round trip.
func TestStatementsOfARecall(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	acquire(t, s)
	d := boundDevice(t, s, "anna")
	for _, n := range []int{1, 100} {
		var messages, recalls []store.AcceptRequest
		for range n {
			m, r := pushTo(d), pushTo(d)
			r.Also.Recall = m.Message.ID
			messages, recalls = append(messages, m), append(recalls, r)
		}
		acceptTogether(t, s, messages...)
		if got, want := seen.cost(func() { acceptTogether(t, s, recalls...) }), (cost{12, 3}); got != want {
			t.Errorf("recalling %d: %+v, want %+v", n, got, want)
		}
	}
}

// TestStatementsOfAPush keeps what one push costs that shares its commits with no other.
func TestStatementsOfAPush(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	acquire(t, s)
	boundDevice(t, s, "anna")
	got := seen.cost(func() {
		recipients, err := s.Recipients(t.Context(), []store.Ask{{UserID: "anna", In: message.Conversation{Type: message.ConversationPeer, ID: "bert"}}})
		if err != nil {
			t.Fatal(err)
		}
		accepted := s.Accept(t.Context(), []store.AcceptRequest{pushTo(recipients["anna"].Devices[0])})[0]
		if accepted.Err != nil {
			t.Fatal(accepted.Err)
		}
		row := accepted.Deliveries[0]
		if _, err := s.Fence(t.Context(), store.FenceQuery{MessageID: row.MessageID, Devices: []int64{row.Targets[0].Device}, Kind: message.TokenAlert}); err != nil {
			t.Fatal(err)
		}
		if err := s.Settle(t.Context(), []store.Settlement{handed(row)}); err != nil {
			t.Fatal(err)
		}
	})
	if want := (cost{21, 7}); got != want {
		t.Errorf("a push: %+v, want %+v", got, want)
	}
}

// TestStatementsOfALogin keeps what a login costs that shares its commit with no other, when it
// changes the user, when that is confirmed, and when it changes nothing.
func TestStatementsOfALogin(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	d := boundDevice(t, s, "anna")
	bind := func() {
		if _, err := s.Bind(t.Context(), d.Key, "bert"); err != nil {
			t.Error(err)
		}
	}
	confirm := func() {
		if err := s.Confirm(t.Context(), []store.EpochChange{{Device: d.Key, Epoch: d.Epoch + 1}}); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		name string
		do   func()
		want cost
	}{{"another user", bind, cost{9, 2}}, {"the confirmation", confirm, cost{1, 1}}, {"the same user", bind, cost{6, 1}}} {
		if got := seen.cost(tt.do); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestDeviceOfTheVersionBefore: what a dispatcher wrote that knows of no confirmation is unconfirmed.
func TestDeviceOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	s, _ := recorded(t)
	execute(t, s, `INSERT INTO @.devices (push_id, secret_hash, vendor, app_type, region, environment, platform, epoch, token_gen, registered_at, seen_at)
		VALUES ('before', '\x00', 'FCM', 1, '', '', 'Android', 3, 0, 1, 1)`)
	d, err := s.Device(t.Context(), "before")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := s.Unbind(t.Context(), d.Key)
	if want := []store.EpochChange{{Device: d.Key, Epoch: 3}}; err != nil || !slices.Equal(changed.Unconfirmed, want) {
		t.Errorf("unconfirmed %v, %v, want %v", changed.Unconfirmed, err, want)
	}
}

// recorded opens an empty store whose statements are counted.
func recorded(t *testing.T) (*Store, *recorder) {
	t.Helper()
	server := postgrestest.Shared(t)
	seen := &recorder{}
	o := options(config.Postgres{URI: config.NewSecret(server.URI(server.NewDatabase(t))), Schema: "push"})
	o.Tracer = seen
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, seen
}

// boundDevice registers a device with a token, and binds it.
func boundDevice(t *testing.T, s *Store, userID string) message.Device {
	t.Helper()
	r, err := s.Register(t.Context(), store.Registration{
		PushID: "push-of-" + userID, Selector: message.Selector{Vendor: "FCM", AppType: 1}, Platform: "Android",
		Tokens: map[message.TokenKind]string{message.TokenAlert: "token-of-" + userID},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Bind(t.Context(), r.Device.Key, userID)
	if err != nil {
		t.Fatal(err)
	}
	return c.Device
}

// pushTo is a message to the device's user that is pushed to the device.
func pushTo(d message.Device) store.AcceptRequest {
	now := time.Now()
	id := uuid.Must(uuid.NewV7()).String()
	return store.AcceptRequest{
		Message: message.Message{
			ID: id, Sender: "sender", Body: "body", CreatedAt: now, PushExpiresAt: now.Add(time.Hour),
			Push: &message.PushConfig{Title: "title"},
		},
		ClientID: fmt.Sprint("client-", id), Hash: sha256.Sum256([]byte(id)), Recipients: []string{d.UserID},
		Deliveries: []store.NewDelivery{{
			Channel: "fcm", DueAt: now, Targets: []store.NewTarget{{Device: d.Key, Epoch: d.Epoch, UserID: d.UserID}},
		}},
		MaxBacklog: 1 << 40, IdempotentUntil: now.Add(time.Hour),
	}
}

// handed ends a delivery whose vendor accepted all.
func handed(d message.Delivery) store.Settlement {
	s := store.Settlement{DeliveryID: d.ID}
	for _, target := range d.Targets {
		s.Done = append(s.Done, store.TargetResult{
			Target: target, State: message.Handed, Outcome: message.Outcome{Class: message.Accepted}, TokenGen: 1,
		})
	}
	return s
}

// TestStatementsOfCalls: steps of calls have two statements more and no further round trip, however many there are.
func TestStatementsOfCalls(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	acquire(t, s)
	d := boundDevice(t, s, "anna")
	for _, n := range []int{1, groupcommit.MaxBatch} {
		for version := range int64(2) {
			var reqs []store.AcceptRequest
			for i := range n {
				r := pushTo(d)
				r.Also.Call = &message.Call{ID: fmt.Sprint(n, "-", i), Version: version + 1, State: message.CallRinging, CreatedAt: s.Now()}
				reqs = append(reqs, r)
			}
			if got, want := seen.cost(func() { acceptTogether(t, s, reqs...) }), (cost{12, 3}); got != want {
				t.Errorf("accepting version %d of %d: %+v, want %+v", version+1, n, got, want)
			}
		}
	}
}

// TestStatementsOfAGroup keeps what a message to a group costs: its acceptance, and a step however many receivers it has.
func TestStatementsOfAGroup(t *testing.T) {
	t.Parallel()
	s, seen := recorded(t)
	acquire(t, s)
	var users []string
	for i := range 200 {
		users = append(users, fmt.Sprintf("user-%03d", i))
	}
	if _, err := s.PutGroup(t.Context(), "g", users); err != nil {
		t.Fatal(err)
	}
	d := boundDevice(t, s, users[0])
	r := pushTo(d)
	r.Message.Sender, r.Recipients, r.Deliveries = users[0], nil, nil
	r.Also.Expansion = &store.NewExpansion{GroupID: "g"}
	if got, want := seen.cost(func() { acceptTogether(t, s, r) }), (cost{9, 2}); got != want {
		t.Errorf("accepting: %+v, want %+v", got, want)
	}
	for _, size := range []int{1, 100} {
		all, err := s.RunningExpansions(t.Context(), 10)
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		receivers, err := s.ReceiversBehind(t.Context(), all[0], size)
		if err != nil {
			t.Fatal(err)
		}
		step := store.AcceptRequest{Message: r.Message, Step: &store.Step{From: all[0].After, Users: int64(len(receivers))}}
		for _, u := range receivers {
			step.Recipients, step.Step.To = append(step.Recipients, u.ID), u.Key
			step.Suppressed = append(step.Suppressed, store.Suppression{UserID: u.ID, Reason: message.ReasonNoChannel})
		}
		if got, want := seen.cost(func() {
			if err := s.Expand(t.Context(), step).Err; err != nil {
				t.Error(err)
			}
		}), (cost{9, 3}); got != want {
			t.Errorf("a step for %d: %+v, want %+v", size, got, want)
		}
	}
}
