// Package fcm pushes through Firebase Cloud Messaging, HTTP v1: one request per
// phone over shared HTTP/2 connections, authorized by a service account.
package fcm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
)

const (
	baseURL = "https://fcm.googleapis.com"
	// maxTargets is what Firebase's own SDK takes in one call.
	maxTargets = 500
	// maxStreams bounds the open requests of a channel row; a connection of Google's carries 100.
	maxStreams = 200
)

// Provider is a Firebase project with a service account.
type Provider struct {
	url     string
	target  string
	client  *http.Client
	grant   grant
	tokens  *accesstoken.Cache
	codes   provider.CodeIndex
	streams provider.Streams
	proven  provider.Proven
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider of a channel row with vendor FCM.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.FCM == nil {
		return nil, fmt.Errorf("channel %s: fcm: must be set for vendor FCM", row.Name)
	}
	account, err := parseAccount([]byte(row.FCM.ServiceAccount.Reveal()), row.FCM.ProjectID)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	tokenURL, err := account.tokenURL(row.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	base := baseURL
	if row.Endpoint.URL != "" {
		base = strings.TrimSuffix(row.Endpoint.URL, "/")
	}
	codes := provider.IndexCodes(Codes())
	g := grant{account: account, url: tokenURL, client: client, codes: codes, now: deps.Clock()}
	return &Provider{
		url:     base + "/v1/projects/" + account.ProjectID + "/messages:send",
		target:  row.FCM.Target,
		client:  client,
		grant:   g,
		tokens:  accesstoken.New(row.Name+"/"+account.fingerprint, g.mint, deps),
		codes:   codes,
		streams: provider.NewStreams(maxStreams),
	}, nil
}

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return maxTargets }

// Requests is one for each target: FCM has no batch call.
func (*Provider) Requests(targets int) int { return targets }

// Close releases connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// Probe proves the key by a new access token, then the project and the role by
// a dry run to a phone that does not exist: a key that Google takes but that may
// not push would replace a working one otherwise. FCM's complaint about the
// phone is the good answer.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	token, o := p.grant.mint(ctx)
	if o.Class != message.Accepted {
		return o
	}
	nobody := provider.Target{Token: "offlinepush-probe"}
	dry := p.push(ctx, token.Value.Reveal(), provider.Notification{Title: "probe"}, nobody, true)
	switch dry.Class {
	case message.Accepted, message.InvalidToken, message.Rejected:
		return o
	case message.AuthExpired, message.CredentialRejected, message.Throttled, message.QuotaExhausted,
		message.Transient, message.Unknown:
	}
	return dry
}

// Send makes one request for each target. Those whose access token is refused
// are sent once more with a new one.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	outcomes := make([]message.Outcome, len(targets))
	p.tokens.Each(ctx, outcomes, func(token string, due []int) {
		p.streams.Each(ctx, due, func(i int) { outcomes[i] = p.push(ctx, token, n, targets[i], false) })
	})
	p.proven.Judge(outcomes, senderIDMismatch, message.InvalidToken)
	p.proven.Judge(outcomes, thirdPartyAuth, message.Rejected)
	return outcomes
}

// push makes one request; a dry one sends nothing.
func (p *Provider) push(
	ctx context.Context, token string, n provider.Notification, t provider.Target, dry bool,
) message.Outcome {
	b, err := compose(n, t, p.target)
	if err != nil {
		return message.Outcome{Class: message.Rejected, Detail: provider.Words(err.Error())}
	}
	encoded, err := json.Marshal(request{ValidateOnly: dry, Message: b})
	if err != nil {
		return message.Outcome{Class: message.Rejected, Detail: provider.Words(err.Error())}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(encoded))
	if err != nil {
		return provider.Unanswered(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	a, err := provider.Do(p.client, req)
	if err != nil {
		return provider.Unanswered(err)
	}
	return outcome(a, p.codes, token, t.Token)
}
