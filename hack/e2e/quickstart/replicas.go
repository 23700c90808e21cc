package quickstart

import (
	"context"
	"fmt"
)

// across opens a session at one dispatcher and sends to it through each of the others.
func (s *Story) across(ctx context.Context) error {
	pods, err := s.running(ctx)
	if err != nil {
		return err
	}
	if len(pods) < 2 {
		return fmt.Errorf("%d dispatcher runs, want several", len(pods))
	}
	session, messages, err := s.session(ctx, pods[0].phone(s.third), s.carol)
	if err != nil {
		return err
	}
	defer session.Close()
	s.Say("    carol's session is at %s", pods[0].name)
	for _, p := range pods[1:] {
		if _, err := s.sendBy(ctx, p.server(), s.carol, "Accepted by "+p.name); err != nil {
			return err
		}
		if err := s.receive(ctx, "carol", messages); err != nil {
			return err
		}
	}
	return s.showedNothing(ctx, s.third)
}
