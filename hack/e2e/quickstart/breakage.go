package quickstart

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// Breakage are the steps that follow the story where nobody watches.
func (s *Story) Breakage() []Step {
	if s.Store == Postgres {
		return []Step{{"Every push is accounted for", s.account}} // what else breaks has nothing to do with the store
	}
	return []Step{
		{"kill -9 between accept and vendor call loses nothing", s.kill},
		{"A refused new credential never reaches the dispatcher", s.refuse},
		{"A PushTest says what is in its way", s.troubledPushTests},
		{"Wrong YAML is refused with the field and the cure", s.misspell},
		{"A deleted child comes back, and a second apply changes nothing", s.restore},
		{"The planes serve TLS, and a new certificate without a failed request", s.serveTLS},
		{"Every push is accounted for", s.account},
	}
}

// kill ends the dispatcher while the vendor takes nothing.
func (s *Story) kill(ctx context.Context) error {
	const messages = 10
	if err := s.vendors.SetFault(ctx, "fcm", traffic.Fault{Throttle: true, RetryAfterSeconds: 1}); err != nil {
		return err
	}
	for i := range messages {
		if _, err := s.send(ctx, s.carol, fmt.Sprintf("Accepted before the kill, %d", i)); err != nil {
			return err
		}
	}
	pods, err := s.running(ctx)
	if err != nil {
		return err
	}
	if err := crash(pods[0]); err != nil {
		return err
	}
	if err := s.vendors.ClearFault(ctx, "fcm"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for len(seen) < messages {
		a, err := s.shows(ctx, s.third)
		if err != nil {
			return fmt.Errorf("after %d of %d messages: %w", len(seen), messages, err)
		}
		seen[a.Title] = true
	}
	if _, err := s.Kubectl(ctx, "-n", Namespace, "wait", "--for=condition=Ready", "pushapp/chat", "--timeout=180s"); err != nil {
		return err
	}
	return s.reachPlanes(ctx)
}

// refuse changes the credential to one that the vendor does not know.
func (s *Story) refuse(ctx context.Context) error {
	good, err := s.field(ctx, "secret/xiaomi-credential", ".data.appSecret")
	if err != nil {
		return err
	}
	secret, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		return err
	}
	if err := s.setSecret(ctx, "wrong-secret-of-xiaomi"); err != nil {
		return err
	}
	message, err := s.ready(ctx, "False")
	if err != nil {
		return err
	}
	s.Say("    pushchannel/xiaomi: %s", message)
	if strings.Contains(message, "wrong-secret") {
		return errors.New("the channel's message shows the credential")
	}
	if _, err := s.send(ctx, s.bob, "Sent while the new secret is wrong"); err != nil {
		return err
	}
	if _, err := s.shows(ctx, s.mi); err != nil {
		return fmt.Errorf("the old credential is no longer used: %w", err)
	}
	if err := s.setSecret(ctx, string(secret)); err != nil {
		return err
	}
	_, err = s.ready(ctx, "True")
	return err
}

// misspell applies a channel with the wrong member.
func (s *Story) misspell(ctx context.Context) error {
	err := s.apply(ctx, `
apiVersion: offlinepush.io/v1alpha1
kind: PushChannel
metadata: {name: wrong, namespace: quickstart}
spec:
  vendor: Xiaomi
  fcm: {}
  credentials: {secretRef: {name: xiaomi-credential}}
`)
	const want = "`xiaomi` must be set when `vendor` is 'Xiaomi', and only then"
	if err == nil || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("want an error with %q, got %w", want, err)
	}
	return nil
}

// restore deletes a Service and applies everything again; the Service that comes back leads to the dispatchers.
func (s *Story) restore(ctx context.Context) error {
	const object = "deployment/chat-dispatcher"
	before, err := s.field(ctx, object, ".metadata.generation")
	if err != nil {
		return err
	}
	if _, err := s.Kubectl(ctx, "-n", Namespace, "delete", "service", "chat-server"); err != nil {
		return err
	}
	err = await(ctx, "service/chat-server to come back", func(ctx context.Context) error {
		_, err := s.field(ctx, "service/chat-server", ".spec.clusterIP")
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.Kubectl(ctx, "apply", "--server-side", "-k", "config/default"); err != nil {
		return err
	}
	if _, err := s.Kubectl(ctx, "-n", Namespace, "wait", "--for=condition=Ready", "pushapp/chat", "--timeout=180s"); err != nil {
		return err
	}
	after, err := s.field(ctx, object, ".metadata.generation")
	if err == nil && after != before {
		err = fmt.Errorf("%s went from generation %s to %s", object, before, after)
	}
	if err != nil {
		return err
	}
	return s.findPlanes(ctx)
}

// account reads the dispatcher's metrics, after the operator made it count.
func (s *Story) account(ctx context.Context) error {
	return await(ctx, "offlinepush_unaccounted to be 0", func(ctx context.Context) error {
		pods, err := s.running(ctx)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+pods[0].ip+":9090/metrics", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(b), "\nofflinepush_unaccounted 0\n") {
			err = fmt.Errorf("%w", errNotYet)
		}
		return err
	})
}
