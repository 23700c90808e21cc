// Package pushkit is what Huawei's two push services have in common: the
// request to up to 1000 tokens, its answers, and the receipts. Packages huawei
// (v1) and harmonyos (v3) add their bodies and credentials.
package pushkit

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	// MaxTargets is the largest number of tokens in a request.
	MaxTargets = 1000
	// baseURL is the address of both services, in mainland China and overseas.
	baseURL = "https://push-api.cloud.huawei.com"
	// provenFor is how long after a phone took a push the credential is no suspect.
	provenFor = 24 * time.Hour
	// agreeing is how many phones have to be refused as another app's before the others are not asked.
	agreeing = 3
)

// Sender makes the requests of a channel row. It is safe for concurrent use.
type Sender struct {
	// URL is where pushes go.
	URL    string
	Client *http.Client
	// Codes is the index of the service's table.
	Codes provider.CodeIndex
	// Tokens makes what the Authorization header bears.
	Tokens *accesstoken.Cache
	Now    func() time.Time

	// accepted is when a phone last took a push, in Unix nanoseconds.
	accepted atomic.Int64
}

// Message is a push without its phones.
type Message struct {
	// Header is sent along; nil means none.
	Header http.Header
	// Body makes the request for the tokens.
	Body func(tokens []string) any
	// Batch is how many tokens one request may have; 0 means MaxTargets.
	Batch int
	// Note says what the phones will not get.
	Note string
}

// Base is the address that a channel row's requests go to.
func Base(row config.Channel) string {
	if row.Endpoint.URL != "" {
		return strings.TrimSuffix(row.Endpoint.URL, "/")
	}
	return baseURL
}

// Send makes one request for all targets that can be tokens, or as many as the message's batches take.
func (s *Sender) Send(ctx context.Context, m Message, targets []provider.Target) []message.Outcome {
	batch := m.Batch
	if batch == 0 {
		batch = MaxTargets
	}
	outcomes := make([]message.Outcome, 0, len(targets))
	for some := range slices.Chunk(targets, batch) {
		outcomes = append(outcomes, provider.SendBatch(ctx, some, func(tokens []string) (message.Outcome, map[string]message.Outcome) {
			return s.push(ctx, m, tokens)
		})...)
	}
	return outcomes
}

// Reject is the outcome of all targets of a message that Huawei would refuse. The error names the field and the cure.
func Reject(err error, targets []provider.Target) []message.Outcome {
	return slices.Repeat([]message.Outcome{provider.Unsent(err)}, len(targets))
}

// push makes a request. An outcome of InvalidToken for several tokens asks to repeat it for each alone.
func (s *Sender) push(ctx context.Context, m Message, tokens []string) (message.Outcome, map[string]message.Outcome) {
	var v verdict
	v.outcome = s.Tokens.Do(ctx, func(bearer string) message.Outcome {
		v = s.once(ctx, m, tokens, bearer)
		return v.outcome
	})
	allNamed := v.namesAll(tokens)
	if v.outcome.Class == message.Accepted && !allNamed {
		v.outcome.Detail = m.Note
		s.accepted.Store(s.Now().UnixNano())
	}
	for token, o := range v.named {
		v.named[token] = s.judge(o)
	}
	switch {
	case len(tokens) == 1:
		v.outcome = s.judge(v.outcome)
	case v.outcome.Code == codeForeign:
		return v.outcome, s.apart(ctx, m, tokens) // one of them is another app's, which lets Huawei refuse all
	case allNamed:
		v.outcome.Class = message.Unknown // it is nobody's, so nothing is repeated
	}
	return v.outcome, v.named
}

// apart asks for each phone alone whether it is another app's. A phone that takes the push proves the others' refusals to be
// theirs; without one, refusals that agree end the work.
func (s *Sender) apart(ctx context.Context, m Message, tokens []string) map[string]message.Outcome {
	var refusals atomic.Int64
	outcomes, asked := make([]message.Outcome, len(tokens)), make([]bool, len(tokens))
	provider.Alone(ctx, len(tokens), func(i int) message.Outcome {
		asked[i] = true
		whole, named := s.push(ctx, m, tokens[i:i+1])
		o := verdict{outcome: whole, named: named}.of(tokens[i])
		o.PhoneOnly = foreign(o) && refusals.Add(1) < agreeing
		return o
	}, func(i int, o message.Outcome) { outcomes[i] = o })
	all := make(map[string]message.Outcome, len(tokens))
	for i, o := range outcomes {
		o.PhoneOnly = false
		if asked[i] { // the others may still be good
			o = s.judge(o)
		}
		all[tokens[i]] = o
	}
	return all
}

func (s *Sender) once(ctx context.Context, m Message, tokens []string, bearer string) verdict {
	body := provider.Compact(m.Body(tokens))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return verdict{outcome: provider.Unanswered(err)}
	}
	maps.Copy(req.Header, m.Header)
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json;charset=UTF-8")
	a, err := provider.Do(s.Client, req)
	if err != nil {
		return verdict{outcome: provider.Unanswered(err)}
	}
	return read(a, s.Codes, append([]string{bearer}, tokens...)...)
}

// judge tells the two causes of a refusal apart: a credential of the wrong app or project delivers to nobody, a foreign
// token is alone. It is not unbound: the same words come when the app loses its right.
func (s *Sender) judge(o message.Outcome) message.Outcome {
	if foreign(o) && s.proven() {
		o.Class = message.Rejected
	}
	return o
}

// foreign tells whether a phone is refused as another app's, or the app for its lack of rights.
func foreign(o message.Outcome) bool {
	return o.Class == message.CredentialRejected && (o.Code == codeForeign || o.Code == reasonForeign || o.Code == reasonNoApp)
}

func (s *Sender) proven() bool {
	last := s.accepted.Load()
	return last != 0 && s.Now().Sub(time.Unix(0, last)) < provenFor
}
