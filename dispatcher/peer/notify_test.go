package peer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/store"
)

// answerTime is how long a pod has for its answer.
const answerTime = 500 * time.Millisecond

func row(id int64) message.Delivery {
	return message.Delivery{ID: id, DueAt: time.Now().Add(3 * time.Second), Targets: make([]message.Target, 1)}
}

func upTo(userID string, seq int64) map[string]int64 { return map[string]int64{userID: seq} }

func TestHintsGoWhereTheUserIsConnected(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b, c := newPod(t, l, 1, "k"), newPod(t, l, 2, "k"), newPod(t, l, 3, "k")
	l.connect("bob", 1, 2)
	l.connect("eve", 3)
	for seq := range int64(50) {
		a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: map[string]int64{"bob": seq + 1, "eve": seq + 1, "nobody": 1}})
	}
	b.sees(t, "bob's newest", func(h *told) bool { return h.upTo["bob"] == 50 })
	c.sees(t, "eve's newest", func(h *told) bool { return h.upTo["eve"] == 50 })
	b.mu.Lock() // A request that was given up may go on, here and below.
	defer b.mu.Unlock()
	if diff := cmp.Diff(map[string]int64{"bob": 50}, b.upTo); diff != "" {
		t.Error("told more than it holds:", diff)
	}
	if len(a.upTo) != 0 {
		t.Error("a pod told itself")
	}
}

func TestRowsOfAPodThatAnswersKeepTheirTime(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	l.connect("bob", 1, 2)
	keepTheirTime(t, a, b, peer.Notice{Incarnation: 1, Waiting: map[int64][]message.Delivery{1: {row(10)}, 2: {row(20)}}})
}

func TestAPodThatDoesNotAnswerCountsAsNotConnected(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	freeze(t, l, 2)
	l.connect("bob", 2)
	start := time.Now()
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: upTo("bob", 1), Waiting: map[int64][]message.Delivery{2: {row(20)}}})
	a.sees(t, "the push is due", func(h *told) bool { return len(h.due[1]) == 1 })
	if took := a.dueAt.Sub(start); took < answerTime {
		t.Errorf("due after %v, want %v", took, answerTime)
	}
	if due := a.due[1][0]; due.ID != 20 || due.DueAt.After(time.Now()) {
		t.Errorf("row %+v", due)
	}
	var took []time.Duration
	for incarnation := int64(5); len(took) == 0 || slices.Min(took) >= answerTime; incarnation++ { // unless the machine is slow
		if len(took) == 20 {
			t.Fatalf("the pod was silent already, and each of the next pushes waited: %v", took)
		}
		start = time.Now()
		a.peers.Notify(peer.Notice{Incarnation: incarnation, UpTo: upTo("bob", 2), Waiting: map[int64][]message.Delivery{2: {row(21)}}})
		a.sees(t, "the next push is due", func(h *told) bool { return len(h.due[incarnation]) == 1 })
		took = append(took, a.dueAt.Sub(start))
	}
}

func TestRowsOfAPodThatIsGoneAreDue(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	l.connect("bob", 2)
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: upTo("bob", 1), Waiting: map[int64][]message.Delivery{2: {row(20)}}})
	a.sees(t, "the push is due", func(h *told) bool { return len(h.due[1]) == 1 })
}

func TestHintsAreToldAgainUntilThePodAnswers(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	freeze(t, l, 2)
	l.connect("bob", 2)
	l.connect("eve", 2)
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: map[string]int64{"bob": 1, "eve": 1}, Waiting: map[int64][]message.Delivery{2: {row(20)}}})
	a.sees(t, "it does not answer", func(h *told) bool { return len(h.due[1]) == 1 })
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: upTo("bob", 4)})
	b := newPod(t, l, 2, "k") // it thaws
	b.sees(t, "the hints", func(h *told) bool { return h.upTo["bob"] == 4 && h.upTo["eve"] == 1 })
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: upTo("bob", 5)})
	b.sees(t, "the next hint, after its answer to the first", func(h *told) bool { return h.upTo["bob"] == 5 })
	keepTheirTime(t, a, b, peer.Notice{Incarnation: 1, UpTo: upTo("bob", 6), Waiting: map[int64][]message.Delivery{2: {row(21)}}})
}

