package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// log tells the result in the test's log.
func (r *result) log(t *testing.T) {
	t.Helper()
	t.Logf("%d acknowledged, %d lost, %d to a wrong user, %d pushes arrived, %d repeated, %d seen twice %v, account %+v",
		r.acked, r.lost, r.wrong, r.pushed, r.repeated, r.seen, r.seenBy, r.account)
	for _, f := range r.faults {
		t.Logf("%s  %s", f, f.name)
	}
}

// million is a count per million pushes.
func (r *result) million(n int) int { return n * 1_000_000 / max(r.pushed, 1) }

// document is docs/reliability.md.
func document(seed uint64, results map[string]*result) string {
	var b strings.Builder
	b.WriteString(head)
	fmt.Fprintf(&b, "```sh\nmake chaos SEED=%d DURATION=%s RATE=%d FAULTS=%d\n```\n\n", seed, *duration, *rateFlag, *faultsFlag)
	b.WriteString("| | " + strings.Join(names(results), " | ") + " |\n|---|" + strings.Repeat("---:|", len(results)) + "\n")
	line := func(what string, value func(*result) any) {
		fmt.Fprintf(&b, "| %s |", what)
		for _, name := range names(results) {
			fmt.Fprintf(&b, " %v |", value(results[name]))
		}
		b.WriteString("\n")
	}
	line("Messages acknowledged", func(r *result) any { return r.acked })
	line("Faults", func(r *result) any { return len(r.faults) })
	line("**Lost**", func(r *result) any { return r.lost })
	line("**Shown to a wrong user**", func(r *result) any { return r.wrong })
	line("Pushes that arrived on phones", func(r *result) any { return r.pushed })
	line("Repeated pushes per million", func(r *result) any { return r.million(r.repeated) })
	line("Repeated pushes per million that a phone shows twice", func(r *result) any { return r.million(r.seen) })
	line("Vendors whose phones showed one twice", func(r *result) any {
		return cmp.Or(strings.Join(slices.Sorted(maps.Keys(r.seenBy)), ", "), "none")
	})
	line("Pushes unaccounted for", func(r *result) any { return r.account.Unaccounted() })
	b.WriteString(tail)
	b.WriteString("| Fault | " + strings.Join(names(results), " | ") + " |\n|---|" + strings.Repeat("---:|", len(results)) + "\n")
	for _, f := range allFaults() {
		line(f.name, func(r *result) any { return worst(r.faults, f.name) })
	}
	return b.String()
}

func names(results map[string]*result) []string { return slices.Sorted(maps.Keys(results)) }

func (r recovery) String() string {
	return fmt.Sprintf("%.1f / %.1f / %.1f s", r.lasted.Seconds(), r.waited.Seconds(), r.after.Seconds())
}

// worst is the longest of each time of a kind of fault, and how often it happened.
func worst(all []recovery, name string) string {
	times, longest := 0, recovery{}
	for _, f := range all {
		if f.name == name {
			times++
			longest = recovery{name, max(longest.lasted, f.lasted), max(longest.waited, f.waited), max(longest.after, f.after)}
		}
	}
	if times == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%d×)", longest, times)
}

const head = `# Reliability

This page is written by ` + "`make chaos`" + `, which breaks a running app on purpose: dispatchers and the vendor simulator as
separate processes, three dispatchers with PostgreSQL and one with SQLite, messages at a fixed rate to phones of four vendors,
and a seeded schedule of faults. Some users have a session as long as they can, and pairs of users share a phone and log in
and out all the time. An independent checker then holds what the API acknowledged against what the phones showed, what the
sessions read and what every inbox holds. Any message lost or shown to a wrong user fails the run.

Repeat it with

`

const tail = `
A push is repeated when its vendor had taken it and the answer was lost, or when a dispatcher died before it noted the
answer: delivery towards a vendor is at least once. A phone hides the repetition where the vendor has an id for that:
it bears the same one, or replaces the notification that is shown.

## Time to recover

For each kind of fault the longest of three times: how long the fault itself lasted, with the start of what it ended; how long
a request had to be repeated until it was acknowledged; and how long after the fault the last message was on its phone that
had been acknowledged before. In brackets, how often it happened.

`
