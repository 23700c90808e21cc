package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// mostProblems bounds what is told of one run.
const mostProblems = 20

// witness is one phone: who used it when, and what it and its sessions showed.
type witness struct {
	vendor   string
	users    []string
	arrivals []phone.Arrival
	read     map[string]time.Time
	history  *process.History
}

// evidence is all that the checker judges by, beside the acknowledgements.
type evidence struct {
	phones []witness
	// inboxes are the bodies of each user's messages, in order.
	inboxes map[string][]string
}

// result is the checker's verdict.
type result struct {
	acked, lost, wrong int
	// pushed counts arrivals on phones, repeated those of a message that had arrived, and seen those of these
	// that the phone could not hide.
	pushed, repeated, seen int
	seenBy                 map[string]int // vendor
	faults                 []recovery
	account                report.Account
	problems               []string
}

// recovery is how a fault went by.
type recovery struct {
	name string
	// lasted is the fault itself, with the start of what it ended.
	lasted time.Duration
	// waited is the longest that a request had to be repeated until its messages were acknowledged.
	waited time.Duration
	// after is how long after the end of the fault the last message arrived that was acknowledged before the end.
	after time.Duration
}

func (r *result) problem(format string, args ...any) {
	if len(r.problems) < mostProblems {
		r.problems = append(r.problems, fmt.Sprintf(format, args...))
	}
}

// check holds what was acknowledged against what arrived.
func check(acked map[string]ack, e evidence, faults []happened) result {
	r := result{acked: len(acked), seenBy: map[string]int{}}
	first := map[string]time.Time{}
	note := func(payload string, at time.Time) {
		if old, ok := first[payload]; !ok || at.Before(old) {
			first[payload] = at
		}
	}
	alone := map[string]bool{} // users whose phone is theirs all the time
	for _, w := range e.phones {
		r.judge(w, note)
		alone[w.users[0]] = len(w.users) == 1
	}
	for payload, a := range acked {
		if _, ok := first[payload]; !ok && alone[a.to] {
			r.lost++
			r.problem("lost: %q was acknowledged at %s and reached no phone", payload, a.at)
		}
	}
	r.readInboxes(acked, e.inboxes)
	for _, f := range faults {
		r.faults = append(r.faults, recovered(f, acked, first))
	}
	return r
}

// judge looks at one phone: whose messages it showed, and what it showed twice.
func (r *result) judge(w witness, note func(string, time.Time)) {
	shown := map[string]bool{}
	for _, a := range w.arrivals {
		r.pushed++
		if to := receiver(a.Payload); !w.history.Allows(to, a.ArrivedAt) {
			r.wrong++
			r.problem("wrong user: at %s %s's phone of %v showed what is for %s", a.ArrivedAt, w.vendor, w.users, to)
		}
		if shown[a.Payload] {
			r.repeated++
			if a.DuplicateOf == 0 && a.Replaces == 0 {
				r.seen++
				r.seenBy[w.vendor]++
			}
		}
		shown[a.Payload] = true
		note(a.Payload, a.ArrivedAt)
	}
	for payload, at := range w.read {
		if to := receiver(payload); !slices.Contains(w.users, to) {
			r.wrong++
			r.problem("wrong user: a session of %v showed what is for %s", w.users, to)
		}
		note(payload, at)
	}
}

// readInboxes wants every acknowledged message in its receiver's inbox exactly once.
func (r *result) readInboxes(acked map[string]ack, inboxes map[string][]string) {
	want := map[string]int{}
	for _, a := range acked {
		want[a.to]++
	}
	for _, user := range slices.Sorted(maps.Keys(inboxes)) {
		times := map[string]int{}
		for _, body := range inboxes[user] {
			times[body]++
			if a, ok := acked[body]; !ok || a.to != user || times[body] > 1 {
				r.wrong++
				r.problem("%s's inbox holds %q for the %d. time", user, body, times[body])
			}
		}
		if missing := want[user] - len(times); missing > 0 {
			r.lost += missing
			r.problem("lost: %s's inbox lacks %d of %d messages", user, missing, want[user])
		}
	}
}

// receiver is who a payload names.
func receiver(payload string) string {
	to, _, _ := strings.Cut(strings.TrimPrefix(payload, "to="), " ")
	return to
}

func recovered(f happened, acked map[string]ack, first map[string]time.Time) recovery {
	r := recovery{name: f.name, lasted: f.end.Sub(f.start)}
	for payload, a := range acked {
		if a.due.Before(f.end) && a.at.After(f.start) {
			r.waited = max(r.waited, a.at.Sub(a.due))
		}
		if at, ok := first[payload]; ok && a.at.Before(f.end) {
			r.after = max(r.after, at.Sub(f.end))
		}
	}
	return r
}

// The checker itself must see what it is for.
func TestChecker(t *testing.T) {
	t.Parallel()
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	mine := &process.History{}
	mine.Register(at(0))
	mine.Bind(process.Span{Start: at(1), Answer: at(2)}, 0, "ann")
	shared := &process.History{}
	shared.Register(at(0))
	shared.Bind(process.Span{Start: at(1), Answer: at(2)}, 0, "ben")
	shared.Bind(process.Span{Start: at(10), Answer: at(11)}, 0, "cat")
	arrival := func(seq int64, payload string, n int, again int64) phone.Arrival {
		return phone.Arrival{Seq: seq, Content: phone.Content{Payload: payload}, ArrivedAt: at(n), DuplicateOf: again}
	}
	acked := map[string]ack{
		"to=ann n=1": {"ann", at(3), at(3)}, "to=ann n=2": {"ann", at(2), at(4)}, "to=ann n=3": {"ann", at(5), at(5)},
		"to=ben n=4": {"ben", at(11), at(12)},
	}
	e := evidence{
		phones: []witness{
			{vendor: "fcm", users: []string{"ann"}, history: mine, read: map[string]time.Time{"to=ann n=2": at(5)}, arrivals: []phone.Arrival{
				arrival(1, "to=ann n=1", 4, 0), arrival(2, "to=ann n=1", 5, 1), arrival(3, "to=ann n=1", 6, 0),
			}},
			{vendor: "fcm", users: []string{"ben", "cat"}, history: shared, arrivals: []phone.Arrival{arrival(1, "to=ben n=4", 13, 0)}},
		},
		inboxes: map[string][]string{"ann": {"to=ann n=1", "to=ann n=2", "to=ann n=2"}, "ben": {"to=ben n=4"}},
	}
	r := check(acked, e, []happened{{"early", at(3), at(4)}, {"late", at(11), at(13)}})
	// Lost: n=3 on the phone and in the inbox. Wrong: ben's push after cat took over, and an entry that is there twice.
	if r.acked != 4 || r.lost != 2 || r.wrong != 2 || r.pushed != 4 || r.repeated != 2 || r.seen != 1 || len(r.problems) != 4 {
		t.Errorf("%+v", r)
	}
	want := []recovery{{"early", time.Second, 2 * time.Second, 0}, {"late", 2 * time.Second, time.Second, 0}}
	if !slices.Equal(r.faults, want) {
		t.Errorf("the faults went by as %+v", r.faults)
	}
}
