package sqlite

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
)

// checkPlans refuses every query that visits a table that grows, instead of
// finding its rows by an index.
func checkPlans(t *testing.T, queries map[string]bool) {
	t.Helper()
	s, err := Open(t.Context(), options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for query := range queries {
		for _, step := range plan(t, s, query) {
			if !cheap(query, step) {
				t.Errorf("%s\n\tfor: %s", step, query)
			}
		}
	}
}

// cheap allows to visit what has a handful of rows, the one adoption, and a count with a limit.
func cheap(query, step string) bool {
	if strings.Contains(step, "TEMP B-TREE") {
		// These sort a few users, their devices, or a few deliveries.
		return slices.Contains([]string{devicesOf, evictable, receiversNamed, dueFew, dueFewBack}, query)
	}
	visited, ok := strings.CutPrefix(step, "SCAN ")
	if !ok || query == adopt || query == countDue {
		return true
	}
	return slices.Contains([]string{"j", "leases", "drains", "backlog", "account", "erasures", "quotas", "channel_days", "CONSTANT"}, strings.Fields(visited)[0])
}

func plan(t *testing.T, s *Store, query string) (steps []string) {
	t.Helper()
	rows, err := s.reader.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("%v for %s", err, query)
	}
	if err := each(rows, func(rows *sql.Rows) error {
		var id, parent, unused int
		var step string
		err := rows.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return steps
}

func TestPlansAreToldApart(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for query, want := range map[string]bool{
		`SELECT 1 FROM messages WHERE body = ?`:                               false,
		`SELECT 1 FROM outcomes o ORDER BY code`:                              false,
		`UPDATE deliveries SET owner = 1 WHERE owner = ?`:                     false,
		`SELECT 1 FROM messages WHERE message_id = ?`:                         true,
		`SELECT sum(pending) FROM backlog`:                                    true,
		`SELECT 1 FROM deliveries WHERE channel = ? ORDER BY due_at LIMIT 10`: true,
	} {
		got := true
		for _, step := range plan(t, s, query) {
			got = got && cheap(query, step)
		}
		if got != want {
			t.Errorf("%s: cheap %v, want %v: %q", query, got, want, plan(t, s, query))
		}
	}
}
