package session

import "testing"

// TestLaterThan: of two users the one who is bound counts, of two logins of one user the later one.
func TestLaterThan(t *testing.T) {
	t.Parallel()
	inOrder := []*session{{epoch: 1, login: 3}, {epoch: 1, login: 5}, {epoch: 2, login: 4}}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got, want := a.laterThan(b), i > j; got != want {
				t.Errorf("%d later than %d: %t", i, j, got)
			}
		}
	}
}
