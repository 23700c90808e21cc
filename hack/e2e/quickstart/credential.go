package quickstart

import (
	"context"
	"fmt"
	"strings"
)

// pods are the names and restarts of the app's dispatchers.
func (s *Story) pods(ctx context.Context) (string, error) {
	return s.Kubectl(ctx, "-n", Namespace, "get", "pods", "-l", dispatchers,
		"-o", "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].restartCount}; {end}")
}

// ready waits for the Ready condition of the Xiaomi channel and gives its message.
func (s *Story) ready(ctx context.Context, status string) (string, error) {
	const conditions = `.status.conditions[?(@.type=="Ready")]`
	err := await(ctx, "pushchannel/xiaomi to be Ready="+status, func(ctx context.Context) error {
		got, err := s.field(ctx, "pushchannel/xiaomi", conditions+".status")
		if err == nil && got != status {
			err = fmt.Errorf("%w: it is %s", errNotYet, got)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return s.field(ctx, "pushchannel/xiaomi", conditions+".message")
}

// setSecret applies the channel's Secret, as the quickstart does, with another value.
func (s *Story) setSecret(ctx context.Context, value string) error {
	manifest := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"xiaomi-credential","namespace":%q},"stringData":{"appSecret":%q}}`,
		Namespace, value)
	s.Say("    $ kubectl -n %s apply --server-side -f -   # Secret xiaomi-credential", Namespace)
	return s.apply(ctx, manifest)
}

func (s *Story) revoke(ctx context.Context) error {
	if err := s.vendors.Revoke(ctx, "xiaomi", xiaomi.app); err != nil {
		return fmt.Errorf("revoking Xiaomi's secret: %w", err)
	}
	if _, err := s.send(ctx, s.bob, "Sent while Xiaomi refuses"); err != nil {
		return err
	}
	if _, err := s.shows(ctx, s.fcm); err != nil {
		return err
	}
	message, err := s.ready(ctx, "False")
	if err != nil {
		return err
	}
	if !strings.Contains(message, "213") {
		return fmt.Errorf("the channel's message %q does not have the vendor's code", message)
	}
	if err := s.showedNothing(ctx, s.mi); err != nil {
		return err
	}
	if err := s.Show(ctx, "-n", Namespace, "get", "pushchannels,pushapps"); err != nil {
		return err
	}
	s.Say("    pushchannel/xiaomi: %s", message)
	return nil
}

func (s *Story) rotate(ctx context.Context) error {
	before, err := s.pods(ctx)
	if err != nil {
		return err
	}
	app, err := s.vendors.RotateXiaomiApp(ctx, xiaomi.app, "")
	if err != nil {
		return fmt.Errorf("rotating Xiaomi's secret: %w", err)
	}
	if err := s.setSecret(ctx, app.AppSecret); err != nil {
		return err
	}
	a, err := s.shows(ctx, s.mi)
	if err != nil {
		return err
	}
	if a.Title != "Sent while Xiaomi refuses" {
		return fmt.Errorf("the kept message is %q", a.Title)
	}
	if _, err := s.ready(ctx, "True"); err != nil {
		return err
	}
	after, err := s.pods(ctx)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("pods changed from %q to %q", before, after)
	}
	return s.Show(ctx, "-n", Namespace, "get", "pushchannels,pushapps")
}
