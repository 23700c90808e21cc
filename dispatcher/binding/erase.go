package binding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// eraseRows is how much of a user goes in one commit, so that others do not wait long behind it.
	eraseRows = 1000
	// erasePatience bounds how long the one who asked waits for the rest.
	erasePatience = 10 * time.Second
	// resumeAtOnce is how many erasures are gone on with before the next ones are read.
	resumeAtOnce = 100
)

// Erase forgets a user. After its answer nothing is open or starts for the user on any device, and the devices
// are gone. done is false when there is so much else that it takes longer; Resume goes on with it.
func (s *Service) Erase(ctx context.Context, userID string) (done bool, err error) {
	if err := message.CheckID("userID", userID); err != nil {
		return false, err
	}
	erasures, err := s.deps.Store.Erase(ctx, userID)
	if err != nil {
		return false, fmt.Errorf("erasing a user: %w", err)
	}
	for _, e := range erasures {
		if err := s.eraseDevices(ctx, e); err != nil {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, erasePatience)
	defer cancel()
	for _, e := range erasures {
		if err := s.eraseRows(ctx, e); errors.Is(err, context.DeadlineExceeded) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// Resume goes on with the erasures that somebody began and did not end.
func (s *Service) Resume(ctx context.Context) error {
	for {
		erasures, err := s.deps.Store.Erasures(ctx, resumeAtOnce)
		if err != nil {
			return fmt.Errorf("reading what is to be erased: %w", err)
		}
		for _, e := range erasures {
			if err := errors.Join(s.eraseDevices(ctx, e), s.eraseRows(ctx, e)); err != nil {
				return err
			}
		}
		if len(erasures) < resumeAtOnce {
			return nil
		}
	}
}

// eraseDevices deletes the devices once nothing of the user is open on them any more.
func (s *Service) eraseDevices(ctx context.Context, e store.Erasure) error {
	if len(e.Devices) == 0 {
		return nil
	}
	if err := s.settle(ctx, wire.KickedUnregistered, e.Devices, nil); err != nil {
		return err
	}
	if err := s.deps.Store.EraseDevices(context.WithoutCancel(ctx), e); err != nil {
		return fmt.Errorf("erasing the devices of a user: %w", err)
	}
	return nil
}

func (s *Service) eraseRows(ctx context.Context, e store.Erasure) error {
	for more := true; more; {
		var err error
		if more, err = s.deps.Store.EraseRows(ctx, e, eraseRows); err != nil {
			return fmt.Errorf("erasing what belongs to a user: %w", err)
		}
		if more && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
