package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// rosterTimeout bounds one look into the store.
const rosterTimeout = 2 * time.Second

// roster knows the other live dispatchers. Callers that ask while the store is
// asked already share the next look, so that each sees what is true after it asked.
type roster struct {
	looks *groupcommit.Group[*[]store.Peer]
}

func newRoster(s Store) roster {
	return roster{groupcommit.New(func(batch []*[]store.Peer) error {
		ctx, cancel := context.WithTimeout(context.Background(), rosterTimeout)
		defer cancel()
		live, err := s.Peers(ctx)
		if err != nil {
			return groupcommit.Whole(fmt.Errorf("asking the store for the live dispatchers: %w", err))
		}
		for _, out := range batch {
			*out = live
		}
		return nil
	})}
}

// live lists the other dispatchers whose lease lives. The caller must not change the list.
func (r roster) live(ctx context.Context) ([]store.Peer, error) {
	var out []store.Peer
	err := r.looks.Do(ctx, &out)
	return out, err
}

// lives reports whether the incarnation's lease lives.
func (r roster) lives(ctx context.Context, incarnation int64) (bool, error) {
	live, err := r.live(ctx)
	for _, p := range live {
		if p.Incarnation == incarnation {
			return true, err
		}
	}
	return false, err
}

func (r roster) close() { r.looks.Close() }