// keepTheirTime gives a pod rows that wait for another, which answers. They are not pushed, or not always: on a slow
// machine the answer may be late.
func keepTheirTime(t *testing.T, a, b *pod, n peer.Notice) {
	t.Helper()
	tell := func(n peer.Notice) {
		t.Helper()
		a.peers.Notify(n)
		b.sees(t, "the hint", func(h *told) bool { return h.upTo["bob"] == n.UpTo["bob"] })
	}
	pushed := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.due[n.Incarnation])
	}
	for range 20 {
		before := pushed()
		n.UpTo = upTo("bob", n.UpTo["bob"]+1)
		tell(n)
		n.UpTo = upTo("bob", n.UpTo["bob"]+1)
		tell(peer.Notice{Incarnation: n.Incarnation, UpTo: n.UpTo}) // It comes after what became of the first.
		if pushed() == before {
			return
		}
	}
	t.Errorf("pushed although the session's pod answers: %v", a.due)
}

func TestTooManyHintsAreOneForAll(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	many := map[string]int64{}
	for i := range 10_001 {
		many[fmt.Sprint("user-", i)] = 1
	}
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: many})
	b.sees(t, "a hint for all", func(h *told) bool { return h.all > 0 && len(h.upTo) == 0 })
}

func TestAsManyHintsAsFitAreToldOneByOne(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	many := map[string]int64{}
	for i := range 10_000 {
		many[fmt.Sprint("user-", i)] = int64(i + 1)
		l.connect(fmt.Sprint("user-", i), 2)
	}
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: many})
	b.sees(t, "all hints", func(h *told) bool { return len(h.upTo) == 10_000 })
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(many, b.upTo); diff != "" || b.all != 0 {
		t.Error(diff, b.all)
	}
}

func TestNewsSurvivesTroubleOfTheStore(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	l.connect("bob", 2)
	l.breakDown(errors.New("no connection"))
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: upTo("bob", 1)})
	a.peers.Replaced(store.Place{Incarnation: 2, Number: 5}, 7)
	l.breakDown(nil)
	b.sees(t, "the hint", func(h *told) bool { return h.upTo["bob"] == 1 && h.replaced[7] == 5 })
}

func TestAReplacedSessionIsToldToItsPodOnly(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b, c := newPod(t, l, 1, "k"), newPod(t, l, 2, "k"), newPod(t, l, 3, "k")
	a.peers.Replaced(store.Place{Incarnation: 2, Number: 5}, 7)
	b.sees(t, "the session", func(h *told) bool { return h.replaced[7] == 5 })
	a.stop()
	if len(c.replaced) != 0 {
		t.Errorf("told to a stranger: %v", c.replaced)
	}
}

func TestWhatIsLeftIsToldAtTheEnd(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b := newPod(t, l, 1, "k"), newPod(t, l, 2, "k")
	l.connect("bob", 2)
	l.breakDown(errors.New("no connection"))
	before := l.looked()
	a.peers.Notify(peer.Notice{Incarnation: 1, UpTo: upTo("bob", 2)})
	eventually(t, "the store fails", func() bool { return l.looked() > before })
	l.breakDown(nil)
	a.stop() // while it waits for the store
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.upTo["bob"] != 2 {
		t.Errorf("told %v before the end", b.upTo)
	}
}

func TestSessionsLookWhenAPodIsGone(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a := newPod(t, l, 1, "k")
	newPod(t, l, 2, "k").sees(t, "it is known and answers", func(h *told) bool { return h.hints > 0 })
	l.end(2)
	a.sees(t, "all look at their inboxes", func(h *told) bool { return h.all > 0 })
}

// A pod that is killed is noticed while its lease lives for long.
func TestSessionsLookWhenAPodFallsSilent(t *testing.T) {
	t.Parallel()
	l := newLeases()
	a, b, c := newPod(t, l, 1, "k"), newPod(t, l, 2, "k"), newPod(t, l, 3, "k")
	freeze(t, l, 4) // which has never answered
	b.sees(t, "both ask it, and again", func(h *told) bool { return h.hints >= 4 })
	for _, p := range []*pod{a, c} {
		p.sees(t, "nobody looks for what is not hidden", func(h *told) bool { return h.all == 0 })
	}
	b.kill()
	a.sees(t, "all look at their inboxes", func(h *told) bool { return h.all > 0 })
	c.sees(t, "all look at their inboxes", func(h *told) bool { return h.all > 0 })
}
