// Package harmonyos pushes through Huawei's Push Kit v3 to phones with HarmonyOS
// 5 and later: one request for up to 1000 tokens, authorized by a JWT that the
// project's service account signs.
package harmonyos

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/accesstoken"
	"github.com/offlinepush/operator/dispatcher/provider/pushkit"
)

// nobody is a token that no phone has, for probes.
const nobody = "offlinepush-probe"

// Provider is a project of Push Kit v3.
type Provider struct {
	receiptID string
	sender    *pushkit.Sender
}

var _ provider.Provider = (*Provider)(nil)

// New makes the provider of a channel row with vendor HarmonyOS.
func New(row config.Channel, deps provider.Deps) (*Provider, error) {
	if row.HarmonyOS == nil {
		return nil, fmt.Errorf("channel %s: harmonyOS: must be set for vendor HarmonyOS", row.Name)
	}
	account, err := parseAccount([]byte(row.HarmonyOS.ServiceAccount.Reveal()), row.HarmonyOS.ProjectID)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	client, err := provider.NewClient(row.Endpoint, deps)
	if err != nil {
		return nil, fmt.Errorf("channel %s: %w", row.Name, err)
	}
	signer := signer{account: account, now: deps.Clock()}
	alone := deps
	alone.Tokens = nil // signing is cheaper than asking the store
	return &Provider{
		receiptID: row.HarmonyOS.ReceiptID,
		sender: &pushkit.Sender{
			URL:    pushkit.Base(row) + "/v3/" + url.PathEscape(account.ProjectID) + "/messages:send",
			Client: client,
			Codes:  provider.IndexCodes(Codes()),
			Tokens: accesstoken.New(row.Name, signer.mint, alone),
			Now:    deps.Clock(),
		},
	}, nil
}

// Codes is the table of Push Kit's codes, and of the reasons for which it refuses single phones.
func Codes() []provider.Code { return append(pushkit.Codes(), pushkit.Reasons()...) }

// MaxTargets is the largest number of tokens of one Send.
func (*Provider) MaxTargets() int { return pushkit.MaxTargets }

// Requests is one for all targets. The rare repetition for each target alone is not counted, nor the smaller requests
// of test messages.
func (*Provider) Requests(int) int { return 1 }

// Close releases connections.
func (p *Provider) Close() { p.sender.Client.CloseIdleConnections() }

// Probe pushes to a phone that does not exist: there is no exchange of the JWT that would prove it. Huawei's complaint
// about the phone is the good answer.
func (p *Provider) Probe(ctx context.Context) message.Outcome {
	n := provider.Notification{Title: "probe", Content: "probe"}
	targets := []provider.Target{{Token: nobody}}
	m, err := compose(n, p.receiptID, targets)
	if err != nil {
		return pushkit.Reject(err, targets)[0]
	}
	o := p.sender.Send(ctx, m, targets)[0]
	switch o.Class {
	case message.InvalidToken, message.Rejected:
		return message.Outcome{Class: message.Accepted, HTTPStatus: http.StatusOK}
	case message.Accepted, message.AuthExpired, message.CredentialRejected, message.Throttled, message.QuotaExhausted,
		message.Transient, message.Unknown:
	}
	return o
}

// Send makes one request for all targets that can be tokens.
func (p *Provider) Send(ctx context.Context, n provider.Notification, targets []provider.Target) []message.Outcome {
	m, err := compose(n, p.receiptID, targets)
	if err != nil {
		return pushkit.Reject(err, targets)
	}
	return p.sender.Send(ctx, m, targets)
}

// Receipts reads a callback of a channel row.
func Receipts(row config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	if row.HarmonyOS == nil {
		return nil, fmt.Errorf("channel %s: harmonyOS: must be set for vendor HarmonyOS", row.Name)
	}
	return pushkit.Receipts(row.HarmonyOS.ReceiptUser, row.HarmonyOS.ReceiptKey, c)
}
