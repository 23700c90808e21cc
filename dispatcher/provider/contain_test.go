package provider_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const poison = "what-the-vendor-answered"

// broken panics about the token "bad", in the ways in which clients send.
type broken struct {
	provider.Provider
	send func(ctx context.Context, tokens []string, push func(token string) message.Outcome) []message.Outcome
}

func push(token string) message.Outcome {
	if token == "bad" {
		panic(poison + token)
	}
	return message.Outcome{Class: message.Accepted}
}

func (b broken) Send(ctx context.Context, _ provider.Notification, targets []provider.Target) []message.Outcome {
	tokens := make([]string, len(targets))
	for i, t := range targets {
		tokens[i] = t.Token
	}
	return b.send(ctx, tokens, push)
}

func (broken) Probe(context.Context) message.Outcome { return push("bad") }

func (broken) DeadTokens(context.Context) ([]string, message.Outcome) { return nil, push("bad") }

func inStreams(ctx context.Context, tokens []string, push func(string) message.Outcome) []message.Outcome {
	outcomes := make([]message.Outcome, len(tokens))
	indexes := make([]int, len(tokens))
	for i := range indexes {
		indexes[i] = i
	}
	provider.NewStreams(1).Each(ctx, indexes, func(i int) { outcomes[i] = push(tokens[i]) })
	return outcomes
}

func alone(ctx context.Context, tokens []string, push func(string) message.Outcome) []message.Outcome {
	outcomes := make([]message.Outcome, len(tokens))
	provider.Alone(ctx, len(tokens), func(i int) message.Outcome { return push(tokens[i]) },
		func(i int, o message.Outcome) { outcomes[i] = o })
	return outcomes
}

func together(_ context.Context, tokens []string, push func(string) message.Outcome) (outcomes []message.Outcome) {
	for _, token := range tokens {
		outcomes = append(outcomes, push(token))
	}
	return outcomes
}

// oneShort forgets the last target.
func oneShort(_ context.Context, tokens []string, push func(string) message.Outcome) []message.Outcome {
	return []message.Outcome{push(tokens[0])}
}

func TestAFaultOfAClient(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		client broken
		tokens []string
		want   []message.Class
		silent bool
	}{
		"in a stream":          {client: broken{send: inStreams}, tokens: []string{"a", "bad", "bad", "b"}, want: []message.Class{"Accepted", "Unknown", "Unknown", "Accepted"}},
		"with a single target": {client: broken{send: alone}, tokens: []string{"a", "bad", "b"}, want: []message.Class{"Accepted", "Unknown", "Accepted"}},
		"with all targets":     {client: broken{send: together}, tokens: []string{"a", "bad"}, want: []message.Class{"Unknown", "Unknown"}},
		"by a missing outcome": {client: broken{send: oneShort}, tokens: []string{"a", "b"}, want: []message.Class{"Accepted", "Unknown"}, silent: true},
		"in none":              {client: broken{send: inStreams}, tokens: []string{"a"}, want: []message.Class{"Accepted"}, silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			ctx := provider.Contain(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)))
			targets := make([]provider.Target, len(tt.tokens))
			for i, token := range tt.tokens {
				targets[i].Token = token
			}
			var got []message.Class
			for _, o := range provider.Send(ctx, tt.client, provider.Notification{}, targets) {
				got = append(got, o.Class)
				if o.Class == message.Unknown && (o.Code != "internal" || o.Detail == "") {
					t.Errorf("the outcome does not say what happened: %+v", o)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.silent {
				if out.Len() > 0 {
					t.Errorf("logged %s", &out)
				}
				return
			}
			checkTold(t, out.String())
		})
	}
}

func TestAFaultOfAProbe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx := provider.Contain(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)))
	if p := provider.Prove(ctx, broken{}); p.Verdict != provider.Silent || p.Code != "internal" {
		t.Errorf("got %+v", p)
	}
	checkTold(t, out.String())
}

func TestAFaultOfAListOfDeadTokens(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ctx := provider.Contain(t.Context(), slog.New(slog.NewJSONHandler(&out, nil)))
	if tokens, o := provider.DeadTokens(ctx, broken{}); len(tokens) != 0 || o.Class != message.Unknown || o.Code != "internal" {
		t.Errorf("got %v, %+v", tokens, o)
	}
	checkTold(t, out.String())
}

// checkTold wants one line with the place of the fault and the type of the value, and not the value.
func checkTold(t *testing.T, log string) {
	t.Helper()
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"type":"string"`) ||
		!strings.Contains(log, `"stack":["github.com/offlinepush/operator/dispatcher/provider_test.push contain_test.go:`) {
		t.Errorf("the log does not name the place once: %s", log)
	}
	if strings.Contains(log, poison) {
		t.Errorf("the log quotes the value: %s", log)
	}
}

func TestAFaultThatNobodyContainsGoesOn(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("the fault is gone")
		}
	}()
	provider.Send(t.Context(), broken{send: together}, provider.Notification{}, []provider.Target{{Token: "bad"}})
}
