package postgres

import (
	"context"
	"errors"

	"github.com/offlinepush/operator/dispatcher/store"
)

// change is a rare write of several statements: a binding, a registration. Those
// of concurrent callers run one after the other in one transaction.
type change struct {
	// run sets its results anew each time: it may run again in another transaction.
	run func(context.Context, *tx) error
	// refused is the truth about the request, which is no trouble of the store.
	refused error
}

func (s *Store) commitChanges(ctx context.Context, t *tx, batch []*change) error {
	for _, c := range batch {
		c.refused = nil
		err := c.run(ctx, t)
		if errors.Is(err, store.ErrNotFound) { // it has written nothing
			c.refused, err = err, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write commits one change.
func (s *Store) write(ctx context.Context, run func(context.Context, *tx) error) error {
	c := &change{run: run}
	if err := s.changes.Do(ctx, c); err != nil {
		return explain(err)
	}
	return c.refused
}
